"""Intervals of metrics by key, in place of those that take every row for an observation of its own."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from components.evaluation.chance.influence import Influence, by_key, influences
from components.evaluation.chance.intervals import Interval
from components.evaluation.chance.spread import LEAST_KEYS, PairedChange, interval_by_key, paired_change, spread
from components.evaluation.metric import Metric, slice_key
from components.evaluation.split_scores import SplitRows
from components.model.task import LearningTask


def with_key_intervals(metrics: Sequence[Metric], rows: SplitRows, version: str, task: LearningTask) -> tuple[Metric, ...]:
    """The same metrics of the same rows, with the intervals that keys give.

    Where no key moves a value, such as an accuracy of 1, the interval in closed form is widened as if keys were rows. Fewer than 20 keys
    have none, unless every row is a key of its own.

    Args:
        metrics: of a version.
        rows: as it scores them.
        version: its name in them.
        task: what labels and scores are.
    """
    found: dict[str, tuple[dict[str, Influence], np.ndarray]] = {}
    for key, places in rows.slices.items():
        number = np.unique(rows.keys[places], return_inverse=True)[1]
        found[slice_key({name: str(value) for name, value in key})] = influences(rows.of(version, places), task), number
    return tuple(_with_interval(metric, *found[slice_key(metric.slice)]) for metric in metrics)


def changes_by_key(rows: SplitRows, before: str, after: str, task: LearningTask) -> dict[tuple[str, str], PairedChange]:
    """How two versions differ on the same rows, by metric and the key of its slice.

    Args:
        rows: as both score them.
        before: the name of the earlier version in them.
        after: that of the later one.
        task: what labels and scores are.
    """
    found: dict[tuple[str, str], PairedChange] = {}
    for key, places in rows.slices.items():
        numbers = np.unique(rows.keys[places], return_inverse=True)[1]
        was, now = (influences(rows.of(name, places), task) for name in (before, after))
        slice_ = slice_key({name: str(value) for name, value in key})
        found |= {(metric, slice_): paired_change(was[metric], now[metric], numbers) for metric in was}
    return found


def _with_interval(metric: Metric, of_slice: dict[str, Influence], keys: np.ndarray) -> Metric:
    influence = of_slice.get(metric.name)
    if influence is None:
        return metric
    bounds = interval_by_key(metric.name, metric.value, spread(by_key(influence.rows, keys)))
    if bounds is None:
        bounds = _widened(metric, rows=len(keys), keys=int(keys.max(initial=-1)) + 1)
    low, high = bounds or (None, None)
    return replace(metric, ci_low=low, ci_high=high)


def _widened(metric: Metric, *, rows: int, keys: int) -> Interval | None:
    if metric.ci_low is None or metric.ci_high is None or (keys < LEAST_KEYS and keys < rows):
        return None
    times = (rows / keys) ** 0.5
    value = metric.value if metric.name == "calibration" else min(metric.value, 1.0)  # a sum of floats may come to a little more
    low, high = value - times * (value - metric.ci_low), value + times * (metric.ci_high - value)
    return max(low, 0.0), high if metric.name == "calibration" else min(high, 1.0)
