"""Dead columns: all NULL, all one value, or the same as the day before."""

import math
from collections.abc import Callable, Hashable, Sequence
from itertools import combinations, pairwise
from operator import attrgetter

import numpy as np

from components.looks.codes import are_next_codes, counts_on
from components.looks.data_check import DataCheck, Severity
from components.looks.deviation import LEAST_ROWS, LEAST_WRONG_ROWS, NEGLIGIBLE_PROBABILITY, Deviation, chance, quoted
from components.looks.earlier_days import Observation
from components.looks.usual import Daily, Series, chance_of_all, odds
from components.model.checks_section import NULL_SHARE, ChecksSection
from components.profiles.profile import ColumnProfile
from components.wording import count, number, percent

NEVER_SHARE = 0.001
NEW_NULL_SHARE = 0.01
"""Where less than NEVER_SHARE was NULL before, this share of NULLs is enough to be told, unless model.toml raises the bound."""
LOST_SHARE = 0.9
"""A column with more NULLs is lost, whatever share it had."""
STORM_DAYS = 3
"""Where some values always are NULL, such as the delay of a flight that is cancelled, more of them on a day or two may be true."""
LEVEL_PROBABILITY = 1e-5
RISING_DAYS = 5
LEAST_RISE, MOST_PAIRS = 1.5, 0.7
"""A share rises steadily if the last of so many days has so many times the first one's, and of so many pairs the later day has more."""
LEAST_CLUSTERS = 5
"""Fewer orders, or customers, may be alike by chance, however many rows they have."""
LEAST_PAIRS = 3
"""How many pairs of successive partitions must have differed before equal ones are suspicious."""


