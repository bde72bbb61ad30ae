"""What is right although it was never so: films that change, codes of the next month, frost, a pharmacy on duty."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from components.calendar.rests import resting_weekdays
from components.checks.findings import Finding
from components.checks.source import check_source
from components.looks.data_check import DataCheck
from components.profiles.profiling import profile_batch
from tests.components.checks.corruptions import shop_model
from tests.components.checks.shops import batch

START, DAYS = date(2024, 2, 26), 50


def found(values: Callable[[int, np.random.Generator], np.ndarray], folder: Path, days: int = DAYS) -> list[Finding]:
    """What a first run finds in one column."""
    rng = np.random.default_rng(3)
    profiles = {START + timedelta(days=place): profile_batch(batch({"of": values(place, rng)})) for place in range(days)}
    return check_source(shop_model(folder), profiles, {})


def films(place: int, rng: np.random.Generator) -> np.ndarray:
    """Eight films, two of which are others every Thursday."""
    first = 2 * ((place + 4) // 7)
    titles = np.array(["The Cat", "Rain", "Nora", "Ill Will", "Seven", "Him", "Red", "Gone", "Tide", "Lucy", "Snow", "Maya", "Zero", "Ivy"])
    more = np.char.add(titles, " returns")
    return rng.choice(np.concatenate([titles, more])[first : first + 8], 120).astype(object)


def campaigns(place: int, rng: np.random.Generator) -> np.ndarray:
    """Codes of the month, in few of the rows."""
    codes = rng.choice([f"P{place // 30}A", f"P{place // 30}B"], 300).astype(object)
    codes[rng.random(300) < 0.8] = None
    return codes


def winter(place: int, rng: np.random.Generator) -> np.ndarray:
    """Degrees that fall below zero."""
    return np.round(11 - 0.25 * place + rng.normal(0, 1.5) + rng.normal(0, 1.2, 200), 1)


def price_list(place: int, rng: np.random.Generator) -> np.ndarray:
    """The version of a price list, in which another one takes over on a day; a few rows are of the one before."""
    now, last = ("4.2", "4.1") if place < 25 else ("5.0", "4.2")
    return rng.choice([now, last], 300, p=[0.98, 0.02]).astype(object)


def firmware(place: int, rng: np.random.Generator) -> np.ndarray:
    """A version that devices take on one after the other, the last one without a decimal."""
    new = np.clip((place - np.array([10, 30])) / 12, 0, 1)
    return np.where(rng.random(400) < new[1], "3.0", np.where(rng.random(400) < new[0], "2.1", "2.0")).astype(object)


def releases(place: int, rng: np.random.Generator) -> np.ndarray:
    """Versions of two and of three numbers."""
    p = np.array(
        [max(1 - place / 20, 0.01), min(place / 20, 1.0) * (0.2 if place > 22 else 1), min(place / 20, 1.0) * (0.8 if place > 22 else 0)]
    )
    return rng.choice(["4.9", "5.0", "5.0.1"], 300, p=p / p.sum()).astype(object)


def fiscal_years(place: int, _: np.random.Generator) -> np.ndarray:
    """All rows of a day are of one year."""
    return np.full(200, "FY23" if place < 12 else "FY24", object)


def months(place: int, rng: np.random.Generator) -> np.ndarray:
    """The month that is billed, and sometimes the one before."""
    names = ["2023-11", "2023-12", "2024-01", "2024-02"]
    month = 1 + (place > 12) + (place > 42)
    return np.where(rng.random(250) < 0.9, names[month], names[month - 1]).astype(object)


def holidays(place: int, _: np.random.Generator) -> np.ndarray:
    """Two in the first month, and one more than a month later: all rows of a day are of one kind."""
    return np.full(24, place in (5, 11, 46))


def first_holiday(place: int, _: np.random.Generator) -> np.ndarray:
    """The first one since the window began."""
    return np.full(24, place == 46)


def first_yes(place: int, _: np.random.Generator) -> np.ndarray:
    """The same in letters."""
    return np.full(24, "Y" if place == 46 else "N", object)


def once_a_month(place: int, rng: np.random.Generator) -> np.ndarray:
    """A kind of payment that only some days have, a month apart."""
    return np.where(rng.random(300) < (0.3 if place in (8, 41) else 0), "salary", "purchase").astype(object)


CLEAN = (films, campaigns, winter, price_list, firmware, releases, fiscal_years, months, holidays, first_holiday, first_yes, once_a_month)


@pytest.mark.parametrize("values", CLEAN)
def test_what_comes_and_goes_blocks_nothing(values: Callable[[int, np.random.Generator], np.ndarray], tmp_path: Path) -> None:
    assert [finding.sentence for finding in found(values, tmp_path) if finding.blocks] == []


def test_codes_of_the_next_month_are_told_once(tmp_path: Path) -> None:
    (finding,) = found(campaigns, tmp_path)
    assert (finding.check, finding.since, finding.days) == (DataCheck.UNSEEN, START + timedelta(days=30), 1)


def test_another_currency_in_all_rows_of_the_last_day_is_found(tmp_path: Path) -> None:
    (finding,) = found(lambda place, _: np.full(200, "EUR" if place == DAYS - 1 else "USD", object), tmp_path)
    assert (finding.blocks, finding.since) == (True, START + timedelta(days=DAYS - 1))


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lambda value: value.upper(), DataCheck.UNSEEN),
        (lambda value: value[:4], DataCheck.UNSEEN),
        (lambda _: "unknown", DataCheck.CONSTANT),
    ],
)
def test_a_film_of_another_spelling_is_found(spoil: Callable[[str], str], check: DataCheck, tmp_path: Path) -> None:
    def spoilt(place: int, rng: np.random.Generator) -> np.ndarray:
        return films(place, rng) if place < 45 else np.array([spoil(title) for title in films(place, rng)], object)

    finding = found(spoilt, tmp_path)[0]
    assert (finding.check, finding.blocks, finding.since) == (check, True, START + timedelta(days=45))


@pytest.mark.parametrize(
    ("values", "spoil"),
    [
        (price_list, lambda value: value.replace(".", "")),
        (price_list, lambda value: value.replace(".", ",")),
        (fiscal_years, lambda _: "FY2024"),
        (months, lambda value: value[5:]),
        (firmware, lambda _: "n/a"),
    ],
)
def test_a_code_that_was_spoilt_is_found(
    values: Callable[[int, np.random.Generator], np.ndarray], spoil: Callable[[str], str], tmp_path: Path
) -> None:
    def spoilt(place: int, rng: np.random.Generator) -> np.ndarray:
        column = values(place, rng)
        return column if place < 45 else np.array([spoil(value) for value in column], object)

    blocking = [finding for finding in found(spoilt, tmp_path) if finding.blocks]
    assert [finding.since for finding in blocking] == [START + timedelta(days=45)]


@pytest.mark.parametrize("factor", [-1.0, 1.8])
def test_degrees_of_another_sign_or_scale_are_found(factor: float, tmp_path: Path) -> None:
    def spoilt(place: int, rng: np.random.Generator) -> np.ndarray:
        degrees = 20 + rng.normal(0, 1) + rng.normal(0, 1.5, 200)
        return np.round(degrees if place < 45 else degrees * factor + 32 * (factor > 0), 1)

    finding = found(spoilt, tmp_path)[0]
    assert (finding.blocks, finding.since) == (True, START + timedelta(days=45))


def test_a_column_that_is_nearly_always_null_and_then_always_is_found(tmp_path: Path) -> None:
    def spoilt(place: int, rng: np.random.Generator) -> np.ndarray:
        prices = np.round(rng.lognormal(3, 1, 600), 2).astype(object)
        prices[rng.random(600) < (0.975 if place < 45 else 1.0)] = None
        return prices

    (finding,) = found(spoilt, tmp_path)
    assert (finding.check, finding.blocks, finding.since) == (DataCheck.NULLS, True, START + timedelta(days=45))


def test_decimals_that_were_cut_off_are_found(tmp_path: Path) -> None:
    def spoilt(place: int, rng: np.random.Generator) -> np.ndarray:
        fares = 3.2 + rng.lognormal(1.5, 0.8, 300)
        return np.round(fares, 2) if place < 45 else np.floor(fares)

    (finding,) = found(spoilt, tmp_path)
    assert (finding.check, finding.blocks, finding.since) == (DataCheck.RANGE, True, START + timedelta(days=45))


def test_a_value_that_chance_may_leave_out_for_a_day_is_missed_after_some(tmp_path: Path) -> None:
    def spoilt(place: int, rng: np.random.Generator) -> np.ndarray:
        return rng.choice(["a", "b", "c"], 130, p=[0.6, 0.33, 0.07] if place < 40 else [0.63, 0.37, 0.0]).astype(object)

    (finding,) = found(spoilt, tmp_path)
    assert (finding.check, finding.blocks) == (DataCheck.COVERAGE, True)


def test_nights_are_no_hours(tmp_path: Path) -> None:
    def stays(place: int, rng: np.random.Generator) -> np.ndarray:
        return 1 + rng.poisson(2.0 if place < 40 else 3.2, 150)

    assert DataCheck.TIME_ZONE not in {finding.check for finding in found(stays, tmp_path)}


@pytest.mark.parametrize(("sundays", "rests"), [("0000010", True), ("0001000000", True), ("1000000", False), ("0101010", False)])
def test_a_weekday_that_was_open_once_is_one_of_rest(sundays: str, *, rests: bool) -> None:
    days = [START + timedelta(days=place) for place in range(7 * len(sundays))]
    present = {day for day in days if day.weekday() != 6 or sundays[(day - START).days // 7] == "1"}
    assert resting_weekdays(days, present) == (["Sunday"] if rests else [])
