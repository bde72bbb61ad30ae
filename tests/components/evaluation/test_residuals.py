"""Bands of predictions, and what labels are beyond them."""

import numpy as np

from components.evaluation.chance.influence import LabelledScores
from components.evaluation.residuals import ResidualBand, residual_bands
from components.model.task import LearningTask, TaskName


def rows(predicted: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> LabelledScores:
    return LabelledScores(labels, predicted[:, None], np.ones(len(labels)) if weights is None else weights)


def bands_of(found: LabelledScores, quantiles: tuple[float, ...] = ()) -> tuple[ResidualBand, ...]:
    return residual_bands(found, np.arange(len(found.labels)), LearningTask(TaskName.REGRESSION, (), quantiles))


def test_each_band_has_a_tenth_of_the_rows() -> None:
    predicted = np.random.default_rng(1).permutation(1_000).astype(np.float64)
    bands = bands_of(rows(predicted, predicted + 3))
    assert [band.count for band in bands] == [100] * 10
    assert [band.mean_prediction for band in bands] == [100 * place + 49.5 for place in range(10)]
    assert {band.residuals for band in bands} == {(3.0,) * 5}
    assert all(band.mean_label == band.mean_prediction + 3 for band in bands)


def test_residuals_are_what_labels_are_beyond_predictions() -> None:
    bands = bands_of(rows(np.zeros(101), np.arange(101.0)))
    assert [(band.mean_prediction, band.mean_label, band.residuals) for band in bands] == [(0.0, 50.0, (10.0, 25.0, 50.0, 75.0, 90.0))]


def test_equal_predictions_are_in_one_band() -> None:
    bands = bands_of(rows(np.repeat([0.0, 1.0, 2.0], [70, 20, 10]), np.ones(100)))
    assert [(band.mean_prediction, band.count) for band in bands] == [(0.0, 70.0), (1.0, 20.0), (2.0, 10.0)]


def test_means_are_weighted() -> None:
    (band,) = bands_of(rows(np.array([1.0, 1.0]), np.array([0.0, 4.0]), np.array([3.0, 1.0])))
    assert (band.mean_label, band.count) == (1.0, 4.0)


def test_each_band_tells_how_many_labels_a_quantile_covers_and_how_sure_that_is() -> None:
    chance = np.random.default_rng(3)
    known, scores = chance.permutation(2_000) / 100.0, np.empty((2_000, 3))
    labels = known + chance.normal(size=2_000)
    scores[:, 0], scores[:, 1], scores[:, 2] = known - 1.2816, known, known + np.where(known < 10, 1.2816, 0.0)
    found = LabelledScores(labels, scores, np.ones(2_000))
    bands = bands_of(found, (0.1, 0.5, 0.9))
    for number, band in enumerate(bands):
        lowest, middle, highest = band.coverages
        assert (lowest.quantile, middle.quantile, highest.quantile) == (0.1, 0.5, 0.9)
        assert highest.low is not None
        assert highest.high is not None
        assert highest.low < highest.share < highest.high
        assert (highest.high < 0.9) == (number >= 5), "too few are covered where the quantile is too low"
    few = residual_bands(found, np.arange(2_000) // 500, LearningTask(TaskName.REGRESSION, (), (0.1, 0.5, 0.9)))
    assert few[0].coverages[2].low is None, "four keys are too few for an interval"
    assert all(not band.coverages for band in bands_of(rows(known, labels)))
