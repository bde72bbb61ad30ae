"""Confidence intervals against numbers that were published, or computed another way."""

import math

import numpy as np
import pytest

from components.evaluation.chance.intervals import Confusion, interval

NAN, INFINITY = float("nan"), float("inf")
NOTHING = Confusion(0, 0, 0, 0)


def counts(*, positives: float, negatives: float) -> Confusion:
    return Confusion(
        true_positives=positives / 2, false_positives=negatives / 2, true_negatives=negatives / 2, false_negatives=positives / 2
    )


@pytest.mark.parametrize(
    ("share", "count", "low", "high"),
    [
        # Newcombe (1998), Two-sided confidence intervals for the single proportion, table I, method 3
        (81 / 263, 263, 0.2553, 0.3662),
        (15 / 148, 148, 0.0624, 0.1605),
        (0 / 20, 20, 0.0000, 0.1611),
        (1 / 29, 29, 0.0061, 0.1718),
    ],
)
@pytest.mark.parametrize("metric", ["binary_accuracy", "precision", "recall"])
def test_shares_have_wilsons_interval(metric: str, share: float, count: int, low: float, high: float) -> None:
    rows = {
        "binary_accuracy": Confusion(count, 0, 0, 0),
        "precision": Confusion(count - 5, 5, 100, 100),
        "recall": Confusion(count - 5, 100, 100, 5),
    }
    assert interval(metric, share, rows[metric]) == pytest.approx((low, high), abs=5e-5)


def test_auc_has_the_interval_of_hanley_and_mcneil() -> None:
    """Their example of 1982: 58 normal and 51 abnormal images, an area of 0.893, a standard error of 0.032."""
    found = interval("auc", 0.893, counts(positives=51, negatives=58))
    assert found == pytest.approx((0.893 - 1.96 * 0.032, 0.893 + 1.96 * 0.032), abs=1.5e-3)


def test_an_area_that_floats_add_up_to_more_than_one_has_an_interval_all_the_same() -> None:
    assert interval("auc", 1.0000000000000002, counts(positives=20, negatives=8)) == (1.0, 1.0)


def area(labels: np.ndarray, scores: np.ndarray) -> float:
    """The Mann-Whitney statistic, without ties."""
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores)] = np.arange(1, len(scores) + 1)
    positives = int(labels.sum())
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * (len(labels) - positives)))


@pytest.mark.parametrize("separation", [0.3, 1.0, 2.0])
def test_auc_agrees_with_a_bootstrap(separation: float) -> None:
    random = np.random.default_rng(1)
    labels = (random.random(1500) < 0.3).astype(int)
    scores = random.normal(size=1500) + separation * labels
    samples = (random.integers(0, 1500, 1500) for _ in range(1000))
    low, high = np.percentile([area(labels[sample], scores[sample]) for sample in samples], [2.5, 97.5])
    found = interval("auc", area(labels, scores), counts(positives=int(labels.sum()), negatives=int((1 - labels).sum())))
    assert found == pytest.approx((low, high), abs=0.2 * (high - low))


def test_calibration_agrees_with_a_bootstrap() -> None:
    random = np.random.default_rng(1)
    scores = random.uniform(0.05, 0.35, 3000)
    labels = (random.random(3000) < scores).astype(int)
    samples = (random.integers(0, 3000, 3000) for _ in range(1000))
    low, high = np.percentile([scores[sample].sum() / labels[sample].sum() for sample in samples], [2.5, 97.5])
    found = interval("calibration", scores.sum() / labels.sum(), counts(positives=int(labels.sum()), negatives=int((1 - labels).sum())))
    assert found == pytest.approx((low, high), abs=0.2 * (high - low))


def test_more_rows_make_an_interval_narrower() -> None:
    for metric in ("auc", "binary_accuracy", "precision", "recall", "calibration"):
        widths = []
        for rows in (10, 100, 1000, 10_000):
            found = interval(metric, 0.8, counts(positives=rows, negatives=rows))
            assert found is not None
            widths.append(found[1] - found[0])
        assert widths == sorted(widths, reverse=True)


def test_shares_and_areas_stay_between_zero_and_one() -> None:
    for metric in ("auc", "binary_accuracy", "precision", "recall"):
        for value in (0.0, 1e-9, 0.5, 1 - 1e-9, 1.0):
            for rows in (1, 2, 1000):
                low, high = interval(metric, value, counts(positives=rows, negatives=rows)) or (NAN, NAN)
                assert 0.0 <= low <= value + 1e-12 and value - 1e-12 <= high <= 1.0


@pytest.mark.parametrize("metric", ["auc", "binary_accuracy", "precision", "recall", "calibration"])
def test_without_rows_there_is_no_interval(metric: str) -> None:
    assert interval(metric, 0.5, NOTHING) is None


def test_an_area_needs_both_classes_and_a_ratio_needs_positives() -> None:
    assert interval("auc", 0.5, counts(positives=10, negatives=0)) is None
    assert interval("auc", 0.5, counts(positives=0, negatives=10)) is None
    assert interval("calibration", 1.0, counts(positives=0, negatives=10)) is None
    assert interval("precision", 0.0, Confusion(0, 0, 10, 10)) is None
    assert interval("recall", 0.0, Confusion(0, 10, 10, 0)) is None


@pytest.mark.parametrize("value", [NAN, INFINITY, -INFINITY])
@pytest.mark.parametrize("metric", ["auc", "binary_accuracy", "precision", "recall", "calibration"])
def test_a_value_that_is_not_finite_has_no_interval(metric: str, value: float) -> None:
    assert interval(metric, value, counts(positives=10, negatives=10)) is None


def test_a_count_has_no_interval() -> None:
    assert interval("example_count", 20.0, counts(positives=10, negatives=10)) is None


def test_one_label_of_one_row_is_known_for_sure() -> None:
    assert interval("calibration", 0.9, Confusion(1, 0, 0, 0)) == (0.9, 0.9)
    assert math.isclose(sum(interval("binary_accuracy", 0.5, Confusion(1, 1, 0, 0)) or ()), 1.0)


@pytest.mark.parametrize("ratio", [-2.0, -0.5, 0.0, 0.5, INFINITY])
def test_the_calibration_of_any_score_lies_between_its_bounds(ratio: float) -> None:
    bounds = interval("calibration", ratio, counts(positives=4, negatives=60))
    assert bounds is None or bounds[0] <= ratio <= bounds[1]
