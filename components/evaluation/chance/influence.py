"""How much each row moves a metric: the influences of a key's rows add up, and their squares over the keys are the metric's variance.

That is the delete-one-key jackknife to first order, without deleting anything. Rows of one key, such as the spans of a customer, are no
independent observations; intervals that take them for such hold the true value in 68 to 82 of 100 cases (docs/evaluation.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from components.measurement.regression_sums import pinball
from components.model.metric_names import (
    MEASURES,
    PINBALL_LOSS,
    R_SQUARED,
    ROOT_MEAN_SQUARED_ERROR,
    class_metric,
    coverage_of,
    is_error,
    macro_metric,
    meant_coverage,
    pinball_of,
)
from components.model.task import LearningTask

RANKED = 1 << 16
"""Scores looked up at a time."""
THRESHOLD = 0.5
"""A row counts as of label 1 if its score is above it, as TFMA has it."""


@dataclass(frozen=True, eq=False)
class LabelledScores:
    """Rows of a slice, and what a version says of them."""

    labels: np.ndarray
    """float64 [rows]"""
    scores: np.ndarray
    """float64 [rows, outputs]"""
    weights: np.ndarray
    """float64 [rows]"""


@dataclass(frozen=True, eq=False)
class Influence:
    """A metric, NaN where it is not defined, and by how much each row moves it, float64 [rows]."""

    value: float
    rows: np.ndarray


class Whole(Protocol):
    """What all rows of a slice come to, some of which are at hand."""

    def ratio(self, name: str, top: np.ndarray, bottom: np.ndarray) -> Influence:
        """A sum over a sum, and the influences of the rows at hand."""

    def area(self, name: str, is_one: np.ndarray, score: np.ndarray, weights: np.ndarray) -> Influence:
        """The area under the ROC curve, where ties count half, and the influences of the rows at hand."""


class AtHand:
    """All rows are at hand."""

    def ratio(self, name: str, top: np.ndarray, bottom: np.ndarray) -> Influence:  # noqa: ARG002 - known by name where parts are at hand
        """A sum over a sum."""
        return ratio_influence(top, bottom, float(top.sum()), float(bottom.sum()))

    def area(self, name: str, is_one: np.ndarray, score: np.ndarray, weights: np.ndarray) -> Influence:  # noqa: ARG002
        """Source: DeLong, DeLong and Clarke-Pearson (1988), placements."""
        ones, zeros = weights[is_one].sum(), weights[~is_one].sum()
        if ones <= 0 or zeros <= 0:
            return Influence(np.nan, np.zeros(len(score)))
        above = _share_below(score[is_one], score[~is_one], weights[~is_one]) / zeros
        below = 1 - _share_below(score[~is_one], score[is_one], weights[is_one]) / ones
        area = float((weights[is_one] * above).sum() / ones)  # a dot product goes by the processor
        found = np.empty(len(score))
        found[is_one] = weights[is_one] * (above - area) / ones
        found[~is_one] = weights[~is_one] * (below - area) / zeros
        return Influence(area, found)


AT_HAND = AtHand()


def ratio_influence(top: np.ndarray, bottom: np.ndarray, sum_of_top: float, sum_of_bottom: float) -> Influence:
    """A sum over a sum, of which some rows are at hand."""
    if sum_of_bottom <= 0:
        return Influence(np.nan, np.zeros(len(top)))
    ratio = sum_of_top / sum_of_bottom
    return Influence(ratio, (top - ratio * bottom) / sum_of_bottom)


def influences(rows: LabelledScores, task: LearningTask, whole: Whole = AT_HAND) -> dict[str, Influence]:
    """Those of every metric that has an interval, by its name.

    Args:
        rows: at least one.
        task: what labels and scores are.
        whole: what all rows come to, if these are a part of them.
    """
    return dict(each_influence(rows, task, whole))


def each_influence(rows: LabelledScores, task: LearningTask, whole: Whole = AT_HAND) -> Iterator[tuple[str, Influence]]:
    """The same one after the other: each takes eight bytes a row."""
    if task.is_regression:
        yield from _of_numbers(rows, task.point, whole).items()
        yield from _of_quantiles(rows, task.quantiles, whole).items()
    elif task.classes:
        yield from _of_classes(rows, task.classes, whole).items()
    else:
        yield from _of_two(rows, whole)


def _of_numbers(rows: LabelledScores, point: int, whole: Whole) -> dict[str, Influence]:
    score, weights = rows.scores[:, point], rows.weights
    squared = whole.ratio("mean_squared_error", weights * (rows.labels - score) ** 2, weights)
    root = float(np.sqrt(squared.value))
    mean_label = whole.ratio("mean_label", weights * rows.labels, weights)
    variance = whole.ratio("label_variance", weights * (rows.labels - mean_label.value) ** 2, weights)
    return {
        "mean_squared_error": squared,
        ROOT_MEAN_SQUARED_ERROR: Influence(root, squared.rows / (2 * root) if root > 0 else squared.rows),
        "mean_absolute_error": whole.ratio("mean_absolute_error", weights * np.abs(rows.labels - score), weights),
        R_SQUARED: _share_explained(squared, variance),
        "calibration": whole.ratio("calibration", weights * score, weights * rows.labels),
        "mean_prediction": whole.ratio("mean_prediction", weights * score, weights),
        "mean_label": mean_label,
    }


def _of_quantiles(rows: LabelledScores, quantiles: Sequence[float], whole: Whole) -> dict[str, Influence]:
    if not quantiles:
        return {}
    losses = [pinball(rows.labels - rows.scores[:, place], one) for place, one in enumerate(quantiles)]
    found = {PINBALL_LOSS: whole.ratio(PINBALL_LOSS, rows.weights * np.mean(losses, axis=0), rows.weights)}
    for place, one in enumerate(quantiles):
        loss, coverage = pinball_of(one), coverage_of(one)
        found[loss] = whole.ratio(loss, rows.weights * losses[place], rows.weights)
        found[coverage] = whole.ratio(coverage, rows.weights * (rows.labels <= rows.scores[:, place]), rows.weights)
    return found


def _share_explained(squared: Influence, variance: Influence) -> Influence:
    """One less the squared error over the variance of the labels; NaN where these are all alike."""
    if not variance.value > 0:
        return Influence(np.nan, np.zeros(len(squared.rows)))
    left = squared.value / variance.value
    return Influence(1 - left, (left * variance.rows - squared.rows) / variance.value)


def _of_two(rows: LabelledScores, whole: Whole) -> Iterator[tuple[str, Influence]]:
    is_one, score, weights = rows.labels == 1, rows.scores[:, 0], rows.weights
    says = score > THRESHOLD
    yield "auc", whole.area("auc", is_one, score, weights)
    yield "binary_accuracy", whole.ratio("binary_accuracy", weights * (says == is_one), weights)
    yield "precision", whole.ratio("precision", weights * (says & is_one), weights * says)
    yield "recall", whole.ratio("recall", weights * (says & is_one), weights * is_one)
    yield "calibration", whole.ratio("calibration", weights * score, weights * is_one)


def _of_classes(rows: LabelledScores, classes: Sequence[str], whole: Whole) -> dict[str, Influence]:
    says = rows.scores.argmax(axis=1)
    found = {"accuracy": whole.ratio("accuracy", rows.weights * (says == rows.labels), rows.weights)}
    each: dict[str, list[Influence]] = {measure: [] for measure in MEASURES}
    for place, name in enumerate(classes):
        of_class = _of_class(rows.labels == place, says == place, rows.scores[:, place], rows.weights, name, whole)
        found |= {class_metric(measure, name): influence for measure, influence in of_class.items()}
        for measure, influence in of_class.items():
            each[measure].append(influence)
    return found | {macro_metric(measure): _mean(parts) for measure, parts in each.items()}


def _of_class(
    is_one: np.ndarray, says: np.ndarray, score: np.ndarray, weights: np.ndarray, name: str, whole: Whole
) -> dict[str, Influence]:
    hits = weights * (says & is_one)
    pairs = {"precision": (hits, weights * says), "recall": (hits, weights * is_one), "f1": (2 * hits, weights * says + weights * is_one)}
    area = whole.area(class_metric("auc", name), is_one, score, weights)
    return {"auc": area} | {measure: whole.ratio(class_metric(measure, name), *pair) for measure, pair in pairs.items()}


def _mean(parts: Sequence[Influence]) -> Influence:
    return Influence(float(np.mean([part.value for part in parts])), np.mean([part.rows for part in parts], axis=0))


def _share_below(scores: np.ndarray, others: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weight of the others that each score is above of, and half of those that it ties with."""
    if (weights == 1.0).all():
        ranked, sums = np.sort(others), None
    else:
        order = np.argsort(others, kind="stable")
        ranked, sums = others[order], np.concatenate([[0.0], np.cumsum(weights[order])])
    found = np.empty(len(scores))
    for start in range(0, len(scores), RANKED):
        part = slice(start, start + RANKED)
        left, right = (np.searchsorted(ranked, scores[part], side) for side in ("left", "right"))
        found[part] = (left + right) / 2 if sums is None else (sums[left] + sums[right]) / 2
    return found


