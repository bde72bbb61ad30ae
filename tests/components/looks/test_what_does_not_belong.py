"""What does not belong into a category is found, although values of others come and go: see `test_what_comes_and_goes`."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from components.checks.findings import Finding
from components.looks.data_check import DataCheck
from tests.components.looks.test_what_comes_and_goes import START, films, found

ROWS, FROM = 300, 45
Values = Callable[[int, np.random.Generator], np.ndarray]


def chosen(rng: np.random.Generator, values: list[str], shares: list[float] | None = None) -> np.ndarray:
    return rng.choice(values, ROWS, p=shares).astype(object)


def replaced(values: np.ndarray, share: float, by: str, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(len(values)) < share, by, values).astype(object)


def blocked(values: Values, folder: Path, days: int = 60) -> dict[DataCheck, Finding]:
    return {finding.check: finding for finding in found(values, folder, days) if finding.blocks}


def test_values_that_are_wrong_excuse_no_others(tmp_path: Path) -> None:
    wrong = {30: "nan?", 38: "ERR", 46: "null!", 54: "undef", 56: "x#7", 58: "q"}

    def colours(place: int, rng: np.random.Generator) -> np.ndarray:
        values = chosen(rng, ["red", "green", "blue", "white"])
        return replaced(values, 0.5, wrong[place], rng) if place in wrong else values

    finding = blocked(colours, tmp_path)[DataCheck.UNSEEN]
    assert (finding.since, finding.days) == (START + timedelta(days=30), len(wrong))


@pytest.mark.parametrize(("word", "share"), [("N/A", 0.35), ("?", 0.25)])
def test_films_never_have_a_word_for_none(word: str, share: float, tmp_path: Path) -> None:
    def spoilt(place: int, rng: np.random.Generator) -> np.ndarray:
        return films(place, rng) if place < FROM else replaced(films(place, rng), share, word, rng)

    assert blocked(spoilt, tmp_path)[DataCheck.UNSEEN].since == START + timedelta(days=FROM)


@pytest.mark.parametrize("title", ["The Cat returns", "Red returns", "Other"])
def test_films_are_not_nearly_all_the_same(title: str, tmp_path: Path) -> None:
    """One that is old, one that came two days ago, and one that is none."""

    def spoilt(place: int, rng: np.random.Generator) -> np.ndarray:
        return films(place, rng) if place < FROM + 2 else replaced(films(place, rng), 0.8, title, rng)

    (finding,) = blocked(spoilt, tmp_path).values()
    assert (finding.since, finding.days) == (START + timedelta(days=FROM + 2), 13)


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        (["S1", "S2", "S3", "S4"], ["E500", "E404"], 1.0),
        (["S1", "S2", "S3", "S4"], ["X9", "Y8", "Z7", "W6"], 1.0),
        (["S1", "S2", "S3", "S4"], ["S5", "S6", "S7", "S8"], 1.0),
        ([f"R{n}" for n in range(12)], ["E404"], 0.6),
        ([f"R{n}" for n in range(12)], ["R12"], 0.6),
    ],
)
def test_codes_with_other_letters_or_in_too_many_rows_are_not_the_next(
    before: list[str], after: list[str], share: float, tmp_path: Path
) -> None:
    def codes(place: int, rng: np.random.Generator) -> np.ndarray:
        values = chosen(rng, before)
        return values if place < FROM else np.where(rng.random(ROWS) < share, chosen(rng, after), values).astype(object)

    finding = blocked(codes, tmp_path)[DataCheck.UNSEEN]
    assert (finding.since, finding.days) == (START + timedelta(days=FROM), 15)


def test_one_more_code_warns(tmp_path: Path) -> None:
    def codes(place: int, rng: np.random.Generator) -> np.ndarray:
        values = chosen(rng, [f"R{n}" for n in range(12)])
        return values if place < FROM else replaced(values, 0.1, "R12", rng)

    (finding,) = found(codes, tmp_path)
    assert (finding.check, finding.blocks, finding.days) == (DataCheck.UNSEEN, False, 1)


def test_a_row_with_a_new_code_excuses_no_value_that_is_lost(tmp_path: Path) -> None:
    def codes(place: int, rng: np.random.Generator) -> np.ndarray:
        if place < FROM:
            return chosen(rng, ["S1", "S2", "S3", "S4"], [0.2, 0.3, 0.3, 0.2])
        values = chosen(rng, ["S2", "S3", "S4"], [0.4, 0.35, 0.25])
        values[0] = f"S{place}"
        return values

    finding = blocked(codes, tmp_path)[DataCheck.COVERAGE]
    assert (finding.since, finding.days) == (START + timedelta(days=FROM), 15)


SHARES, TURNED = [0.5, 0.3, 0.15, 0.05], [0.05, 0.15, 0.3, 0.5]


@pytest.mark.parametrize(("turned", "came"), [(30, 55), (45, 40)])
def test_a_new_value_hides_no_drift_of_the_others(turned: int, came: int, tmp_path: Path) -> None:
    def codes(place: int, rng: np.random.Generator) -> np.ndarray:
        values = chosen(rng, ["S1", "S2", "S3", "S4"], SHARES if place < turned else TURNED)
        return values if place < came else replaced(values, 0.15, "S5", rng)

    assert blocked(codes, tmp_path)[DataCheck.DRIFT].since == START + timedelta(days=turned)


def test_films_may_be_unknown_for_a_day_and_nothing_breaks(tmp_path: Path) -> None:
    def spoilt(place: int, rng: np.random.Generator) -> np.ndarray:
        return films(place, rng) if place != FROM + 2 else np.full(ROWS, None, object)

    assert {finding.check for finding in found(spoilt, tmp_path) if finding.blocks} == {DataCheck.NULLS}
