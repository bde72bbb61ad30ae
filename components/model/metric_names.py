"""What is measured of a model on every slice, by name: in model.toml, the registry, reports and comparisons alike."""

from collections.abc import Sequence

BINARY_METRICS = ("example_count", "auc", "binary_accuracy", "precision", "recall", "calibration")
MEASURES = ("auc", "precision", "recall", "f1")
"""What is measured of each of several classes, and on average over them."""


def metric_names(classes: Sequence[str]) -> tuple[str, ...]:
    """Of a binary model (no classes), or of one that chooses among classes: `accuracy`, `macro_auc`, `auc_of_CLASS` and the like."""
    if not classes:
        return BINARY_METRICS
    return ("example_count", "accuracy", *map(macro_metric, MEASURES), *(class_metric(one, of) for of in classes for one in MEASURES))


def class_metric(measure: str, of: str) -> str:
    """A measure of one class against all others."""
    return f"{measure}_of_{of}"


def macro_metric(measure: str) -> str:
    """The mean of a measure over the classes, each of which counts the same."""
    return f"macro_{measure}"
