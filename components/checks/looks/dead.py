"""Dead columns: all NULL, all one value, or the same as the day before."""

import math
from collections.abc import Hashable, Sequence
from itertools import pairwise

import numpy as np

from components.checks.findings import DataCheck
from components.checks.looks.deviation import LEAST_ROWS, LEAST_WRONG_ROWS, NEGLIGIBLE_PROBABILITY, Deviation, chance, quoted
from components.checks.looks.earlier_days import Observation
from components.model.sections import ChecksSection
from components.profiles.profile import ColumnProfile
from components.wording import count, number, percent

LEAST_PAIRS = 3
"""How many pairs of successive partitions must have differed before equal ones are suspicious."""


def nulls(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """The column has many more NULLs than before."""
    now, before = observation.now, observation.before
    if before is None or now.rows < LEAST_ROWS or now.nulls < LEAST_WRONG_ROWS:
        return None
    was, share = before.nulls / before.rows, now.nulls / now.rows
    if share <= was + checks.null_share + chance(was, now.rows):
        return None
    return Deviation(
        check=DataCheck.NULLS,
        measure=share,
        threshold=was + checks.null_share,
        rows=now.nulls,
        what=f"is NULL in {'all' if now.nulls == now.rows else f'{count(now.nulls)} of'} {count(now.rows)} rows",
        remedy="look for a join or an export that lost it",
        before=f"NULL in {percent(was)} of rows" if was else "never NULL",
    )


def same_value(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """The column has one and the same value everywhere, which chance does not explain."""
    now, before = observation.now, observation.before
    if before is None or now.rows < LEAST_ROWS or not now.filled or not is_constant(now) or any(map(is_constant, observation.earlier)):
        return None
    share = _share_of(before, now)
    if share**now.filled > NEGLIGIBLE_PROBABILITY:
        return None
    value = number(now.low) if now.numbers and not now.values else quoted(next(iter(now.values), ""))
    return Deviation(
        check=DataCheck.CONSTANT,
        measure=1.0,
        threshold=share,
        rows=now.filled,
        what=f"is {'zero' if now.numbers and now.low == 0 else value} in all {count(now.filled)} values",
        remedy="look for a default that took the place of the real values",
        before=f"so in {percent(share)} of values",
    )


def is_constant(column: ColumnProfile) -> bool:
    """Whether all values that are not NULL are the same."""
    if column.values:
        return len(column.values) == 1 and not column.others
    return column.numbers == column.filled and column.low == column.high


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
    """How many rows, at least, changed their value."""
    if one.values or other.values:
        return sum(abs(one.values.get(value, 0) - other.values.get(value, 0)) for value in {*one.values, *other.values}) // 2
    keys = np.union1d(one.keys, other.keys)
    counts = np.zeros((2, len(keys)), np.int64)
    for side, profile in enumerate((one, other)):
        counts[side, np.searchsorted(keys, profile.keys)] = profile.counts
    return int(np.abs(counts[0] - counts[1]).sum() // 2)
