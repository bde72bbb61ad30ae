"""A metric has fallen if its days are further from its level than days, versions and samples differ."""

from collections.abc import Sequence

import numpy as np
import pytest

from components.degradation.fall import Fall, Reading, UsualDays, find_fall

LEAST = 0.02
A_YEAR = 1 / 365
"""The probability on a day that chance gives once a year."""


QUIET_DAYS = 3
"""After so many days on which it is not told an alarm is closed."""


def days(values: Sequence[float], error: float = 0.01) -> list[Reading]:
    return [Reading(float(value), error) for value in values]


def fall(values: Sequence[float], past: UsualDays | None = None) -> Fall | None:
    found = find_fall(days(values), 0.01, past or UsualDays(LEAST), least=LEAST)
    return found if found is not None and found.chance < A_YEAR / 2 else None


def weather(rng: np.random.Generator, count: int, spread: float = 0.08) -> np.ndarray:
    """Days of which neighbours are alike, as storms last."""
    values = rng.standard_normal(count)
    for place in range(1, count):
        values[place] = 0.3 * values[place - 1] + 0.95 * values[place]
    found: np.ndarray = spread * values
    return found


def test_days_that_differ_by_themselves_give_at_most_one_fall_in_ten_years() -> None:
    rng = np.random.default_rng(5)
    told = 0
    for _ in range(10):
        past = UsualDays(LEAST, tuple(tuple((weather(rng, 28) + 0.07 * rng.standard_normal()).tolist()) for _ in range(6)))
        level, values = 0.07 * rng.standard_normal(), weather(rng, 60)
        told += any(fall((values[:last] + level).tolist(), past) for last in range(1, 61))
    assert told <= 1


def test_one_storm_is_no_fall_however_bad_it_is() -> None:
    assert fall([0.0] * 10 + [0.03, 0.6]) is None
    found = fall([0.0] * 10 + [0.5, 0.6])
    assert found is not None
    assert found.days == (10, 11)


def test_a_small_fall_shows_after_some_days() -> None:
    fallen = [number for number in range(1, 8) if fall([0.0, 0.01] * 10 + [0.09] * number)]
    assert fallen[0] in (2, 3)
    assert fallen == [*range(fallen[0], 8)]


def test_days_of_a_fall_do_not_become_usual() -> None:
    assert all(fall([0.0, 0.01] * 10 + [0.3] * number) for number in range(2, 40))


@pytest.mark.parametrize(("of_versions", "is_told"), [(0.0, True), (0.2, False)], ids=["versions are as they were made", "they never are"])
def test_how_far_versions_are_from_what_they_were_made_counts_on_their_first_days(of_versions: float, is_told: bool) -> None:
    past = UsualDays(LEAST, tuple((sign * of_versions,) * 5 for sign in (1, -1) * 3))
    assert (fall([0.2, 0.2, 0.2], past) is not None) is is_told


def test_a_version_that_is_always_a_little_worse_than_when_it_was_made_is_told_by_how_far_it_falls_from_that() -> None:
    past = UsualDays(LEAST, ((0.1,) * 20, (-0.1,) * 20, (0.12,) * 20))
    usual = [0.1, 0.11] * 10
    assert fall(usual, past) is None
    assert fall([*usual, 0.3, 0.3], past) is not None


GOOD = tuple(
    tuple((shift + 0.01 * np.random.default_rng(place).standard_normal(30)).tolist())
    for place, shift in enumerate((0.01, -0.01, 0.0, 0.005))
)
INCIDENT = (*GOOD, tuple((0.2 + 0.01 * np.random.default_rng(9).standard_normal(30)).tolist()))
NONE = np.zeros(180)


@pytest.mark.parametrize(
    ("worse", "past", "told_by", "is_told"),
    [
        (np.where(np.arange(180) < 30, 0.0, 0.06), (), (45, 60, 100, 150, 180), True),
        (NONE + 0.1, (), (30, 60, 180), True),
        (NONE + 0.08, (), (45, 90, 180), True),
        (NONE + 0.1, GOOD, (10, 60, 180), True),
        (NONE + 0.2, INCIDENT, (2, 30, 180), True),
        (np.arange(180) / 1000, (), (75, 100, 150, 180), True),
        (NONE, (), tuple(range(2, 181, 3)), False),
        (NONE, GOOD, tuple(range(2, 181, 3)), False),
    ],
    ids=[
        "lasting",
        "bad since day 1",
        "a little bad since day 1",
        "bad after good versions",
        "bad after an incident",
        "slow",
        "clean",
        "clean, known",
    ],
)
def test_what_is_worse_is_told_for_as_long_as_it_lasts(
    worse: np.ndarray, past: tuple[tuple[float, ...], ...], told_by: tuple[int, ...], is_told: bool
) -> None:
    values = worse + 0.014 * np.random.default_rng(3).standard_normal(len(worse))
    for last in told_by:
        ends = range(last, max(last - QUIET_DAYS, 0), -1)
        assert any(fall(values[:end].tolist(), UsualDays(LEAST, past)) is not None for end in ends) is is_told, last


def test_a_fall_is_told_when_its_good_days_are_no_longer_looked_at() -> None:
    values = np.where(np.arange(150) < 30, 0.0, 0.12) + 0.014 * np.random.default_rng(4).standard_normal(150)
    assert all(fall(values[last - 60 : last].tolist()) for last in (90, 100, 120, 150))
