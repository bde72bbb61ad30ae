"""By how much a metric is worse than it was, and the scale on which its days are spread alike."""

import math
from dataclasses import dataclass

from components.evaluation.chance.intervals import Z
from components.evaluation.metric import Metric
from components.model.metric_names import R_SQUARED, is_error, meant_coverage


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
    """The scale on which days of a metric are spread alike: of calibration the log odds of the label, where a common one can rise, too."""

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

    def stretch(self, calibration: float, share: float) -> float:
        """How many times further apart the mean score and the label's share are in log odds than in logarithms.

        Args:
            calibration: the mean score over the share.
            share: of the rows that have the label; 0 where that is not known, and of metrics that are no ratio.
        """
        if not self.is_ratio or not share:
            return 1.0
        score = min(max(calibration * share, 1e-6), 1 - 1e-6)
        ratio = math.log(score / share)
        return 1 / (1 - share) if abs(ratio) < 1e-6 else 1 + math.log((1 - share) / (1 - score)) / ratio

    @property
    def ways(self) -> tuple[int, ...]:
        """The ways in which a metric can be worse: 1 and -1 of a ratio, which may be too large or too small, and only 1 of others.

        Days that swing to both sides differ by both, and by no less than they do.
        """
        return (1, -1) if self.is_ratio else (1,)

    def worse(
        self, was: tuple[float, float | None], now: tuple[float, float | None], stretches: tuple[float, float] = (1.0, 1.0), way: int = 1
    ) -> float:
        """By how much a metric is worse; that of a slice, by how much it is so beside all rows of the same day, which share its weather.

        Args:
            was: the metric when the version was made, and that of all rows if the metric is a slice's.
            now: the same on a day.
            stretches: of both on the day.
            way: one of `ways`.
        """
        if self.is_ratio:
            return way * self._log(*now, *stretches) - abs(self._log(*was, *stretches))
        beside = drop_of(self.name, was[1], now[1]) if was[1] is not None and now[1] is not None else 0.0
        return drop_of(self.name, was[0], now[0]) - beside

    def error(self, was: float, now: Metric, share: float = 0.0) -> float:
        """The standard error of a day's. A few rows that are ranked all wrong, or all have the label, have an interval without width."""
        error = (standard_error(now) or 0.0) / (max(now.value, 1e-9) if self.is_ratio else _unit(self.name, was))
        rows = max(now.example_count or 0, 1)
        if self.is_ratio and share:
            return max(error * self.stretch(now.value, share), math.sqrt(1 / (rows * share * (1 - share))) if now.example_count else 0.0)
        return max(error, math.sqrt(1 / (3 * rows))) if "auc" in self.name and now.example_count else error

    def _log(self, value: float, beside: float | None, stretch: float, of_beside: float) -> float:
        return stretch * math.log(max(value, 1e-9)) - of_beside * math.log(max(1.0 if beside is None else beside, 1e-9))
