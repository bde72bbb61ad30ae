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
MEASURES = {
    ("miles", "kilometres"): 1.609344,
    ("nautical miles", "kilometres"): 1.852,
    ("metres", "feet"): 3.28084,
    ("m/s", "miles an hour"): 2.236936,
    ("m/s", "knots"): 1.943844,
    ("m/s", "km/h"): 3.6,
    ("knots", "miles an hour"): 1.150779,
    ("kilograms", "pounds"): 2.204623,
    ("inches", "centimetres"): 2.54,
    ("gallons", "litres"): 3.785412,
    ("ounces", "grams"): 28.349523,
}
"""How many of the second unit one of the first is."""
LEAST_POINTS, LEAST_NEW = 6, 1 / 3
"""So many sizes that no number had before, and such a share of the numbers, make it worth asking whether all are in another unit."""
ON_POINTS = 0.99
"""The share of the numbers that the factor must bring back to sizes that were there."""
BESIDE, LEAST_BY_CHANCE = 34, 0.05
"""What other factors bring back by chance is told by those up to so many buckets from it, which is nearly twice as much."""


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


def other_measure(observation: Observation, _checks: ChecksSection) -> Deviation | None:
    """Numbers of a few sizes, as instruments give them, are all in another unit that is near, such as m/s: however much days differ."""
    now, before = observation.now, observation.before
    if before is None or now.numbers < LEAST_ROWS or before.numbers < 2 * LEAST_ROWS or before.is_code:
        return None
    if not _is_new(now, before.keys):
        return None
    changes = [change for (one, other), factor in MEASURES.items() for change in ((factor, one, other), (1 / factor, other, one))]
    share, factor, was, unit = max((_share_on_points(now, before, math.log(each[0]) / math.log(GAMMA)), *each) for each in changes)
    chance = _chance_on_points(now, before, math.log(factor) / math.log(GAMMA)) * len(changes) * _chance_of_new(observation)
    if share < ON_POINTS:
        return None
    return Deviation(
        check=DataCheck.UNIT,
        measure=share,
        threshold=ON_POINTS,
        rows=now.numbers,
        what=f"is {number(factor)} times what it was, as {was} are that are given in {unit}, in all of {now.numbers:,} values",
        remedy="look for a source that measures in another unit",
        chance=min(chance, 1.0),
    )


def _is_new(now: ColumnProfile, known: np.ndarray) -> bool:
    """Whether many numbers have sizes that none had before, between those that some had: beyond them a warm day is, too."""
    is_new = ~np.isin(now.keys, known) & (now.keys > known.min(initial=0)) & (now.keys < known.max(initial=0))
    return bool(is_new.sum() >= LEAST_POINTS and now.counts[is_new].sum() > LEAST_NEW * now.numbers)


def _chance_of_new(observation: Observation) -> float:
    """How often days have many new sizes, as the days before tell."""
    known, found = observation.earlier[0].keys if observation.earlier else np.zeros(0, np.int64), 0
    for day in observation.earlier[1:]:
        found += _is_new(day, known)
        known = np.union1d(known, day.keys)
    return (found + 1) / (max(len(observation.earlier) - 1, 0) + 1)


def _share_on_points(now: ColumnProfile, before: ColumnProfile, shift: float) -> float:
    """The share of the numbers that, so many buckets smaller, have a size that was there before."""
    return float(now.counts[_are_on_points(now, before, shift)].sum() / now.numbers)


def _are_on_points(now: ColumnProfile, before: ColumnProfile, shift: float) -> np.ndarray:
    """Which buckets, so many smaller, were there before: a bucket is one of two then."""
    signs, low = np.sign(now.keys), np.abs(now.keys) - math.floor(shift)
    is_on: np.ndarray = np.isin(signs * low, before.keys) | np.isin(signs * (low - 1), before.keys) | (now.keys == 0)
    return is_on


def _chance_on_points(now: ColumnProfile, before: ColumnProfile, nearest: float) -> float:
    """The probability that a factor brings all sizes back, if the numbers have nothing to do with those before."""
    others = [shift for shift in range(math.floor(nearest) - BESIDE, math.ceil(nearest) + BESIDE) if abs(shift - nearest) > 2]
    some = now.keys != 0
    by_chance = float(np.mean([_are_on_points(now, before, shift)[some].mean() for shift in others]))
    return max(by_chance, LEAST_BY_CHANCE) ** int(some.sum())


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
