"""What is measured of several classes on a slice, from the confusion matrix and the areas that TFMA gives."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.evaluation.chance.intervals import Confusion, Interval, interval, mean_interval
from components.model.metric_names import MEASURES, class_metric, macro_metric

Measured = tuple[float, Interval | None]
"""A value with its 95 % interval."""


def read_matrix(found: Mapping[str, Any], classes: int) -> np.ndarray:
    """Rows by label and by the class with the highest score, float64 [classes, classes + 1]; the last are those without any score."""
    counts = np.zeros((classes, classes + 1))
    (matrix,) = found.get("matrices", [{}])
    for entry in matrix.get("entries", []):
        counts[entry.get("actualClassId", 0), entry.get("predictedClassId", 0)] += entry.get("numWeightedExamples", 0.0)
    return counts


def _one_against_all(matrix: np.ndarray, of: int) -> Confusion:
    """The counts of one class."""
    hits, labelled, predicted = matrix[of, of], matrix[of].sum(), matrix[:, of].sum()
    return Confusion(
        true_positives=float(hits),
        false_positives=float(predicted - hits),
        true_negatives=float(matrix.sum() - labelled - predicted + hits),
        false_negatives=float(labelled - hits),
    )


def measure_classes(classes: Sequence[str], matrix: np.ndarray, areas: Sequence[float]) -> dict[str, Measured]:
    """Everything by name: the accuracy, each measure of each class, and its mean over them. What is not defined is NaN, and so its mean.

    Args:
        classes: their names, K of them.
        matrix: as `read_matrix` gives it.
        areas: under the ROC curve of each class against the rest, [K].
    """
    counts = [_one_against_all(matrix, place) for place in range(len(classes))]
    found = {"accuracy": _measured("accuracy", _share(np.trace(matrix), matrix.sum()), counts[0])}
    for measure in MEASURES:
        each = [_measured(measure, _value(measure, one, area), one) for one, area in zip(counts, areas, strict=True)]
        found[macro_metric(measure)] = _mean(measure, each)
        found |= {class_metric(measure, name): one for name, one in zip(classes, each, strict=True)}
    return found


def _measured(measure: str, value: float, counts: Confusion) -> Measured:
    return value, interval(measure, value, counts)


def _value(measure: str, counts: Confusion, area: float) -> float:
    hits = counts.true_positives
    match measure:
        case "precision":
            return _share(hits, hits + counts.false_positives)
        case "recall":
            return _share(hits, counts.positives)
        case "f1":
            return _share(2 * hits, 2 * hits + counts.false_positives + counts.false_negatives)
        case _:
            return area if counts.positives > 0 and counts.negatives > 0 else math.nan  # TFMA says 0 where there is one class


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else math.nan


def _mean(measure: str, each: Sequence[Measured]) -> Measured:
    value = float(np.mean([one for one, _ in each]))
    known = [(one, bounds) for one, bounds in each if bounds is not None]
    return value, mean_interval(known, independent=measure in ("precision", "recall")) if len(known) == len(each) else None
