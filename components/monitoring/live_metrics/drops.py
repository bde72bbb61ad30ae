"""By how much a metric of live days is worse than when the version was made."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from components.evaluation.chance.intervals import Z
from components.evaluation.metric import Metric, slice_key
from components.model.metric_names import R_SQUARED, class_metric, is_error, macro_metric, meant_coverage
from components.monitoring.record import DayState, LiveDay

LEAST_LABELLED = {DayState.SETTLED: 0.0, DayState.PROVISIONAL: 0.5}
"""A day is judged if so large a share of its rows is labelled: the few labels that come first may be of a kind, and would end an alarm."""
Place = tuple[str, str]
"""A metric, and the key of its slice."""


@dataclass(frozen=True)
class MeasuredDay:
    """A day with the metrics that have an interval. A mean over classes is left out where a class, which counts as 0 in it, has no row."""

    day: LiveDay
    metrics: Mapping[Place, Metric]


def measured_day(day: LiveDay) -> MeasuredDay | None:
    """A day with the metrics that can be judged; None where too few of its rows are labelled."""
    if day.labelled < LEAST_LABELLED[day.state] * day.rows:
        return None
    known = {(metric.name, slice_key(metric.slice)): metric for metric in day.metrics}
    lacking = {key for (name, key), metric in known.items() if name.startswith(class_metric("auc", "")) and math.isnan(metric.value)}
    left_out = {(name, key) for name, key in known if key in lacking and name.startswith(macro_metric(""))}
    metrics = {place: known[place] for place in known if place not in left_out and standard_error(known[place]) is not None}
    return MeasuredDay(day, metrics) if metrics else None


def standard_error(metric: Metric) -> float | None:
    """The standard error that an interval stands for."""
    if metric.ci_low is None or metric.ci_high is None or not math.isfinite(metric.value):
        return None
    return (metric.ci_high - metric.ci_low) / (2 * Z)


def drop_of(name: str, was: float, now: float) -> float:
    """By how much a metric is worse."""
    if is_error(name):
        return (now - was) / _unit(name, was)
    best = 1.0 if name == "calibration" else meant_coverage(name)
    return was - now if best is None else abs(now - best) - abs(was - best)


def _unit(name: str, was: float) -> float:
    """What drops are counted in: errors have the unit of the label, and are told by what they were."""
    return was if is_error(name) and was > 0 else 1.0


@dataclass(frozen=True)
class Scale:
    """The scale on which days of a metric are spread alike."""

    name: str

    @property
    def is_ratio(self) -> bool:
        """Whether twice as much is as far off as half as much."""
        return self.name == "calibration"

    @property
    def least_drop(self) -> float:
        """Less is no reason to do anything."""
        return 0.22 if self.is_ratio else 0.1 if self.name == R_SQUARED or is_error(self.name) else 0.02

    @property
    def least_spread(self) -> float:
        """How far days differ from each other at least where nothing is wrong."""
        return 0.2 if self.is_ratio else 0.1 if self.name == R_SQUARED or is_error(self.name) else 0.02

    def worse(self, was: tuple[float, float | None], now: tuple[float, float | None]) -> float:
        """By how much a metric is worse; that of a slice, by how much it is so beside all rows of the same day, which share its weather.

        Args:
            was: the metric when the version was made, and that of all rows if the metric is a slice's.
            now: the same on a day.
        """
        if self.is_ratio:
            return abs(self._log(*now)) - abs(self._log(*was))
        beside = drop_of(self.name, was[1], now[1]) if was[1] is not None and now[1] is not None else 0.0
        return drop_of(self.name, was[0], now[0]) - beside

    def error(self, was: float, now: Metric) -> float:
        """The standard error of a day's. A few rows that happen to be ranked all wrong have an AUC of 0, and an interval without width."""
        error = (standard_error(now) or 0.0) / (max(now.value, 1e-9) if self.is_ratio else _unit(self.name, was))
        return max(error, math.sqrt(1 / (3 * max(now.example_count or 1, 1)))) if "auc" in self.name and now.example_count else error

    def _log(self, value: float, beside: float | None) -> float:
        return math.log(max(value, 1e-9) / max(1.0 if beside is None else beside, 1e-9))
