"""Intervals of metrics that also hold what spans differ by: the rows of a day, such as one with an outage, share their luck."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import stdtrit

from components.evaluation.chance.influence import by_key, influences
from components.evaluation.chance.intervals import Z
from components.evaluation.chance.spread import powers
from components.evaluation.metric import Metric
from components.evaluation.split_scores import SplitRows
from components.model.task import LearningTask

LEAST_SPANS = 5
"""Of fewer it is not known how much they differ."""


def widened_by_span(metrics: Sequence[Metric], rows: SplitRows, version: str, spans: pa.ChunkedArray, task: LearningTask) -> list[Metric]:
    """The metrics with intervals that are wider by as much as spans of rows differ by more than keys do.

    Args:
        metrics: with intervals by key.
        rows: the same rows, as versions score them.
        version: its name in them.
        spans: of each row.
        task: what labels and scores are.
    """
    days = np.asarray(pc.dictionary_encode(spans).combine_chunks().indices)
    number = int(days.max(initial=-1)) + 1
    if number < LEAST_SPANS:
        return list(metrics)
    found = influences(rows.of(version, rows.slices[()]), task)
    by_days, by_keys = ({name: powers(by_key(one.rows, of)).spread.error for name, one in found.items()} for of in (days, rows.keys))
    few = float(stdtrit(number - 1, 0.975)) / Z
    return [_widened(metric, few * by_days.get(metric.name, 0.0), by_keys.get(metric.name, 0.0)) for metric in metrics]


def _widened(metric: Metric, by_days: float, by_keys: float) -> Metric:
    if metric.ci_low is None or metric.ci_high is None or not by_days > by_keys > 0:
        return metric
    times = by_days / by_keys
    return replace(
        metric, ci_low=metric.value - times * (metric.value - metric.ci_low), ci_high=metric.value + times * (metric.ci_high - metric.value)
    )
