"""Sums over rows whose labels are numbers. Floats are rounded where TFMA rounds them, so that both roads give the same metrics."""

from dataclasses import dataclass

import numpy as np

from components.errors import TaskError
from components.measurement.sums import Additions, ScoredRows, StockOnlyError


@dataclass(frozen=True)
class Errors:
    """Weighted errors and weights. Cells: [these two]."""

    is_squared: bool
    is_weighted: bool

    def width(self, outputs: int) -> int:  # noqa: ARG002
        """Two."""
        return 2

    def additions(self, rows: ScoredRows) -> Additions:
        """The two of each row.

        Raises:
            StockOnlyError: a row has several scores.
            TaskError: a score is not a number.
        """
        scores = _only_scores(rows)
        labels = rows.labels if rows.has_whole_labels else rows.labels.astype(np.float32)
        difference = labels - scores
        error = np.sqrt(difference * difference).astype(np.float64) ** 2 if self.is_squared else np.abs(difference).astype(np.float64)
        weights = rows.weights if self.is_weighted else np.ones(len(error))
        for cell, values in enumerate((error * weights, weights)):
            yield np.full(len(error), cell), values


@dataclass(frozen=True)
class Residuals:
    """Weights, labels, squared labels and squared errors. Cells: [these four]."""

    is_weighted: bool

    def width(self, outputs: int) -> int:  # noqa: ARG002
        """Four."""
        return 4

    def additions(self, rows: ScoredRows) -> Additions:
        """The four of each row.

        Raises:
            StockOnlyError: a row has several scores.
            TaskError: a score is not a number.
        """
        labels, scores = rows.labels, _only_scores(rows).astype(np.float64)
        weights = rows.weights if self.is_weighted else np.ones(len(labels))
        for cell, values in enumerate((np.ones(len(labels)), labels, labels * labels, (labels - scores) * (labels - scores))):
            yield np.full(len(labels), cell), values * weights


@dataclass(frozen=True)
class QuantileCosts:
    """Weighted pinball losses, or the weight of the rows that a quantile covers; and weights. Cells: [these two]."""

    quantiles: tuple[float, ...]
    place: int | None
    """Of the quantile; None is the mean over all of them."""
    is_share: bool
    """Whether rows count that are covered."""
    is_weighted: bool

    def width(self, outputs: int) -> int:  # noqa: ARG002
        """Two."""
        return 2

    def additions(self, rows: ScoredRows) -> Additions:
        """The two of each row.

        Raises:
            StockOnlyError: the rows have no quantiles.
            TaskError: a score is not a number.
        """
        if rows.quantiles is None:
            raise StockOnlyError("quantiles, where a model gives none")
        places = range(len(self.quantiles)) if self.place is None else (self.place,)
        costs = np.mean([self._cost(rows, place) for place in places], axis=0)
        weights = rows.weights if self.is_weighted else np.ones(len(costs))
        for cell, values in enumerate((costs * weights, weights)):
            yield np.full(len(costs), cell), values

    def _cost(self, rows: ScoredRows, place: int) -> np.ndarray:
        predicted = _numbers_only(rows.quantiles[:, place]).astype(np.float64) if rows.quantiles is not None else rows.labels
        return (rows.labels <= predicted).astype(np.float64) if self.is_share else pinball(rows.labels - predicted, self.quantiles[place])


def pinball(short: np.ndarray, quantile: float) -> np.ndarray:
    """The pinball losses of predictions that are short of labels by so much, float64 [rows]."""
    return np.maximum(quantile * short, (quantile - 1) * short)


def _only_scores(rows: ScoredRows) -> np.ndarray:
    """Float32 [rows]."""
    if rows.scores.shape[1] != 1:
        raise StockOnlyError(f"errors, where a model gives {rows.scores.shape[1]} scores")
    return _numbers_only(rows.scores[:, 0])


def _numbers_only(scores: np.ndarray) -> np.ndarray:
    if np.isnan(scores).any():
        raise TaskError(
            f"the model predicts {np.isnan(scores).sum():,} of {len(scores):,} rows as NaN, which no metric can count: "
            "mend features.py or network.py, and see whether the loss became NaN in training"
        )
    return scores
