"""Rows in bands of their predictions: how far labels are from what was predicted, by how much was predicted."""

from dataclasses import dataclass

import numpy as np

from components.evaluation.chance.influence import LabelledScores

BANDS = 10
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class ResidualBand:
    """A tenth of the rows by their prediction. A residual is a label less its prediction."""

    mean_prediction: float
    mean_label: float
    count: float
    """The weight of its rows."""
    residuals: tuple[float, ...]
    """Those below which SHARES of the rows are."""


def residual_bands(rows: LabelledScores, *, point: int) -> tuple[ResidualBand, ...]:
    """The bands, ascending. Equal predictions are in one band, so that there may be fewer than ten of them.

    Args:
        rows: at least one.
        point: which of the scores is the predicted number.
    """
    predicted = rows.scores[:, point]
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
            found.append(ResidualBand(mean_prediction, mean_label, float(weights.sum()), residuals))
    return tuple(found)
