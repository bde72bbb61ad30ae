"""The dates of rows besides that of their partition: how many days they are away from it, and dates that stand for none."""

from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

import numpy as np

from components.looks.data_check import DataCheck
from components.looks.dead import is_constant, same_value
from components.looks.deviation import LEAST_ROWS, LEAST_WRONG_ROWS, Deviation, chance, quoted
from components.looks.drift import divergence_ratio, judge_drift, measure_distance
from components.looks.earlier_days import Observation
from components.looks.usual import Daily, count_tail
from components.model.checks_section import ChecksSection
from components.profiles.dates import FAR_YEARS, NEAR_DAYS, by_distance, cells_of, date_keys
from components.profiles.profile import ColumnProfile, sum_column
from components.wording import count, percent

TAIL = 0.001
"""This share of the dates on either side says nothing of how far from their partition dates usually are."""
LEAST_WIDTH = 7
"""Dates may be further away by the width of what is usual, and by so many days."""
MORE_OF_A_YEAR = 0.02
LEAST_DAYS = 7
"""Partitions before that it takes to know that a date goes with its partition's."""
LEAST_WEEKDAYS = 4
LASTING = 2
"""A load may be a day late for once."""
EPOCH = date(1970, 1, 1)
FOR_NONE = frozenset(
    (date(*found) - EPOCH).days
    for found in ((1, 1, 1), (1899, 12, 30), (1900, 1, 1), (1970, 1, 1), (2099, 12, 31), (2999, 12, 31), (9999, 12, 31))
)
"""Dates that stand for none, in days since 1970."""
NO_DATE = "look for a date that stands for none, or for day and month that changed places"


