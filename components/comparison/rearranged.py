"""Values that stayed what they were, in other places: two that changed places, and the hours of a day that are all later or earlier."""

from collections.abc import Iterable, Mapping
from datetime import date

import numpy as np

from components.profiles.distance import Cells, jensen_shannon
from components.profiles.profile import ColumnProfile, sum_column

LEAST_UNEVEN = 0.1
"""Values are told apart by how frequent they are if their shares are at least this far from one half."""
LEFT_OVER = 4.0
"""The rearrangement must leave no more than the difference over this."""
LEAST_APART = 0.02
"""Days whose hours differ by less are alike: Jensen-Shannon, in bits."""
LEAST_HOURS = 2
"""Daylight saving time moves a clock by one."""


def changed_places(shared: Cells, days: Iterable[Cells]) -> bool:
    """Whether a column holds two values, the rarer of which is as frequent now as the other one was.

    Args:
        shared: the earlier and the later values.
        days: each earlier day beside the later values, in cells of its own: on none of them was it so already.
    """
    sides = _shares_of_two(shared)
    if sides is None:
        return False
    was, now = sides
    is_mirrored = abs(was - 0.5) >= LEAST_UNEVEN and LEFT_OVER * abs(now - (1 - was)) <= abs(now - was)
    return is_mirrored and all((two := _shares_of_two(day)) is None or (two[0] - 0.5) * (was - 0.5) > 0 for day in days)


def _shares_of_two(shared: Cells) -> tuple[float, float] | None:
    """The share of one of two values before and after; None if there are more."""
    both = np.flatnonzero(shared.before + shared.after)
    if len(both) != 2 or not shared.before[both].all():
        return None
    before, after = shared.shares
    return float(before[both[0]]), float(after[both[0]])


def hours_moved(before: Mapping[date, ColumnProfile], after: Mapping[date, ColumnProfile]) -> int:
    """By how many hours the day's pattern is later (above 0) or earlier; 0 if it is not, or if another pattern took its place.

    Later days are held against earlier ones of the same weekdays, where there are such.
    """
    weekdays = {day.weekday() for day in after}
    same = [profile for day, profile in before.items() if day.weekday() in weekdays]
    was, now = (sum_column(side).hours for side in (same or list(before.values()), list(after.values())))
    if not len(was) or not len(now):
        return 0
    apart = [jensen_shannon(Cells((), was, np.roll(now, -hours))) for hours in range(24)]
    best = int(np.argmin(apart))
    moved = best if best <= 12 else best - 24
    return moved if abs(moved) >= LEAST_HOURS and apart[0] >= LEAST_APART and LEFT_OVER * apart[best] <= apart[0] else 0
