"""What a partition is held against: the good ones before it, what it is used to, and what was let through."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from components.looks.categories import lost_value
from components.looks.data_check import Severity
from components.looks.dead import nulls
from components.looks.deviation import Deviation
from components.looks.earlier_days import Observation, Timeline, find_occurrences, is_new
from components.profiles.profile import ColumnProfile
from tests.components.checks.observations import CHECKS, DAY, profile


def course(days: Mapping[int, Sequence[Any]], past: Mapping[int, Sequence[Any]] | None = None, **more: Any) -> Timeline:
    def table(found: Mapping[int, Sequence[Any]]) -> dict[date, dict[str, ColumnProfile]]:
        return {DAY + timedelta(days=day): {"x": profile(values)} for day, values in found.items()}

    return Timeline(table(days), table(past or {}), **more)


def bad(one: Observation) -> Deviation | None:
    deviation = nulls(one, CHECKS)
    return deviation if deviation is not None and is_new(nulls, one, CHECKS, deviation) else None


GOOD, HALF = [1.0, 2.0] * 20, [1.0, None] * 20


def test_what_is_bad_does_not_become_the_past_of_what_comes_after() -> None:
    found = find_occurrences("x", course(dict.fromkeys(range(8), GOOD) | dict.fromkeys(range(8, 40), HALF)), bad)
    assert [place.day for place, _ in found] == [DAY + timedelta(days=day) for day in range(8, 40)]
    assert {len(place.earlier) for place, _ in found} == {8}


def test_what_warns_becomes_the_past() -> None:
    def warn(one: Observation) -> Deviation | None:
        deviation = lost_value(one, CHECKS)
        return replace(deviation, severity=Severity.WARNS) if deviation is not None else None

    both, one = ["a", "b"] * 200, ["a"] * 400
    assert len(find_occurrences("x", course(dict.fromkeys(range(2), both) | dict.fromkeys(range(2, 60), one)), warn)) < 40


def test_days_that_were_let_through_are_past_and_are_not_judged() -> None:
    days = dict.fromkeys(range(4), GOOD) | dict.fromkeys(range(4, 8), HALF)
    known = frozenset(DAY + timedelta(days=day) for day in range(6))
    assert find_occurrences("x", course(days, days, known=known), bad) == []


def test_a_day_that_was_rewritten_is_held_against_what_was_good() -> None:
    days = dict.fromkeys(range(6), GOOD)
    (found,) = find_occurrences("x", course(days | {3: HALF}, days), bad)
    assert found[0].day == DAY + timedelta(days=3)
    assert found[0].before is not None
    assert found[0].before.nulls == 0


def test_what_happens_every_week_is_no_finding() -> None:
    weekly = {day: HALF if day % 7 == 6 else GOOD for day in range(28)}
    assert find_occurrences("x", course(weekly), bad) == []
    worse = find_occurrences("x", course(weekly | {20: [None] * 38 + [1.0] * 2}), bad)
    assert [place.day for place, _ in worse] == [DAY + timedelta(days=20)]


def test_a_column_that_is_not_everywhere_is_followed_where_it_is() -> None:
    some = course({0: GOOD, 1: GOOD, 2: HALF})
    without = Timeline({**some.days, DAY + timedelta(days=9): {}}, {})
    assert len(find_occurrences("x", without, bad)) == 1
    assert find_occurrences("y", without, bad) == []
