"""The names of the metrics that are computed for every slice, in model.toml, the registry, reports and comparisons alike."""

from collections.abc import Sequence

BINARY_METRICS = ("example_count", "auc", "binary_accuracy", "precision", "recall", "calibration")
ROOT_MEAN_SQUARED_ERROR = "root_mean_squared_error"
R_SQUARED = "r_squared"
ERRORS = ("mean_squared_error", ROOT_MEAN_SQUARED_ERROR, "mean_absolute_error")
"""Metrics of which less is better, in the label's unit or its square."""
REGRESSION_METRICS = (
    "example_count",
    ROOT_MEAN_SQUARED_ERROR,
    "mean_absolute_error",
    "mean_squared_error",
    R_SQUARED,
    "calibration",
    "mean_prediction",
    "mean_label",
)
HEADLINE_METRICS = ("auc", "macro_auc", R_SQUARED)
"""One for each task: the metric that stands for a version in a list."""
MEASURES = ("auc", "precision", "recall", "f1")
"""The measures of each class of a multiclass model, and of their mean over the classes."""


def class_metric_names(classes: Sequence[str]) -> tuple[str, ...]:
    """The metrics of a multiclass model: `accuracy`, `macro_auc`, `auc_of_CLASS` and the like."""
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
