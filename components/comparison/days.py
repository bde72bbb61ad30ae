"""The days on which two windows differ. Partitions with the same content in both say nothing, and are left out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from statistics import median

import numpy as np

from components.profiles.profile import SOURCE_TABLE, ColumnProfile, ColumnProfiles, Profiles, profiles_by_day, profiles_by_span, sum_column

WEEK = 7


@dataclass(frozen=True)
class Windows:
    """How the days of two windows differ, each in ascending order: partitions, or spans."""

    added: tuple[date, ...]
    vanished: tuple[date, ...]
    rewritten: tuple[date, ...]
    """Both windows have the day, with different content."""
    same: tuple[date, ...]

    @property
    def is_same(self) -> bool:
        """Whether both windows hold the same content."""
        return not (self.added or self.vanished or self.rewritten)


@dataclass(frozen=True)
class Days:
    """The profiles of two windows by day, and how the windows differ."""

    before: Mapping[date, ColumnProfiles]
    after: Mapping[date, ColumnProfiles]
    windows: Windows

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of both windows, those of the later one first."""
        return tuple(dict.fromkeys(name for side in (self.after, self.before) for table in side.values() for name in table))

    @property
    def turned(self) -> "Days":
        """The same windows, the other one first."""
        windows = replace(self.windows, added=self.windows.vanished, vanished=self.windows.added)
        return Days(self.after, self.before, windows)


def partition_days(before: Profiles, after: Profiles) -> Days:
    """The partitions of the source table."""
    windows = _windows(*(_contents(profiles, of_source=True) for profiles in (before, after)))
    return Days(profiles_by_day(before, SOURCE_TABLE), profiles_by_day(after, SOURCE_TABLE), windows)


def span_days(before: Profiles, after: Profiles) -> Days:
    """The spans of source.sql's rows, whatever their label."""
    windows = _windows(*(_contents(profiles, of_source=False) for profiles in (before, after)))
    return Days(profiles_by_span(before), profiles_by_span(after), windows)


def _contents(profiles: Profiles, *, of_source: bool) -> dict[date, frozenset[str]]:
    contents: dict[date, frozenset[str]] = {}
    for part in profiles:
        if (part.population == SOURCE_TABLE) == of_source:
            contents[part.day] = contents.get(part.day, frozenset()) | {part.fingerprint}
    return contents


def _windows(before: Mapping[date, frozenset[str]], after: Mapping[date, frozenset[str]]) -> Windows:
    both = sorted(before.keys() & after.keys())
    return Windows(
        added=tuple(sorted(after.keys() - before.keys())),
        vanished=tuple(sorted(before.keys() - after.keys())),
        rewritten=tuple(day for day in both if before[day] != after[day]),
        same=tuple(day for day in both if before[day] == after[day]),
    )


@dataclass(frozen=True)
class Compared:
    """A column's profiles on the days on which the windows differ, in ascending order. Both are empty if they never do."""

    before: Mapping[date, ColumnProfile]
    after: Mapping[date, ColumnProfile]

    def since(self, first: date, earlier: Mapping[date, ColumnProfile]) -> "Compared":
        """Without the later days before that one; and with all of the earlier window's days before it, which both windows may have."""
        before = {day: profile for day, profile in earlier.items() if day < first or day in self.before}
        return Compared(before, {day: profile for day, profile in self.after.items() if day >= first})


def differing(days: Days, name: str) -> Compared:
    """The days of a column that only one window has, or on which the column holds other values.

    If a window has no such day, all its days are taken, since there must be something to compare with the other window.
    """
    before = {day: table[name] for day, table in days.before.items() if name in table}
    after = {day: table[name] for day, table in days.after.items() if name in table}
    equal = set(days.windows.same) | {day for day in before.keys() & after.keys() if _holds_same(before[day], after[day])}
    old, new = _without(before, equal), _without(after, equal)
    if not old and not new:
        return Compared({}, {})
    return Compared(old or before, new or after)


def _without(profiles: Mapping[date, ColumnProfile], days: Collection[date]) -> dict[date, ColumnProfile]:
    return {day: profile for day, profile in profiles.items() if day not in days}


def _holds_same(before: ColumnProfile, after: ColumnProfile) -> bool:
    """Whether two profiles of a column count the same values; numbers that became text that spells them are the same."""
    names = ("rows", "nulls", "numbers", "texts", "nans", "infinities", "times", "low", "high")
    if any(getattr(before, name) != getattr(after, name) for name in names):
        return False
    arrays = ("keys", "counts", "hours", "weekdays")
    if not all(np.array_equal(getattr(before, name), getattr(after, name)) for name in arrays):
        return False
    return before.is_numeric or (before.values == after.values and before.others == after.others)


def as_names(days: Days, name: str) -> Days:
    """The days with a column of few texts as names, even where they spell numbers: the versions of a price list are no amounts."""
    sides = [[table[name] for table in side.values() if name in table] for side in (days.before, days.after)]
    if not all(side and sum_column(side).is_code for side in sides):
        return days
    before, after = (
        {day: {**table, name: table[name].as_names} if name in table else table for day, table in side.items()}
        for side in (days.before, days.after)
    )
    return replace(days, before=before, after=after)


def total(profiles: Mapping[date, ColumnProfile]) -> ColumnProfile | None:
    """Add up the profiles of all days; None if there is none."""
    return sum_column(list(profiles.values())) if profiles else None


def row_number(table: ColumnProfiles) -> int:
    """How many rows a day has."""
    return max((column.rows for column in table.values()), default=0)


def usual_rows(day: date, rows: Mapping[date, int]) -> float:
    """How many rows such a day has: the median of its weekday, or else of all days, of which there must be one."""
    return float(median([count for other, count in rows.items() if other.weekday() == day.weekday()] or rows.values()))
