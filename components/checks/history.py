"""What a column was like before: what each partition, or span, is held against."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from components.snapshot.profile import ColumnProfile, Table, add

PARTITIONS_BEFORE = 28
"""Four of each weekday."""


@dataclass(frozen=True)
class Step:
    """A column in one partition, and what it was like before."""

    day: date
    now: ColumnProfile
    before: ColumnProfile | None
    """None for the first of all."""
    last: ColumnProfile | None
    """The partition just before."""
    last_day: date | None = None


def steps(column: str, days: Mapping[date, Table], past: Mapping[date, Table], *, window: int = PARTITIONS_BEFORE) -> Iterator[Step]:
    """The column in every partition, the oldest first, with its past.

    Args:
        column: its name.
        days: what is checked.
        past: what was found good before; where it has a day that `days` has too, it says what that was like then.
        window: how many partitions make the past.
    """
    known = {day: table[column] for day, table in {**days, **past}.items() if column in table}
    ordered = sorted(known)
    for day in sorted(days):
        if column in days[day]:
            place = bisect_left(ordered, day)
            earlier = [known[one] for one in ordered[max(0, place - window) : place]]
            before, last = (add(earlier), earlier[-1]) if earlier else (None, None)
            yield Step(day, days[day][column], before, last, ordered[place - 1] if place else None)
