"""Whether a version is worse on the newest rows than it was when it was made, by the metrics that say so of all rows."""

import math
from collections.abc import Sequence

from components.diagnosis.metrics import MetricDifference, Significance
from components.model.metric_names import macro_metric

DECISIVE = ("auc", "binary_accuracy", "accuracy", macro_metric("auc"), macro_metric("f1"))
"""More is better, and one of them falls whatever goes wrong."""
CALIBRATION = "calibration"
"""Of predictions that are right on average it is 1."""
LEAST_DROP = 0.02
"""A smaller one is sure on many rows, and yet no reason to change anything."""


def worse(differences: Sequence[MetricDifference]) -> tuple[MetricDifference, ...]:
    """Of all rows, what is worse on the second side, the largest drop first."""
    found = [one for one in differences if not one.slice and one.significance == Significance.SIGNIFICANT and drop(one) >= LEAST_DROP]
    return tuple(sorted(found, key=lambda one: (one.name == CALIBRATION, -drop(one))))


def drop(difference: MetricDifference) -> float:
    """By how much a decisive metric is worse on the second side; 0 of others."""
    before, after = difference.before, difference.after
    if before is None or after is None or not math.isfinite(after.value - before.value):
        return 0.0
    if difference.name == CALIBRATION:
        return abs(after.value - 1) - abs(before.value - 1)
    return before.value - after.value if difference.name in DECISIVE else 0.0
