"""The values of a column in two profiles, counted in the same cells."""

import numpy as np

from components.comparison.days import WEEK
from components.model.checks_section import WEEKDAYS
from components.profiles.dates import by_distance
from components.profiles.distance import Cells, cells, jensen_shannon
from components.profiles.profile import ColumnProfile

RARE_VALUE = 0.01
"""Where a text column has more values than a profile keeps, rarer ones are compared as one group: which of them were kept is chance."""
OTHERS = "(others)"
"""The cell of rare values."""
HOURS = tuple(f"{hour} h" for hour in range(24))


def shared_cells(before: ColumnProfile, after: ColumnProfile, *, is_key: bool = False, days: int = 1) -> Cells:
    """Count the values of both profiles in the same cells.

    Args:
        before: the earlier profile.
        after: the later profile.
        is_key: whether the values are identifiers, so that they are counted in one cell.
        days: the length of the shorter window; weekdays are compared from a week on.
    """
    shared = cells(before, after)
    if is_key:
        values = len(shared.labels) - _special(shared)
        return _merged(shared, np.arange(len(shared.labels)) < values, "values")
    if before.times and after.times:
        if len(before.keys) and len(after.keys) and not len(before.hours):
            return cells(by_distance(before), by_distance(after))
        for name, names in (("hours", HOURS), ("weekdays", WEEKDAYS)):
            one, other = getattr(before, name), getattr(after, name)
            if len(one) and len(other) and (name == "hours" or days >= WEEK):
                nulls = ("NULL",)
                return Cells((*names, *nulls), np.append(one, before.nulls), np.append(other, after.nulls))
    if before.has_uncounted_values or after.has_uncounted_values:
        is_rare = (np.maximum(*shared.shares) < RARE_VALUE) | (np.array(shared.labels) == OTHERS)
        return _merged(shared, is_rare & (np.arange(len(is_rare)) < len(is_rare) - _special(shared)), OTHERS)
    return shared


def column_distance(before: ColumnProfile, after: ColumnProfile) -> float:
    """How far two profiles of a column are apart: Jensen-Shannon, in bits."""
    return jensen_shannon(shared_cells(before, after))


def _special(shared: Cells) -> int:
    """How many of the last cells count NULLs and the like instead of values."""
    return 4 if shared.labels[-1] == "infinity" else 1


def _merged(shared: Cells, chosen: np.ndarray, label: str) -> Cells:
    """Merge the chosen cells into one, in front of the others."""
    is_left = ~chosen
    labels = (label, *(name for name, is_single in zip(shared.labels, is_left, strict=True) if is_single))
    sides = (np.append(side[chosen].sum(), side[is_left]) for side in (shared.before, shared.after))
    return Cells(labels, *sides)
