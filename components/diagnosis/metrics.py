"""Whether the metrics of two versions differ by more than chance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from components.evaluation.intervals import Z
from components.evaluation.metric import Metric, slice_key


class Significance(StrEnum):
    """Whether two values of a metric are further apart than their intervals explain."""

    SIGNIFICANT = "significant"
    WITHIN_CHANCE = "within chance"
    UNKNOWN = "not known"


@dataclass(frozen=True)
class MetricDifference:
    """A metric on a slice in both versions; None on a side that did not measure it."""

    name: str
    slice: Mapping[str, str]
    before: Metric | None
    after: Metric | None
    significance: Significance

    @property
    def turned(self) -> "MetricDifference":
        """The same difference with the sides exchanged."""
        return MetricDifference(self.name, self.slice, self.after, self.before, self.significance)


def compare_metrics(before: Sequence[Metric], after: Sequence[Metric]) -> tuple[MetricDifference, ...]:
    """Compare every metric of every slice: all rows first, then significant differences, then by name."""
    old, new = ({(metric.name, slice_key(metric.slice)): metric for metric in side} for side in (before, after))
    differences = []
    for key in old | new:
        was, now = old.get(key), new.get(key)
        either = now or was
        if either is not None and either.name != "example_count":
            differences.append(MetricDifference(either.name, either.slice, was, now, _significance(was, now)))
    rank = {Significance.SIGNIFICANT: 0, Significance.UNKNOWN: 1, Significance.WITHIN_CHANCE: 2}
    return tuple(sorted(differences, key=lambda d: (bool(d.slice), rank[d.significance], d.name, slice_key(d.slice))))


def _significance(before: Metric | None, after: Metric | None) -> Significance:
    """Whether two values differ by more than chance, by the normal approximation: their 95 % intervals give the standard deviation."""
    deviations = [_deviation(metric) for metric in (before, after)]
    if before is None or after is None or None in deviations or not math.isfinite(after.value - before.value):
        return Significance.UNKNOWN
    bound = Z * math.hypot(*(one for one in deviations if one is not None))
    return Significance.SIGNIFICANT if abs(after.value - before.value) > bound else Significance.WITHIN_CHANCE


def _deviation(metric: Metric | None) -> float | None:
    if metric is None or metric.ci_low is None or metric.ci_high is None:
        return None
    return (metric.ci_high - metric.ci_low) / (2 * Z)