def by_key(rows: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The influences of each key's rows added up, float64 [keys]. `keys` numbers them, int64 [rows]."""
    sums: np.ndarray = np.bincount(keys, rows)
    return sums


def numbered(keys: np.ndarray) -> np.ndarray:
    """Numbers for keys, from 0 without gaps, in the order of the keys, int64 [rows].

    Args:
        keys: whole numbers of 0 and more, of which the largest is not far beyond how many keys a version is measured on.
    """
    is_there = np.zeros(int(keys.max(initial=-1)) + 1, bool)
    is_there[keys] = True
    numbers: np.ndarray = (np.cumsum(is_there) - 1)[keys]
    return numbers


def turned_to_quality(found: Mapping[str, Influence]) -> dict[str, Influence]:
    """The same as numbers of which more is better.

    A calibration becomes minus the size of its logarithm, which is 0 at best, a coverage minus its distance from the quantile, and an
    error minus its logarithm, of which 0.01 is 1 %, whatever the label's unit.
    """
    return {name: _quality(name, one) for name, one in found.items()}


def _quality(name: str, one: Influence) -> Influence:
    if is_error(name):
        return _smallness(one)
    if (meant := meant_coverage(name)) is not None:
        return Influence(-abs(one.value - meant), -np.sign(one.value - meant) * one.rows)
    return _closeness_to_one(one) if name == "calibration" else one


def _smallness(error: Influence) -> Influence:
    if not error.value > 0:
        return Influence(np.nan, error.rows)
    return Influence(-float(np.log(error.value)), -error.rows / error.value)


def _closeness_to_one(ratio: Influence) -> Influence:
    if not ratio.value > 0:
        return Influence(np.nan, ratio.rows)
    return Influence(-abs(float(np.log(ratio.value))), -np.sign(np.log(ratio.value)) * ratio.rows / ratio.value)
