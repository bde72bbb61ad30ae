"""By how much a metric of live days is worse, and how far days differ where nothing is wrong."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from components.evaluation.chance.intervals import Z
from components.evaluation.metric import Metric, slice_key
from components.looks.usual import spread_of
from components.model.metric_names import ERRORS, R_SQUARED, class_metric, macro_metric
from components.monitoring.record import DayState, LiveDay

LEAST_LABELLED = {DayState.SETTLED: 0.0, DayState.PROVISIONAL: 0.5}
"""A day is judged if so large a share of its rows is labelled: the few labels that come first may be of a kind, and would end an alarm."""
LEAST_DROPS = {"calibration": 0.25, R_SQUARED: 0.1, **dict.fromkeys(ERRORS, 0.1)}
LEAST_DROP = 0.02
"""Less is no reason to do anything. Of errors it is a share of what they were."""
USUAL_SPREAD = {"calibration": 0.1, R_SQUARED: 0.1, **dict.fromkeys(ERRORS, 0.1)}
LEAST_SPREAD = 0.02
"""How far days differ from each other at least where nothing is wrong."""
UNKNOWN = 2.0
"""So many times as far they may differ until KNOWN_DAYS of them are known, of this version or of those before it."""
KNOWN_DAYS = 10
LEAST_DAYS = 3
"""Of a version, before its days tell how far days differ."""
Others = Mapping[tuple[str, str], Sequence[float]]
"""How far days of other versions were from the middle, by metric and key of the slice."""


@dataclass(frozen=True)
class MeasuredDay:
    """A day with the metrics that have an interval. A mean over classes is left out where a class, which counts as 0 in it, has no row."""

    day: LiveDay
    metrics: Mapping[tuple[str, str], Metric]
    """By name and the key of the slice."""


def usual_deviations(earlier: Sequence[LiveDay]) -> Others:
    """How far each day of other versions was from the median of its version, by metric and key of the slice.

    A version of fewer than LEAST_DAYS days tells nothing of that: a single day is its own median.
    """
    values: dict[tuple[int, str, str], list[float]] = defaultdict(list)
    for day in earlier:
        if day.labelled >= LEAST_LABELLED[day.state] * day.rows:
            for (name, key), metric in measured_day(day).metrics.items():
                values[day.served.version, name, key].append(metric.value)
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (_, name, key), own in values.items():
        if len(own) >= LEAST_DAYS:
            found[name, key] += [value - median(own) for value in own]
    return found


def measured_day(day: LiveDay) -> MeasuredDay:
    """A day with the metrics that can be judged."""
    known = {(metric.name, slice_key(metric.slice)): metric for metric in day.metrics}
    lacking = {key for (name, key), metric in known.items() if name.startswith(class_metric("auc", "")) and math.isnan(metric.value)}
    left_out = {(name, key) for name, key in known if key in lacking and name.startswith(macro_metric(""))}
    return MeasuredDay(day, {place: known[place] for place in known if place not in left_out and standard_error(known[place]) is not None})


def standard_error(metric: Metric) -> float | None:
    """The standard error that an interval stands for."""
    if metric.ci_low is None or metric.ci_high is None or not math.isfinite(metric.value):
        return None
    return (metric.ci_high - metric.ci_low) / (2 * Z)


def drop_of(name: str, was: float, now: float) -> float:
    """By how much a metric is worse."""
    if name in ERRORS:
        return (now - was) / unit_of(name, was)
    return abs(now - 1) - abs(was - 1) if name == "calibration" else was - now


def unit_of(name: str, was: float) -> float:
    """What drops are counted in: errors have the unit of the label, and are told by what they were."""
    return was if name in ERRORS and was > 0 else 1.0


def usual_spread(name: str, drops: Sequence[float], others: Sequence[float]) -> float:
    """How far days differ from each other where nothing is wrong: the days of this version, and those of others from their own middle."""
    least = USUAL_SPREAD.get(name, LEAST_SPREAD)
    deviations = [*others, *(drop - median(drops) for drop in drops)]
    return max(least, spread_of(np.array(deviations))) if len(deviations) >= KNOWN_DAYS else UNKNOWN * least
