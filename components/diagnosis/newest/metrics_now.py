"""Decide by the metrics of all rows whether a version is worse on the newest rows than it was when it was made."""

import math
from collections.abc import Sequence

from components.diagnosis.metrics import MetricDifference, Significance
from components.model.metric_names import PINBALL_LOSS, macro_metric
from components.model.task import REGRESSION

DECISIVE = ("auc", "binary_accuracy", "accuracy", macro_metric("auc"), macro_metric("f1"))
"""Metrics of which more is better; whatever goes wrong, one of them falls."""
ERRORS = (*REGRESSION.decisive_metrics, PINBALL_LOSS)
"""Metrics of which less is better. The mean squared error is none of them: its root tells the same, in the label's unit."""
CALIBRATION = "calibration"
"""The metric that is 1 if predictions are right on average."""
LEAST_DROP = 0.02
"""A smaller drop is certain on many rows, and yet no reason to change anything."""
LEAST_RISE = 0.05
"""The same of the rise of an error, as a logarithm: 5 % of it, whatever the label's unit."""


def worse(differences: Sequence[MetricDifference]) -> tuple[MetricDifference, ...]:
    """The metrics of all rows that are worse on the second side, the largest drop first."""
    drops = [d for d in differences if not d.slice and d.significance == Significance.SIGNIFICANT and _drop(d) >= _least(d.name)]
    return tuple(sorted(drops, key=lambda d: (d.name == CALIBRATION, -_drop(d))))


def _least(name: str) -> float:
    return LEAST_RISE if name in ERRORS else LEAST_DROP


def _drop(difference: MetricDifference) -> float:
    """By how much a decisive metric is worse on the second side; 0 of others."""
    before, after = difference.before, difference.after
    if before is None or after is None or not math.isfinite(after.value - before.value):
        return 0.0
    if difference.name == CALIBRATION:
        return abs(after.value - 1) - abs(before.value - 1)
    if difference.name in ERRORS:
        return math.log(after.value / before.value) if before.value > 0 and after.value > 0 else 0.0
    return before.value - after.value if difference.name in DECISIVE else 0.0
