"""Days that a version served, with the metrics that can be judged."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from components.degradation.scale import standard_error
from components.evaluation.metric import Metric, slice_key
from components.model.metric_names import class_metric, macro_metric
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

    @cached_property
    def label_shares(self) -> dict[str, float]:
        """The share of the rows of a binary model that have the label, above 0 and below 1, by the key of the slice."""
        known = {"": self.day.scores[0]} if len(self.day.scores) == 1 else {}
        known |= {slice_key(one.slice): one.counts for one in self.day.slice_scores}
        return {key: (sum(one.positives) + 1) / (sum(one.labelled) + 2) for key, one in known.items()}


def measured_day(day: LiveDay) -> MeasuredDay | None:
    """A day with the metrics that can be judged; None where too few of its rows are labelled."""
    if day.labelled < LEAST_LABELLED[day.state] * day.rows:
        return None
    known = {(metric.name, slice_key(metric.slice)): metric for metric in day.metrics}
    lacking = {key for (name, key), metric in known.items() if name.startswith(class_metric("auc", "")) and math.isnan(metric.value)}
    left_out = {(name, key) for name, key in known if key in lacking and name.startswith(macro_metric(""))}
    metrics = {place: known[place] for place in known if place not in left_out and standard_error(known[place]) is not None}
    return MeasuredDay(day, metrics) if metrics else None
