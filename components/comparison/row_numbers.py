"""How many rows the partitions of two windows have: far more or fewer than such days have, or rows that are there twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from components.comparison.days import WEEK, Days, row_number, usual_rows
from components.profiles.profile import ColumnProfiles
from components.profiles.twins import rows_twice

ROWS_RATIO = 1.6
"""A partition must have this many times more or fewer rows for that to be a difference: weeks differ, and rows that
are all there twice are one."""
WITNESSES = 4 * WEEK
"""As many days before new partitions tell how many rows they should have: a holiday is not the only one of its weekday."""
ROWS_WEIGHT = 0.25
"""The weight of a difference in rows, which is small: a shop grows and shrinks without anybody's fault."""
LEAST_TWICE, TWICE_FACTOR = 0.1, 2.0
"""So many rows must be there twice, and so many more than on any day of the other window."""
LEAST_DAYS = 2
"""On so many days, where some always are: a customer may buy the same ten times."""


@dataclass(frozen=True, kw_only=True)
class RowsChange:
    """What is odd about the rows of one of two windows."""

    was: float
    """The median number of rows of partitions of those weekdays in the other window."""
    now: float
    """And in this one."""
    ratio: float = 1.0
    """How many times as many or as few that is, in the middle of its days."""
    twice: float = 0.0
    """The share of its rows that are there twice, if that is what is odd."""
    since: date | None = None
    """The first day on which they are."""
    is_turned: bool = False
    """Whether the window that is named first is the odd one."""

    @property
    def score(self) -> float:
        """The share of the model's input that it touches, rows that are there twice weighed heavier."""
        return self.twice / 2 if self.twice else (1 - 1 / self.ratio) * ROWS_WEIGHT


def changed_rows(days: Days, others: Mapping[date, ColumnProfiles]) -> RowsChange | None:
    """What is odd about the rows of one of two windows, told by the days before, or else by all others; None if nothing is."""
    if not days.before or not days.after:
        return None
    return _twice(days, is_turned=False) or _twice(days.turned, is_turned=True) or _more_or_fewer(days, others)


def _twice(days: Days, *, is_turned: bool) -> RowsChange | None:
    """Rows of the later window that are there twice, as hardly any of the earlier one are."""
    new = [day for day in days.after if day not in days.windows.same]
    usual = max((rows_twice(table) for table in days.before.values()), default=0.0)
    shares = {day: share for day in new if (share := rows_twice(days.after[day])) > LEAST_TWICE + TWICE_FACTOR * usual}
    if len(shares) < (LEAST_DAYS if usual else 1):
        return None
    usual_number = {day: row_number(table) for day, table in days.before.items()}
    was = median(usual_rows(day, usual_number) for day in shares)
    now = median(row_number(days.after[day]) for day in shares)
    since = min(shares)
    return RowsChange(was=was, now=now, twice=min(median(shares.values()), 1.0), since=since, is_turned=is_turned)


def _more_or_fewer(days: Days, others: Mapping[date, ColumnProfiles]) -> RowsChange | None:
    there, back = _changed_rows(days), _changed_rows(days.turned)
    if there is None and back is None:
        return None
    first, second = (set(days.windows.rewritten) or set(own) or set(side) for own, side in _own_days(days))
    known = {day: row_number(table) for day, table in {**others, **days.before, **days.after}.items() if day not in first | second}
    usual = {day: rows for day, rows in known.items() if day < min(first | second)} or known
    one, other = (_ratio({day: row_number(side[day]) for day in own}, usual) for own, side in ((first, days.before), (second, days.after)))
    is_turned = one >= ROWS_RATIO > other if usual else max(first) > max(second)
    found = back if back and (is_turned or there is None) else there
    assert found is not None  # noqa: S101 - one of the two is
    return RowsChange(was=found[0], now=found[1], ratio=found[2], is_turned=found is back)


def _changed_rows(days: Days) -> tuple[float, float, float] | None:
    """The median rows of such days before and of the new ones, and how many times as many or as few these are; None if about as many."""
    rewritten = {day: row_number(days.before[day]) for day in days.windows.rewritten}
    latest = list(days.before)[-max(WITNESSES, len(days.windows.added)) :]
    usual = rewritten | {day: row_number(days.before[day]) for day in latest}
    found = [_rows_of(days, days.windows.rewritten, rewritten), _rows_of(days, days.windows.added, usual)]
    worst = max((one for one in found if one is not None), key=lambda one: one[2], default=None)
    return worst if worst is not None and worst[2] >= ROWS_RATIO else None


def _rows_of(days: Days, new: Sequence[date], usual: Mapping[date, int]) -> tuple[float, float, float] | None:
    rows = {day: row_number(days.after[day]) for day in new}
    if not rows:
        return None
    was, is_now = (float(median(counts)) for counts in ([usual_rows(day, usual) for day in rows], rows.values()))
    return was, is_now, _ratio(rows, usual)


def _own_days(days: Days) -> tuple[tuple[Sequence[date], Mapping[date, ColumnProfiles]], ...]:
    """Of each window the days that only it has, and all of them."""
    return (days.windows.vanished, days.before), (days.windows.added, days.after)


def _ratio(rows: Mapping[date, int], usual: Mapping[date, int]) -> float:
    """How many times as many or as few rows days have as such days usually do."""
    if not rows or not usual:
        return 1.0
    change = float(median(max(count, 1) / max(usual_rows(day, usual), 1.0) for day, count in rows.items()))
    return max(change, 1 / change)
