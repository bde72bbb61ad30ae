"""Bands of predictions, and what labels are beyond them."""

import numpy as np

from components.evaluation.chance.influence import LabelledScores
from components.evaluation.residuals import residual_bands


def rows(predicted: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> LabelledScores:
    return LabelledScores(labels, predicted[:, None], np.ones(len(labels)) if weights is None else weights)


def test_each_band_has_a_tenth_of_the_rows() -> None:
    predicted = np.random.default_rng(1).permutation(1_000).astype(np.float64)
    bands = residual_bands(rows(predicted, predicted + 3), point=0)
    assert [band.count for band in bands] == [100] * 10
    assert [band.mean_prediction for band in bands] == [100 * place + 49.5 for place in range(10)]
    assert {band.residuals for band in bands} == {(3.0,) * 5}
    assert all(band.mean_label == band.mean_prediction + 3 for band in bands)


def test_residuals_are_what_labels_are_beyond_predictions() -> None:
    bands = residual_bands(rows(np.zeros(101), np.arange(101.0)), point=0)
    assert [(band.mean_prediction, band.mean_label, band.residuals) for band in bands] == [(0.0, 50.0, (10.0, 25.0, 50.0, 75.0, 90.0))]


def test_equal_predictions_are_in_one_band() -> None:
    bands = residual_bands(rows(np.repeat([0.0, 1.0, 2.0], [70, 20, 10]), np.ones(100)), point=0)
    assert [(band.mean_prediction, band.count) for band in bands] == [(0.0, 70.0), (1.0, 20.0), (2.0, 10.0)]


def test_means_are_weighted() -> None:
    (band,) = residual_bands(rows(np.array([1.0, 1.0]), np.array([0.0, 4.0]), np.array([3.0, 1.0])), point=0)
    assert (band.mean_label, band.count) == (1.0, 4.0)
