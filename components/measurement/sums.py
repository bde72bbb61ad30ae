"""Sums over rows, for every slice at once, from which TFMA's metrics follow: they add up, so rows may come in any number of batches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from components.errors import PerennialError, TaskError

Additions = Iterator[tuple[np.ndarray, np.ndarray]]
"""Cells, int64 [rows], and what each row adds to its cell, float64 [rows]."""


class StockOnlyError(PerennialError):
    """What the configuration or the rows ask for is computed by the stock Evaluator alone. The text names it."""


@dataclass(frozen=True)
class ScoredRows:
    """Some rows, and what a model says of them."""

    labels: np.ndarray
    """float64 [rows]"""
    scores: np.ndarray
    """float32 [rows, outputs]"""
    weights: np.ndarray
    """float64 [rows]"""
    features: Mapping[str, pa.Array]
    """The columns to slice by, with one value a row or none (null)."""
    has_whole_labels: bool = False
    """Whether examples hold the labels as integers, from which TFMA subtracts scores in float64; else it does in float32."""
    quantiles: np.ndarray | None = None
    """What is predicted of each quantile, float32 [rows, quantiles], where `scores` has the middle one alone."""


class Statistic(Protocol):
    """Something that adds up over rows."""

    def width(self, outputs: int) -> int:
        """How many cells it has, of a model with so many outputs."""

    def additions(self, rows: ScoredRows) -> Additions:
        """What rows add to which cell.

        Raises:
            StockOnlyError: the rows are such that only TFMA knows what they mean.
        """


@dataclass(frozen=True)
class Part:
    """What of the outputs counts: the only one, or one class against the rest. And whether rows have their weights, or all count 1."""

    of_class: int | None
    is_weighted: bool

    def numbers(self, rows: ScoredRows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Labels, scores and weights, each float64 [rows]."""
        outputs = rows.scores.shape[1]
        if (self.of_class is None) != (outputs == 1) or not (self.of_class or 0) < outputs:
            part = "its only score" if self.of_class is None else f"class {self.of_class}"
            raise StockOnlyError(f"metrics of {part}, where a model gives {outputs} scores")
        labels = rows.labels if self.of_class is None else (rows.labels == self.of_class).astype(np.float64)
        return labels, rows.scores[:, self.of_class or 0].astype(np.float64), _weights_of(rows, self.is_weighted)

    def binary(self, rows: ScoredRows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Labels of 0 and 1, scores and weights, each float64 [rows]."""
        labels, scores, weights = self.numbers(rows)
        if not np.isin(labels, (0.0, 1.0)).all():
            raise StockOnlyError("a label other than 0 and 1")
        return labels, scores, weights


def _weights_of(rows: ScoredRows, is_weighted: bool) -> np.ndarray:
    """Float64 [rows]."""
    return rows.weights if is_weighted else np.ones(len(rows.labels))


@dataclass(frozen=True)
class Count:
    """How many rows there are. Cells: [the number]."""

    is_weighted: bool

    def width(self, outputs: int) -> int:  # noqa: ARG002 - some depend on it
        """One."""
        return 1

    def additions(self, rows: ScoredRows) -> Additions:
        """The weights."""
        yield np.zeros(len(rows.labels), np.int64), _weights_of(rows, self.is_weighted)


@dataclass(frozen=True)
class Totals:
    """Weighted labels, scores and rows. Cells: [these three]."""

    part: Part

    def width(self, outputs: int) -> int:  # noqa: ARG002
        """Three."""
        return 3

    def additions(self, rows: ScoredRows) -> Additions:
        """The three of each row."""
        labels, scores, weights = self.part.numbers(rows)
        for cell, values in enumerate((labels * weights, scores * weights, weights)):
            yield np.full(len(labels), cell), values


@dataclass(frozen=True)
class Histogram:
    """Totals by score: buckets of equal width, and one at either end for what lies outside. Cells: [3 totals, buckets + 2]."""

    part: Part
    buckets: int
    left: float
    span: float
    """From the left end of the first bucket to the right end of the last one."""

    def width(self, outputs: int) -> int:  # noqa: ARG002
        """Of the three totals."""
        return 3 * (self.buckets + 2)

    def additions(self, rows: ScoredRows) -> Additions:
        """The totals of each row, in the bucket of its score.

        Raises:
            TaskError: a score is not a number.
        """
        labels, scores, weights = self.part.binary(rows)
        if np.isnan(scores).any():
            raise TaskError(
                f"the model scores {np.isnan(scores).sum():,} of {len(scores):,} rows as NaN, which no metric can count: "
                "mend features.py or network.py, and see whether the loss became NaN in training"
            )
        place = np.clip((scores - self.left) / self.span * self.buckets + 1, 0, self.buckets + 1).astype(np.int64)
        for total, values in enumerate((labels * weights, scores * weights, weights)):
            yield place + total * (self.buckets + 2), values


@dataclass(frozen=True)
class Matrices:
    """A confusion matrix at each threshold. Cells: [thresholds, (true negatives, false positives, false negatives, true positives)]."""

    part: Part
    thresholds: tuple[float, ...]

    def width(self, outputs: int) -> int:  # noqa: ARG002
        """Four a threshold."""
        return 4 * len(self.thresholds)

    def additions(self, rows: ScoredRows) -> Additions:
        """The weight of each row, once for each threshold."""
        labels, scores, weights = self.part.binary(rows)
        for place, threshold in enumerate(self.thresholds):
            yield 4 * place + 2 * (labels == 1.0) + (scores > threshold), weights


@dataclass(frozen=True)
class ClassMatrix:
    """Rows by class and by the class with the highest score. Cells: [classes, classes + 1]; the last are rows without a score."""

    threshold: float
    """A score must be above it to count."""
    is_weighted: bool

    def width(self, outputs: int) -> int:
        """The number of cells."""
        return outputs * (outputs + 1)

    def additions(self, rows: ScoredRows) -> Additions:
        """The weight of each row."""
        classes = rows.scores.shape[1]
        if classes < 2 or not np.isin(rows.labels, np.arange(classes)).all():
            raise StockOnlyError(f"a label that is none of {classes} classes")
        best = rows.scores.argmax(axis=1)
        highest = rows.scores[np.arange(len(best)), best]
        taken = np.where(highest <= rows.scores.dtype.type(self.threshold), classes, best)
        yield rows.labels.astype(np.int64) * (classes + 1) + taken, _weights_of(rows, self.is_weighted)


class Sums:
    """What statistics come to in each group of rows, such as a slice."""

    def __init__(self, statistics: Sequence[Statistic], outputs: int) -> None:
        self._statistics = statistics
        self._tables = [np.zeros((1, statistic.width(outputs))) for statistic in statistics]

    def add(self, rows: ScoredRows, groupings: Sequence[np.ndarray], groups: int) -> None:
        """Add rows, in their order and one after the other: in how many batches they come changes no bit.

        Args:
            rows: their labels, scores and weights.
            groupings: each the group of every row, int64 [rows]; -1 is none.
            groups: how many there are by now.
        """
        for place, statistic in enumerate(self._statistics):
            table = self._tables[place] = _grown(self._tables[place], groups)
            for cells, values in statistic.additions(rows):
                for numbers in groupings:
                    chosen = numbers >= 0
                    index = numbers[chosen] * table.shape[1] + cells[chosen]
                    np.add.at(table.reshape(-1), index, values[chosen])

    def of(self, group: int) -> list[np.ndarray]:
        """The cells of each statistic, float64 [width]."""
        return [table[group] for table in self._tables]


def _grown(table: np.ndarray, groups: int) -> np.ndarray:
    """With room for at least so many groups."""
    if groups <= len(table):
        return table
    room = np.zeros((max(groups, 2 * len(table)) - len(table), table.shape[1]))
    return np.concatenate([table, room])
