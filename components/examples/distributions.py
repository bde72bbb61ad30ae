"""One picture of a numeric feature, from the two coarse histograms that TFDV keeps of it.

TFDV gives ten buckets of equal width and ten of equal count. Of a skewed feature, such as money spent, the first puts nearly
all rows into one bucket and the second has no even axis. Together they are points of one cumulative curve, which is cut here
into bins that the splits share, so that they can be laid over each other.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics, Histogram, NumericStatistics

DRAWN_BINS = 24
SKEWED = 0.7
"""With a larger share of its rows than this in one tenth of its range, a feature gets a logarithmic axis."""
LARGEST = 1e100
"""Values beyond it, infinity among them, count as rows but are not drawn: arithmetic with them would overflow."""

Axis = tuple[Callable[[float], float], Callable[[float], float]]
"""From a value to its place on the axis, and back."""
EVEN: Axis = (float, float)


@dataclass(frozen=True)
class Distribution:
    """Shares of the rows in equal bins, for each split. An evaluation split that is not there has no shares."""

    train: tuple[float, ...]
    evaluation: tuple[float, ...]
    logarithmic: bool


@dataclass(frozen=True)
class Curve:
    """A cumulative distribution: the share of rows up to each value. A value that comes twice is a step."""

    values: tuple[float, ...]
    shares: tuple[float, ...]


def distribution(train: FeatureNameStatistics, evaluation: FeatureNameStatistics | None) -> Distribution | None:
    """The feature's distribution in both splits, or None where there is no finite value to draw."""
    trained = _curve(train.num_stats)
    if trained is None:
        return None
    evaluated = _curve(evaluation.num_stats) if evaluation is not None else None
    curves = [curve for curve in (trained, evaluated) if curve is not None]
    low, high = min(curve.values[0] for curve in curves), max(curve.values[-1] for curve in curves)
    has_few_values = train.type == FeatureNameStatistics.INT and high - low < DRAWN_BINS
    logarithmic = not has_few_values and _is_skewed(trained)
    edges = _whole_edges(low, high) if has_few_values else _edges(low, high, _axis(_scale(train.num_stats)) if logarithmic else EVEN)
    return Distribution(_binned(trained, edges), _binned(evaluated, edges) if evaluated else (), logarithmic)


def _curve(numbers: NumericStatistics) -> Curve | None:
    points = sorted(point for histogram in numbers.histograms for point in _points(histogram))
    if not points:
        return None
    shares, reached = [], 0.0
    for _, share in points:
        reached = max(reached, share)
        shares.append(reached)
    return Curve(tuple(value for value, _ in points), tuple(shares))


def _points(histogram: Histogram) -> list[tuple[float, float]]:
    """Value and share of rows up to it, at each edge that can be drawn."""
    total = sum(bucket.sample_count for bucket in histogram.buckets)
    if not 0 < total < math.inf:
        return []
    points, below = [], 0.0
    for bucket in histogram.buckets:
        points.append((bucket.low_value, below / total))
        below += bucket.sample_count
        points.append((bucket.high_value, below / total))
    return [point for point in points if abs(point[0]) < LARGEST]


def _is_skewed(curve: Curve) -> bool:
    low, high = curve.values[0], curve.values[-1]
    tenths = [low + (high - low) * tenth / 10 for tenth in range(11)]
    return max(_binned(curve, tenths)) > SKEWED and high > low


def _scale(numbers: NumericStatistics) -> float:
    """The value around which a logarithmic axis turns from even to logarithmic."""
    return next((abs(x) for x in (numbers.median, numbers.mean, numbers.std_dev) if 1 / LARGEST < abs(x) < LARGEST), 1.0)


def _axis(scale: float) -> Axis:
    return lambda value: math.asinh(value / scale), lambda place: math.sinh(place) * scale


def _whole_edges(low: float, high: float) -> list[float]:
    return [low - 0.5 + step for step in range(int(high - low) + 2)]


def _edges(low: float, high: float, axis: Axis) -> list[float]:
    if low == high:
        return [low, high]
    there, back = axis
    start, end = there(low), there(high)
    return [low, *(back(start + (end - start) * step / DRAWN_BINS) for step in range(1, DRAWN_BINS)), high]


def _binned(curve: Curve, edges: Sequence[float]) -> tuple[float, ...]:
    """The share of rows in each bin; a bin has its upper edge, the first has both."""
    reached = [0.0, *(_share_up_to(curve, edge) for edge in edges[1:])]
    return tuple(above - below for below, above in pairwise(reached))


def _share_up_to(curve: Curve, value: float) -> float:
    place = bisect_right(curve.values, value)
    if place == 0:
        return 0.0
    if place == len(curve.values):
        return curve.shares[-1]
    left, right = curve.values[place - 1], curve.values[place]
    part = (value - left) / (right - left)
    return curve.shares[place - 1] + part * (curve.shares[place] - curve.shares[place - 1])
