"""Whether the metrics of two versions differ by more than chance.

Rows of one key are one observation: intervals are by key (evaluation/chance/by_key.py), and on the same rows the differences are. And
a hundred values are compared at once: p-values are corrected (Holm), so that two equally good versions show no significant difference in
19 of 20 comparisons.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from components.evaluation.chance.intervals import Z
from components.evaluation.chance.spread import LEVEL, PairedChange, correct
from components.evaluation.metric import Metric, slice_key

Changes = Mapping[tuple[str, str], PairedChange]
"""By metric and the key of its slice: how two versions differ on the same rows."""


class Significance(StrEnum):
    """Whether two values of a metric are further apart than chance explains."""

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


def compare_metrics(before: Sequence[Metric], after: Sequence[Metric], changes: Changes | None = None) -> tuple[MetricDifference, ...]:
    """Compare every metric of every slice: all rows first, then significant differences, then by name.

    Args:
        before: of the earlier version.
        after: of the later one.
        changes: where both were measured on the same rows, how they differ by key; else the intervals of both tell.
    """
    old, new = ({(metric.name, slice_key(metric.slice)): metric for metric in side} for side in (before, after))
    keys = [key for key in old | new if key[0] != "example_count"]
    p_values = {key: _p_of_two(old.get(key), new.get(key)) if changes is None else _p_of(changes.get(key)) for key in keys}
    significant = _significant({key: p for key, p in p_values.items() if not key[1]})
    significant |= _significant({key: p for key, p in p_values.items() if key[1]})
    differences = []
    for key in keys:
        was, now = old.get(key), new.get(key)
        either = now or was
        if either is not None:
            differences.append(MetricDifference(either.name, either.slice, was, now, significant[key]))
    rank = {Significance.SIGNIFICANT: 0, Significance.UNKNOWN: 1, Significance.WITHIN_CHANCE: 2}
    return tuple(sorted(differences, key=lambda d: (bool(d.slice), rank[d.significance], d.name, slice_key(d.slice))))


def _significant(p_values: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], Significance]:
    """Of all rows, or of all slices: each has half the level, so that the few values of all rows do not pay for hundreds of slices."""
    found = {}
    for key, p in zip(p_values, correct(list(p_values.values())), strict=True):
        known = Significance.SIGNIFICANT if p < LEVEL / 2 else Significance.WITHIN_CHANCE
        found[key] = known if math.isfinite(p) else Significance.UNKNOWN
    return found


def _p_of(change: PairedChange | None) -> float:
    return change.p if change else math.nan


def _p_of_two(before: Metric | None, after: Metric | None) -> float:
    """The chance of two equal values being so far apart, by the normal approximation: their 95 % intervals give the deviations."""
    deviations = [_deviation(metric) for metric in (before, after)]
    if before is None or after is None or None in deviations or not math.isfinite(after.value - before.value):
        return math.nan
    deviation = math.hypot(*(one for one in deviations if one is not None))
    difference = abs(after.value - before.value)
    return math.erfc(difference / deviation / math.sqrt(2)) if deviation > 0 else float(difference == 0)


def _deviation(metric: Metric | None) -> float | None:
    if metric is None or metric.ci_low is None or metric.ci_high is None:
        return None
    return (metric.ci_high - metric.ci_low) / (2 * Z)
