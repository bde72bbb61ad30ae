"""The names of the metrics that are computed for every slice, in model.toml, the registry, reports and comparisons alike."""

from collections.abc import Sequence

BINARY_METRICS = ("example_count", "auc", "binary_accuracy", "precision", "recall", "calibration")
MEASURES = ("auc", "precision", "recall", "f1")
"""The measures of each class of a multiclass model, and of their mean over the classes."""


def metric_names(classes: Sequence[str]) -> tuple[str, ...]:
    """The metrics of a binary model (no classes), or of a multiclass one: `accuracy`, `macro_auc`, `auc_of_CLASS` and the like."""
    if not classes:
        return BINARY_METRICS
    return (
        "example_count",
        "accuracy",
        *map(macro_metric, MEASURES),
        *(class_metric(measure, of) for of in classes for measure in MEASURES),
    )


def class_metric(measure: str, of: str) -> str:
    """A measure of one class against all others."""
    return f"{measure}_of_{of}"


def macro_metric(measure: str) -> str:
    """The mean of a measure over the classes, each with the same weight."""
    return f"macro_{measure}"
