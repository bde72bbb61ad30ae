"""Rows in bands of their predictions: how far labels are from what was predicted, and how many a quantile covers, by how much that is."""

from dataclasses import dataclass

import numpy as np

from components.evaluation.chance.influence import LabelledScores, by_key, influences
from components.evaluation.chance.spread import interval_by_key, powers
from components.model.metric_names import coverage_of
from components.model.task import LearningTask

BANDS = 10
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class Coverage:
    """The share of a band's labels that are up to what is predicted of a quantile: it should be the quantile."""

    quantile: float
    share: float
    low: float | None
    """The ends of the 95 % interval by key, where it is known."""
    high: float | None


@dataclass(frozen=True)
class ResidualBand:
    """A tenth of the rows by their prediction. A residual is a label less its prediction."""

    mean_prediction: float
    mean_label: float
    count: float
    """The weight of its rows."""
    residuals: tuple[float, ...]
    """Those below which SHARES of the rows are."""
    coverages: tuple[Coverage, ...] = ()
    """Of each quantile that is predicted."""


def residual_bands(rows: LabelledScores, keys: np.ndarray, task: LearningTask) -> tuple[ResidualBand, ...]:
    """The bands, ascending. Equal predictions are in one band, so that there may be fewer than ten of them.

    Args:
        rows: at least one.
        keys: the number of each row's key, int64 [rows].
        task: tells which of the scores is the predicted number, and what quantiles the others are.
    """
    predicted = rows.scores[:, task.point]
    edges = np.unique(np.quantile(predicted, np.arange(1, BANDS) / BANDS))
    band_of = np.searchsorted(edges, predicted, "left")
    found = []
    for band in np.unique(band_of):
        chosen = band_of == band
        weights = rows.weights[chosen]
        if weights.sum() > 0:
            said, true = predicted[chosen], rows.labels[chosen]
            mean_prediction, mean_label = (float(np.average(values, weights=weights)) for values in (said, true))
            residuals = tuple(np.quantile(true - said, SHARES).tolist())
            coverages = _coverages(LabelledScores(true, rows.scores[chosen], weights), keys[chosen], task)
            found.append(ResidualBand(mean_prediction, mean_label, float(weights.sum()), residuals, coverages))
    return tuple(found)


def _coverages(rows: LabelledScores, keys: np.ndarray, task: LearningTask) -> tuple[Coverage, ...]:
    if not task.quantiles:
        return ()
    numbers, moved, found = np.unique(keys, return_inverse=True)[1], influences(rows, task), []
    for quantile in task.quantiles:
        name = coverage_of(quantile)
        bounds = interval_by_key(name, moved[name].value, powers(by_key(moved[name].rows, numbers)).spread)
        found.append(Coverage(quantile, moved[name].value, *(bounds or (None, None))))
    return tuple(found)
