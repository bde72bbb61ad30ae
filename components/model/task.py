"""What a model predicts: one of two labels, one of several classes, or a number. Whatever differs between the three is answered here."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from components.model.metric_names import (
    BINARY_METRICS,
    PINBALL_LOSS,
    REGRESSION_METRICS,
    ROOT_MEAN_SQUARED_ERROR,
    class_metric_names,
    macro_metric,
    quantile_metric_names,
)

if TYPE_CHECKING:
    import numpy as np


class TaskName(StrEnum):
    """As model.toml names it."""

    BINARY = "binary_classification"
    CLASSES = "multiclass_classification"
    REGRESSION = "regression"


@dataclass(frozen=True)
class LearningTask:
    """A task, and its classes if it has several."""

    name: TaskName
    classes: tuple[str, ...] = ()
    """The meaning of the labels 0, 1, 2, …; () for two labels and for numbers."""
    quantiles: tuple[float, ...] = ()
    """Those of a number that are predicted, ascending and odd in number; () for the number alone."""

    @property
    def is_regression(self) -> bool:
        """Whether labels are numbers."""
        return self.name == TaskName.REGRESSION

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names by which rows are counted: the classes, the labels 0 and 1 themselves, or one name for all numbers."""
        return ("number",) if self.is_regression else self.classes or ("0", "1")

    @property
    def score_count(self) -> int:
        """How many scores the network gives for a row: the predicted number, the probability of 1, or one for each class or quantile."""
        return len(self.classes) or len(self.quantiles) or 1

    @property
    def point(self) -> int:
        """Which of the scores is the predicted number: the middle quantile."""
        return len(self.quantiles) // 2

    @property
    def score_names(self) -> tuple[str, ...]:
        """What the scores are called if there are several kinds of them: the classes, or the quantiles."""
        return self.classes or tuple(f"{quantile:g}" for quantile in self.quantiles)

    @property
    def score_meaning(self) -> str:
        """What they are, for a sentence."""
        if self.is_regression:
            return f"the predicted quantiles {', '.join(self.score_names)}" if self.quantiles else "the predicted number"
        return "a score for each class" if self.classes else "the probability of label 1"

    @property
    def accepted_label(self) -> str:
        """What a label must be, for a sentence."""
        if self.is_regression:
            return "a finite number"
        return f"a whole number from 0 to {len(self.classes) - 1}" if self.classes else "0 or 1"

    def are_labels(self, values: "np.ndarray") -> "np.ndarray":
        """Which of the values, float64 [rows], are labels; bool [rows]."""
        import numpy as np

        return np.isfinite(values) if self.is_regression else np.isin(values, np.arange(len(self.label_names)))

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that are computed for every slice."""
        if self.is_regression:
            return (*REGRESSION_METRICS, *quantile_metric_names(self.quantiles))
        return class_metric_names(self.classes) if self.classes else BINARY_METRICS

    @property
    def decisive_metrics(self) -> tuple[str, ...]:
        """The metrics by which two versions are held against each other, the most telling first: whatever goes wrong, one of them tells."""
        if self.is_regression:
            return (PINBALL_LOSS,) if self.quantiles else (ROOT_MEAN_SQUARED_ERROR, "mean_absolute_error")
        return ("accuracy", macro_metric("auc"), macro_metric("f1")) if self.classes else ("auc", "binary_accuracy")

    @property
    def whole_labels(self) -> int:
        """How many labels there are, which are the whole numbers from 0; 0 where labels are any numbers."""
        return 0 if self.is_regression else len(self.label_names)

    @property
    def populations(self) -> int:
        """Into how many parts the rows of a span are profiled: one for each label; of numbers, those above the median, and the others."""
        return 2 if self.is_regression else len(self.label_names)


BINARY = LearningTask(TaskName.BINARY)
REGRESSION = LearningTask(TaskName.REGRESSION)