def standing_date(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """All dates are as far from the partition's, which chance does not explain."""
    cells = _in_cells(observation)
    return same_value(cells, checks) if observation.now.times else None


def tied_date(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """A date that was always as far from its partition's is further away or nearer: it stands still, or is another one."""
    cells = _in_cells(observation)
    now, before, days = cells.now, cells.before, [column for column in observation.earlier if column.times]
    if before is None or len(days) < LEAST_DAYS or now.filled < LEAST_ROWS or not is_constant(now) or not is_constant(before):
        return None
    if now.values.keys() == before.values.keys() or any(one.low == other.low for one, other in pairwise(days)):
        return None
    return Deviation(
        check=DataCheck.CONSTANT,
        measure=1.0,
        threshold=0.0,
        rows=now.filled,
        what=f"is {quoted(next(iter(now.values)))}, {_day(observation.now.low)}, in all {count(now.filled)} values",
        remedy="look for a date that stands still, or was taken from another column",
        before=f"always {quoted(next(iter(before.values)))}",
        lasting=LASTING,
    )


def date_beyond(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """Dates are after the partition's where none was, or far beyond all that were: 1970-01-01, or day and month that changed places."""
    now, before = observation.now, observation.before
    if before is None or not before.times or before.times < 10 * LEAST_ROWS or not now.times:
        return None
    low, high = _usual(before, observation.day)
    days, were = _days(now, observation.day), _days(before, observation.day)
    rows = int(now.counts[(days < low) | (days > high)].sum())
    was = float(before.counts[(were < low) | (were > high)].sum()) / before.times
    share, alike = rows / now.times, 1.0 if _stands_for_none(now, before) else max(now.design_effect, before.design_effect)
    if rows / alike < LEAST_WRONG_ROWS or share <= was + checks.range_share + chance(max(was, checks.range_share), now.times, 1.0):
        return None
    return Deviation(
        check=DataCheck.RANGE,
        measure=share,
        threshold=checks.range_share,
        rows=rows,
        what=f"is {_where(observation, low, high)} in {count(rows)} of {count(now.times)} values",
        remedy=NO_DATE,
        before=f"so in {percent(was)} of values",
        chance=count_tail(rows / alike, (was + 1 / before.times) * now.times / alike, 2.0),
    )


def _stands_for_none(now: ColumnProfile, before: ColumnProfile) -> bool:
    """Whether the earliest or the latest date is one that nobody means, and was not there: then its rows need not be of many clusters."""
    return any(extreme in FOR_NONE and not before.low <= extreme <= before.high for extreme in (now.low, now.high))


def _where(observation: Observation, low: float, high: float) -> str:
    """In which direction dates are beyond all that were, with the furthest of them."""
    now, day = observation.now, (observation.day - EPOCH).days
    found = (
        [(now.high, "after the partition's day" if not high else "far later than any was", "the latest")] if now.high - day > high else []
    )
    found += [(now.low, "far earlier than any was", "the earliest")] if now.low - day < low else []
    turned = [_turned(extreme) for extreme, _, _ in found]
    is_turned = any(other is not None and low <= other - day <= high for other in turned)
    return " or ".join(f"{where} ({which} {_day(extreme)})" for extreme, where, which in found) + (
        ", as if day and month had changed places," if is_turned else ""
    )


def _turned(days: float) -> float | None:
    """The date with day and month in each other's place, in days since 1970; None if there is none."""
    found = EPOCH + timedelta(days=int(days))
    return float((found.replace(month=found.day, day=found.month) - EPOCH).days) if found.day <= 12 else None


def _day(days: float) -> str:
    return str(EPOCH + timedelta(days=int(days)))


def _usual(before: ColumnProfile, day: date) -> tuple[float, float]:
    """How many days before and after a partition's date others may be. None is after it where next to none was."""
    days, below = _days(before, day), np.cumsum(before.counts) / before.times
    low, high = (float(days[min(int(np.searchsorted(below, share)), len(days) - 1)]) for share in (TAIL, 1 - TAIL))
    width = max(high - low, LEAST_WIDTH)
    return low - width, 0.0 if high <= 0 else high + width


def _days(column: ColumnProfile, day: date) -> np.ndarray:
    """How many days after a partition's date those of each bucket are, about, where they are far: float64 [buckets]."""
    keys = column.keys
    return np.where(np.abs(keys) <= NEAR_DAYS, keys, (keys - np.sign(keys) * FAR_YEARS - day.year) * 365.25)


def moved_dates(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """Dates are another number of days from their partition's than in the weeks before, and others than on the day before."""
    now, before = observation.now, observation.before
    if before is None or now.times < LEAST_ROWS or before.times < 2 * LEAST_ROWS:
        return None
    cells = _in_cells(observation)
    distance = measure_distance(cells.before, cells.now)
    if distance.excess(checks.drift, checks.category_drift) <= 1 or _are_the_same(observation, checks):
        return None
    what = "is another number of days from that of the partition than in the weeks before"
    remedy = "look for a date that was taken from another column, or comes late; if the world did change, raise {0} in model.toml"
    return judge_drift(distance, cells.now, checks.drift, checks, what=what, remedy=remedy)


def _are_the_same(observation: Observation, checks: ChecksSection) -> bool:
    """Whether rows have the dates that those of the day before had, such as the beginning of a year."""
    last = _last(observation)
    return last is not None and measure_distance(last, by_distance(observation.now)).excess(checks.drift, checks.category_drift) <= 1


def _last(observation: Observation) -> ColumnProfile | None:
    """The dates of the day before, by their distance from this day."""
    last, day = observation.last, observation.last_day
    if last is None or day is None or not last.times:
        return None
    is_near = np.abs(last.keys) <= NEAR_DAYS
    days = last.keys[is_near] + (day - EPOCH).days
    keys = np.concatenate([last.keys[~is_near], date_keys(days, observation.day)])
    order = np.argsort(keys, kind="stable")
    counts = np.concatenate([last.counts[~is_near], last.counts[is_near]])[order]
    starts = np.flatnonzero(np.diff(keys[order], prepend=keys[order][0] - 1))
    return cells_of(last, keys[order][starts], np.add.reduceat(counts, starts))


def more_of_a_year(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """Far more dates are in one year, long before or after the partition's: one such as 1900-01-01 stands for none."""
    now, before = observation.now, observation.before
    if before is None or now.times < LEAST_ROWS or before.times < 10 * LEAST_ROWS:
        return None
    rows = {name: rows for name, rows in by_distance(now).values.items() if name.isdigit()}
    usual = {name: _share(by_distance(before), name) + _become_far(observation, name) for name in rows}
    year = max(rows, key=lambda name: rows[name] / now.times - usual[name], default="")
    alike = max(now.design_effect, before.design_effect)
    if not year or rows[year] / alike < LEAST_WRONG_ROWS:
        return None
    rise, noise = rows[year] / now.times - usual[year], chance(usual[year], int(now.times / alike), 3.0)
    if rise <= MORE_OF_A_YEAR + noise:
        return None
    expected = (usual[year] + 1 / before.times) * now.times / alike
    return Deviation(
        check=DataCheck.RANGE,
        measure=rise,
        threshold=MORE_OF_A_YEAR,
        rows=rows[year],
        what=f"is a day of {year} in {count(rows[year])} of {count(now.times)} values",
        remedy=NO_DATE,
        before=f"so in {percent(usual[year])} of values",
        chance=min(1.0, len(rows) * count_tail(rows[year] / alike, expected, 2.0)),
    )


def _share(column: ColumnProfile, name: str) -> float:
    return column.values.get(name, 0) / max(column.filled, 1)


def _become_far(observation: Observation, year: str) -> float:
    """The share of the dates of the day before that are of this year and far from today's partition, and were near that day's."""
    last = _last(observation)
    return 0.0 if last is None or observation.last is None else _share(last, year) - _share(by_distance(observation.last), year)


def distance_ratio(observation: Observation) -> Daily | None:
    """How far the days to the partition's date are from those of the weeks before."""
    return divergence_ratio(_in_cells(observation)) if observation.now.times else None


@lru_cache(maxsize=64)  # several looks at a day ask for the same
def _in_cells(observation: Observation) -> Observation:
    """The observation of the column as a category, held against the same weekdays where enough are known: on Fridays all is late."""
    same = [column for column in observation.same_weekdays if column.times]
    known = sum_column(same) if len(same) >= LEAST_WEEKDAYS else observation.before
    before = None if known is None else by_distance(known)
    earlier = tuple(map(by_distance, observation.earlier))
    return Observation(observation.day, by_distance(observation.now), earlier, is_backward=observation.is_backward, total=before)
