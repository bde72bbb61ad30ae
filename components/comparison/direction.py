"""Which of two windows is the odd one in a column: that follows from the days before and after them, not from which is named first."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date

from components.comparison.changes import ColumnChange
from components.comparison.columns import ColumnDifference
from components.comparison.days import Compared, total
from components.comparison.shared_cells import column_distance
from components.profiles.profile import ColumnProfile

NEVER_RIGHT = frozenset({ColumnChange.TEXT, ColumnChange.UNFINITE, ColumnChange.DEAD, ColumnChange.DAMAGED})
"""Changes that are wrong wherever they are, so that of two windows the one that has them is the odd one."""
CLEAR = 2.0
"""A window is the odd one if it is so many times as far from the other days as the other window."""
LEAST_APART = 0.01
"""And further from them than the other by this much: Jensen-Shannon, in bits."""
EMPTIER = 0.2
"""A window with more NULLs by this share of the rows is the odd one, where nothing else tells."""
OVERLAP = 0.5
"""If so many of the compared days are in both windows, they were loaded again: any other day then tells what is usual."""


def is_turned(there: ColumnDifference, back: ColumnDifference, compared: Compared, others: Mapping[date, ColumnProfile]) -> bool:
    """Whether the window that is named first holds what is odd.

    Args:
        there: how the second window differs from the first.
        back: how the first one differs from the second.
        compared: the column on the days that tell the windows apart.
        others: the column on other days, of both windows, of other versions, or of the source before and after.
    """
    if not back.kinds:
        return False
    if not compared.before or not compared.after:
        return _by_type(there) or False
    tests: Iterable[Callable[[], bool | None]] = (
        lambda: _one_of(bool(NEVER_RIGHT & back.kinds.keys()), bool(NEVER_RIGHT & there.kinds.keys())),
        lambda: _by_days(compared, _earlier(compared, others)),
        lambda: _by_type(there),
        lambda: _one_of(back.is_break and _began(back, compared.before), there.is_break and _began(there, compared.after)),
        lambda: _one_of(_began(back, compared.before), _began(there, compared.after)),
        lambda: _by_days(compared, _later(compared, others)),
        lambda: _by_days(compared, others) if _were_loaded_again(compared) else None,
        lambda: _by_nulls(compared),
    )
    found = (test() for test in tests)
    return next((turned for turned in found if turned is not None), max(compared.before) > max(compared.after))


def _one_of(first: bool, second: bool) -> bool | None:
    """Whether it is the first window; None if it is both or neither."""
    return first if first != second else None


def _earlier(compared: Compared, others: Mapping[date, ColumnProfile]) -> dict[date, ColumnProfile]:
    """The days before both windows' first compared one: what a column was like before anything happened to it."""
    first = min(min(compared.before), min(compared.after))
    return {day: profile for day, profile in others.items() if day < first}


def _later(compared: Compared, others: Mapping[date, ColumnProfile]) -> dict[date, ColumnProfile]:
    last = max(max(compared.before), max(compared.after))
    return {day: profile for day, profile in others.items() if day > last}


def _by_days(compared: Compared, days: Mapping[date, ColumnProfile]) -> bool | None:
    """Which window is further from other days; None if there are none, or if both are about as far."""
    usual, first, second = total(days), total(compared.before), total(compared.after)
    if usual is None or first is None or second is None or not usual.filled:
        return None
    one, other = (column_distance(usual, side) for side in (first, second))
    if abs(one - other) < LEAST_APART or max(one, other) < CLEAR * min(one, other):
        return None
    return one > other


def _by_type(there: ColumnDifference) -> bool | None:
    """Numbers that are written as text are the odd ones, unless they begin with zeros, which only a text keeps."""
    first, second = there.whole_before, there.whole_after
    if first is None or second is None or (first.type == "STRING") == (second.type == "STRING"):
        return None
    text = first if first.type == "STRING" else second
    has_zeros = any(len(value) > 1 and value[0] == "0" and value.isdigit() for value in text.values)
    return (text is first) != has_zeros


def _began(difference: ColumnDifference, side: Mapping[date, ColumnProfile]) -> bool:
    """Whether a window begins with days that are like the other window's, before the first that is not."""
    return difference.since is not None and difference.since > min(side)


def _were_loaded_again(compared: Compared) -> bool:
    both = compared.before.keys() & compared.after.keys()
    return len(both) >= OVERLAP * min(len(compared.before), len(compared.after))


def _by_nulls(compared: Compared) -> bool | None:
    first, second = (_null_share(total(side)) for side in (compared.before, compared.after))
    return first > second if abs(first - second) >= EMPTIER else None


def _null_share(profile: ColumnProfile | None) -> float:
    return profile.nulls / profile.rows if profile and profile.rows else 0.0
