"""The names of the metrics that are computed for every slice, in model.toml, the registry, reports and comparisons alike."""

import math
from collections.abc import Sequence

BINARY_METRICS = ("example_count", "auc", "binary_accuracy", "precision", "recall", "calibration")
ROOT_MEAN_SQUARED_ERROR = "root_mean_squared_error"
R_SQUARED = "r_squared"
ERRORS = ("mean_squared_error", ROOT_MEAN_SQUARED_ERROR, "mean_absolute_error")
"""Metrics of which less is better, in the label's unit or its square."""
PINBALL_LOSS = "pinball_loss"
"""The mean over the quantiles that are predicted: what a prediction costs that is below, or above, a label. Less is better."""
COVERAGE_OF = "coverage_of_"
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
SHARES = (*MEASURES, "accuracy", "binary_accuracy", R_SQUARED, *(f"macro_{measure}" for measure in MEASURES))
"""Metrics that are 1 at best."""


def is_error(name: str) -> bool:
    """Whether less of a metric is better, in the label's unit or its square."""
    return name in ERRORS or name.startswith(PINBALL_LOSS)


def most(name: str) -> float:
    """The highest value that a metric can have: 1 of shares and areas, and no bound of others, nor of a name that no metric has."""
    return 1.0 if name in SHARES or name.startswith((COVERAGE_OF, *(class_metric(measure, "") for measure in MEASURES))) else math.inf


def quantile_metric_names(quantiles: Sequence[float]) -> tuple[str, ...]:
    """The metrics that a model of quantiles has beside those of its middle one."""
    return (PINBALL_LOSS, *map(pinball_of, quantiles), *map(coverage_of, quantiles)) if quantiles else ()


def pinball_of(quantile: float) -> str:
    """The pinball loss of one quantile: `pinball_loss_of_0.9`."""
    return f"{PINBALL_LOSS}_of_{quantile:g}"


def coverage_of(quantile: float) -> str:
    """The share of labels up to what is predicted of a quantile, which is the quantile if that is right: `coverage_of_0.9`."""
    return f"{COVERAGE_OF}{quantile:g}"


def meant_coverage(name: str) -> float | None:
    """What a coverage is if the quantile is right: more is no better than less. None of other metrics."""
    return float(name.removeprefix(COVERAGE_OF)) if name.startswith(COVERAGE_OF) else None


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