def nulls(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """The column has many more NULLs than before."""
    now, before = observation.now, observation.before
    if before is None or now.rows < LEAST_ROWS or now.nulls < LEAST_WRONG_ROWS:
        return None
    was, share = before.nulls / before.rows, now.nulls / now.rows
    never = was < NEVER_SHARE
    allowed = min(checks.null_share, NEW_NULL_SHARE) if never and checks.null_share <= NULL_SHARE else checks.null_share
    if share <= was + allowed + chance(max(was, NEVER_SHARE) if never else 0.0, int(now.rows / now.design_effect)):
        return None
    return Deviation(
        check=DataCheck.NULLS,
        measure=share,
        threshold=was + allowed,
        rows=now.nulls,
        what=f"is NULL in {'all' if now.nulls == now.rows else f'{count(now.nulls)} of'} {count(now.rows)} rows",
        remedy="look for a join or an export that lost it",
        before=f"NULL in {percent(was)} of rows" if was else "never NULL",
        is_total=never or now.nulls == now.rows,
        lasting=1 if never or share > LOST_SHARE else STORM_DAYS,
        chance=chance_of_whole(observation, attrgetter("nulls"), attrgetter("rows"), was) if now.nulls == now.rows else 0.0,
    )


def chance_of_whole(
    observation: Observation, of_kind: Callable[[ColumnProfile], int], of: Callable[[ColumnProfile], int], share: float
) -> float:
    """The chance that all of a day are of a kind, of which each day before had another share, and all of them together `share`."""
    alike = max(observation.now.design_effect, *(column.design_effect for column in observation.earlier))
    shares = np.array([of_kind(column) / of(column) for column in observation.earlier if of(column)])
    sizes = np.array([of(column) / alike for column in observation.earlier if of(column)])
    return chance_of_all(shares, sizes, share, of(observation.now) / alike)


def null_odds(observation: Observation) -> Daily | None:
    """The share of NULLs."""
    now = observation.now
    return odds(now.nulls, now.rows, now.design_effect) if now.rows else None


def null_level(observation: Observation, series: Series, checks: ChecksSection) -> tuple[int, Deviation] | None:
    """The share of NULLs has risen for several days, each of which may have been chance."""
    now, before = observation.now, observation.before
    if before is None or not now.rows or now.nulls / now.rows <= before.nulls / before.rows + checks.null_share / 2:
        return None
    days, probability, centre = series.level()
    was = 1 / (1 + math.exp(-centre)) if days else 1.0
    if probability > LEVEL_PROBABILITY or now.nulls / now.rows <= was + checks.null_share:
        return None
    rises = _rises(
        [column.nulls / column.rows for column in observation.earlier[1 - RISING_DAYS :] if column.rows] + [now.nulls / now.rows]
    )
    return days, Deviation(
        check=DataCheck.NULLS,
        severity=Severity.WARNS if rises else Severity.BLOCKS,
        measure=now.nulls / now.rows,
        threshold=was + checks.null_share,
        rows=now.nulls,
        what=f"and of the {days - 1} partitions after it is NULL in far more rows, {percent(now.nulls / now.rows)} in the last of them",
        remedy="nothing, if it is known later; else look for a join or an export that lost it"
        if rises
        else "look for a join or an export that lost it",
        before=f"NULL in {percent(was)} of rows on most days",
    )


def _rises(shares: Sequence[float]) -> bool:
    """Whether shares rise from day to day, as of what is known later, such as the date on which something came back."""
    pairs = [*combinations(shares, 2)]
    return len(shares) >= RISING_DAYS and shares[-1] >= LEAST_RISE * shares[0] and sum(b > a for a, b in pairs) >= MOST_PAIRS * len(pairs)


def same_value(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """The column has one and the same value everywhere, which chance does not explain."""
    now, before = observation.now, observation.before
    if before is None or now.rows < LEAST_ROWS or not now.filled or not is_constant(now):
        return None
    if _is_often_constant(observation):
        return None
    # Of the rows before: a column of one value does not tell how much alike the rows of a cluster are.
    share, clusters = _share_of(before, now), now.filled / before.design_effect
    if clusters < LEAST_CLUSTERS or _chance_of_one(observation, share, clusters) > NEGLIGIBLE_PROBABILITY:
        return None
    value = number(now.low) if now.numbers and not now.values else quoted(next(iter(now.values), ""))
    is_next = (share == 0 and are_next_codes(now.values, observation)) or counts_on(observation)
    return Deviation(
        check=DataCheck.CONSTANT,
        severity=Severity.WARNS if is_next else Severity.BLOCKS,
        measure=1.0,
        threshold=share,
        rows=now.filled,
        what=f"is {'zero' if now.numbers and now.low == 0 else value} in all {count(now.filled)} values",
        remedy="look for a default that took the place of the real values",
        before=f"so in {percent(share)} of values",
        is_total=True,
    )


def _chance_of_one(observation: Observation, share: float, clusters: float) -> float:
    """The chance that all clusters have a value, which more of them have on some days than on others."""
    shares = np.array([_share_of(column, observation.now) for column in observation.earlier if column.filled])
    sizes = np.array([column.filled / column.design_effect for column in observation.earlier if column.filled])
    return chance_of_all(shares, sizes, share, clusters)


def _is_often_constant(observation: Observation) -> bool:
    """Whether an earlier day had the same value alone, or two days, or all, had one value each, such as a rate of the day."""
    filled = [column for column in observation.earlier if column.filled]
    alone = [column for column in filled if is_constant(column)]
    return len(alone) >= min(2, len(filled)) or any(_share_of(column, observation.now) == 1 for column in alone)


def is_constant(column: ColumnProfile) -> bool:
    """Whether all values that are not NULL are the same."""
    if column.values:
        return len(column.values) == 1 and not column.others
    return column.numbers == column.filled and column.low == column.high


def is_of_the_day(observation: Observation) -> bool:
    """Whether the column has one value a day, such as a rate or the day's rain: one fact, however many rows it is in."""
    days = [column for column in observation.earlier if column.filled]
    return is_constant(observation.now) and len(days) > 1 and all(map(is_constant, days))


def _share_of(before: ColumnProfile, constant: ColumnProfile) -> float:
    """How common the value of a constant column was before."""
    if constant.values:
        return before.values.get(next(iter(constant.values)), 0) / max(before.filled, 1)
    bucket = np.searchsorted(before.keys, constant.keys[0])
    rows = before.counts[bucket] if bucket < len(before.keys) and before.keys[bucket] == constant.keys[0] else 0
    return float(rows) / max(before.filled, 1)


def frozen(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """The column has exactly the distribution of the partition before, which chance does not explain and never happened before."""
    now, last = observation.now, observation.last
    if last is None or now.rows < LEAST_ROWS or not _is_same(now, last) or _chance_of_same(now) > NEGLIGIBLE_PROBABILITY:
        return None
    if len(observation.earlier) <= LEAST_PAIRS or any(_is_same(one, other) for one, other in pairwise(observation.earlier)):
        return None
    return _repeats(now, "partition")


def standing(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """A feature that used to change from span to span, for the same entities, suddenly does not."""
    now, last = observation.now, observation.last
    if last is None or now.rows < LEAST_ROWS or not _is_same(now, last):
        return None
    if len(now.values) + len(now.keys) < 2:  # as the weekday of a month's first day is one of seven
        return None
    moved = [_rows_moved(one, other) for one, other in pairwise(observation.earlier)]
    return _repeats(now, "span") if len(moved) >= LEAST_PAIRS and min(moved) >= LEAST_ROWS else None


def _repeats(now: ColumnProfile, kind: str) -> Deviation:
    return Deviation(
        check=DataCheck.FROZEN,
        measure=1.0,
        threshold=0.0,
        rows=now.rows,
        what=f"has to the digit the {count(now.rows)} values of the {kind} before",
        remedy="look for an export that wrote the same rows again",
    )


def _is_same(one: ColumnProfile, other: ColumnProfile) -> bool:
    """Whether two columns have the same values in the same numbers of rows, as far as profiles tell."""
    return one.rows == other.rows and one.low == other.low and signature(one) == signature(other)


def signature(column: ColumnProfile) -> Hashable:
    """A value that is equal for columns that are the same."""
    numbers = (column.low, column.high, column.keys.tobytes(), column.counts.tobytes())
    return column.rows, column.nulls, column.others, *numbers, frozenset(column.values.items())


def chance_of_same(columns: Sequence[ColumnProfile]) -> float:
    """The probability that chance draws the same counts twice, of the column for which it is least."""
    return min((_chance_of_same(column) for column in columns), default=1.0)


def _chance_of_same(column: ColumnProfile) -> float:
    """An approximation: the product of the cells' probabilities but one, which follows from the others."""
    counts = column.counts if len(column.counts) else np.array([*column.values.values()])
    rows = max(int(counts.sum()), 1)
    spread = counts * (1 - counts / rows)
    factors = np.sort(np.minimum(1.0, 1 / np.sqrt(4 * math.pi * np.maximum(spread, 1e-9))))
    return float(np.prod(factors[:-1])) if len(factors) > 1 else 1.0


def _rows_moved(one: ColumnProfile, other: ColumnProfile) -> int:
    """How many rows, at least, changed their value; rows that came or left did not."""
    came = abs(one.filled - other.filled)
    if one.values or other.values:
        apart = sum(abs(one.values.get(value, 0) - other.values.get(value, 0)) for value in {*one.values, *other.values})
        return max(0, apart - came) // 2
    keys = np.union1d(one.keys, other.keys)
    counts = np.zeros((2, len(keys)), np.int64)
    for side, profile in enumerate((one, other)):
        counts[side, np.searchsorted(keys, profile.keys)] = profile.counts
    return max(0, int(np.abs(counts[0] - counts[1]).sum()) - came) // 2
