"""Another unit: numbers, or a part of them, that are a known factor times as large as before."""

import math
from functools import lru_cache
from itertools import islice

import numpy as np

from components.looks.data_check import DataCheck
from components.looks.deviation import LEAST_ROWS, LEAST_WRONG_ROWS, Deviation
from components.looks.drift import counts_up
from components.looks.earlier_days import Observation
from components.looks.values import has_fractions
from components.model.checks_section import ChecksSection
from components.profiles.distance import Cells, jensen_shannon
from components.profiles.profile import GAMMA, OFFSET, ColumnProfile
from components.wording import number, percent

FACTORS = (10, 100, 1000, 1_000_000, 60, 3600, 24)
"""Decimals and time, each way: lesser factors are prices that rose."""
PARTS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
"""Of the numbers that are in another unit."""
CELL_BUCKETS = 8
"""A cell of the comparison has so many buckets of a profile: it is 17% wide."""
CELLS = 400
"""From 1e-14 to 1e13; what is smaller or larger is in the first or the last."""
LEAST_GAIN = 0.03
"""Bits by which a factor has to bring the numbers nearer to what they were."""
LEFT_OVER = 0.35
"""The share of the divergence that it may leave."""
USUAL_FACTOR = 3.0
"""The divergence must be so many times that of any day before."""
LEAST_CELLS = 4


def other_unit(observation: Observation, checks: ChecksSection) -> Deviation | None:
    """A part of the numbers is a power of ten, or a unit of time, times as large as before."""
    now, before = observation.now, observation.before
    if before is None or now.numbers < LEAST_ROWS or before.numbers < 2 * LEAST_ROWS or counts_up(observation):
        return None
    if before.is_code or (now.values and not has_fractions(before)):  # numbers that are names
        return None
    was, is_now = _shape(before), _shape(now)
    apart = _apart(was, is_now)
    if np.count_nonzero(was) < LEAST_CELLS or apart <= LEAST_GAIN or _is_usual(observation, was, apart):
        return None
    left, factor, part = _explained(was, is_now)
    if apart - left < LEAST_GAIN or left > LEFT_OVER * apart or part * now.numbers / now.design_effect < LEAST_WRONG_ROWS:
        return None
    size = f"{number(factor)} times as large" if factor > 1 else f"{number(1 / factor)} times as small"
    return Deviation(
        check=DataCheck.UNIT,
        measure=part,
        threshold=checks.range_share,
        rows=round(part * now.numbers),
        what=f"is {size} in about {percent(part)} of {now.numbers:,} values",
        remedy="look for rows in another unit",
        lasting=2,
    )


@lru_cache(maxsize=1024)  # a day is one of the days before for 28 more
def _shape(column: ColumnProfile) -> np.ndarray:
    """The shares of the numbers other than 0 by size, whatever their sign: float64 [CELLS]."""
    some = column.keys != 0
    cells = np.clip((np.abs(column.keys[some]) - OFFSET) // CELL_BUCKETS + CELLS // 2, 0, CELLS - 1)
    counts = np.bincount(cells, column.counts[some], CELLS)
    shares: np.ndarray = counts / max(counts.sum(), 1)
    return shares


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    some = (one > 0) | (other > 0)
    return jensen_shannon(Cells((), one[some], other[some]))


def _is_usual(observation: Observation, before: np.ndarray, apart: float) -> bool:
    """Whether two of the days before were about as far from all of them together."""
    days = [column for column in observation.earlier if column.numbers >= LEAST_ROWS]
    as_far = (day for day in reversed(days) if USUAL_FACTOR * _apart(before, _shape(day)) >= apart)
    return len(days) > 1 and len([*islice(as_far, 2)]) == 2


def _explained(was: np.ndarray, now: np.ndarray) -> tuple[float, float, float]:
    """The divergence that is left if a part of what was is a factor times as large, the factor, and the part."""
    best = (math.inf, 1.0, 0.0)
    for size in FACTORS:
        for factor in (float(size), 1 / size):
            scaled = np.roll(was, round(math.log(factor) / math.log(GAMMA) / CELL_BUCKETS))
            best = min(best, *((_apart((1 - part) * was + part * scaled, now), factor, part) for part in PARTS))
    return best
