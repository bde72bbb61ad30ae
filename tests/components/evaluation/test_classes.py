"""Measures of several classes against what they are by definition, and where they are none."""

import math

import numpy as np
import pytest

from components.evaluation.chance.intervals import Confusion, interval, mean_interval
from components.evaluation.classes import _one_against_all, measure_classes, read_matrix

CLASSES = ("low", "middle", "high")
AREAS = (0.9, 0.7, 0.8)
NO_SCORE = np.zeros((3, 1))


def matrix(*rows: list[int]) -> np.ndarray:
    return np.hstack([np.array(rows, float), NO_SCORE])


def draw(random: np.random.Generator, rows: int) -> np.ndarray:
    """Of classes of different sizes, each guessed with another success."""
    actual = random.choice(3, rows, p=(0.6, 0.3, 0.1))
    guessed = np.where(random.random(rows) < np.array([0.9, 0.6, 0.4])[actual], actual, random.integers(0, 3, rows))
    counts = np.zeros((3, 4))
    np.add.at(counts, (actual, guessed), 1)
    return counts


def test_every_metric_is_there_by_name() -> None:
    found = measure_classes(CLASSES, matrix([8, 1, 1], [2, 5, 3], [0, 4, 16]), AREAS)
    of_each = {"low": 0.8, "middle": 0.5, "high": 0.8}
    assert {name: round(value, 4) for name, (value, _) in found.items()} == {
        "accuracy": 0.725,
        "macro_auc": 0.8,
        "macro_precision": 0.7,
        "macro_recall": 0.7,
        "macro_f1": round((2 * 8 / 20 + 2 * 5 / 20 + 2 * 16 / 40) / 3, 4),
        **{f"auc_of_{name}": area for name, area in zip(CLASSES, AREAS, strict=True)},
        **{f"{measure}_of_{name}": value for measure in ("precision", "recall", "f1") for name, value in of_each.items()},
    }
    for name, (value, bounds) in found.items():
        assert bounds is not None, name
        assert 0 <= bounds[0] < value < bounds[1] <= 1


def test_a_class_is_counted_against_all_others() -> None:
    assert _one_against_all(matrix([8, 1, 1], [2, 5, 3], [0, 4, 16]), 1) == Confusion(5, 5, 25, 5)


def test_a_row_without_any_score_is_of_no_class() -> None:
    entries = [
        {"numWeightedExamples": 3.0},  # TFMA leaves out what is 0
        {"actualClassId": 1, "predictedClassId": -1, "numWeightedExamples": 2.0},
        {"actualClassId": 1, "predictedClassId": 1, "numWeightedExamples": 2.0},
    ]
    counts = read_matrix({"matrices": [{"entries": entries}]}, 2)
    assert counts.tolist() == [[3, 0, 0], [0, 2, 2]]
    found = measure_classes(("a", "b"), counts, (0.5, 0.5))
    assert found["recall_of_b"][0] == 0.5
    assert found["precision_of_b"][0] == 1.0
    assert found["accuracy"][0] == pytest.approx(5 / 7)


def test_everybody_taken_for_one_class_is_seen() -> None:
    """The classifier that calls everybody a beginner: what it never says has no precision, and its recall is 0."""
    found = {name: value for name, (value, _) in measure_classes(CLASSES, matrix([60, 0, 0], [30, 0, 0], [10, 0, 0]), AREAS).items()}
    assert found["accuracy"] == 0.6
    assert (found["recall_of_low"], found["recall_of_middle"], found["recall_of_high"]) == (1.0, 0.0, 0.0)
    assert found["f1_of_middle"] == 0.0
    assert found["macro_recall"] == pytest.approx(1 / 3)
    assert math.isnan(found["precision_of_middle"])
    assert math.isnan(found["macro_precision"])


def test_a_slice_of_one_class_has_no_area_and_no_recall_of_the_others() -> None:
    found = measure_classes(CLASSES, matrix([7, 3, 0], [0, 0, 0], [0, 0, 0]), (0.0, 0.0, 0.0))
    assert {name for name, (value, _) in found.items() if math.isnan(value)} == {
        *("auc_of_low", "auc_of_middle", "auc_of_high", "macro_auc", "recall_of_middle", "recall_of_high", "macro_recall"),
        *("precision_of_high", "macro_precision", "f1_of_high", "macro_f1"),
    }
    assert all(bounds is None for value, bounds in found.values() if math.isnan(value))
    assert found["accuracy"][0] == found["recall_of_low"][0] == 0.7


def test_no_rows_have_no_metrics() -> None:
    found = measure_classes(CLASSES, np.zeros((3, 4)), (0.0, 0.0, 0.0))
    assert all(math.isnan(value) and bounds is None for value, bounds in found.values())


@pytest.mark.parametrize("name", ["accuracy", "f1_of_middle", "f1_of_high", "precision_of_high", "macro_recall", "macro_precision"])
def test_intervals_agree_with_a_bootstrap(name: str) -> None:
    random = np.random.default_rng(1)
    counts = draw(random, 3000)
    cells = counts.ravel() / counts.sum()
    samples = [random.multinomial(3000, cells).reshape(counts.shape).astype(float) for _ in range(600)]
    low, high = np.percentile([measure_classes(CLASSES, sample, AREAS)[name][0] for sample in samples], [2.5, 97.5])
    assert measure_classes(CLASSES, counts, AREAS)[name][1] == pytest.approx((low, high), abs=0.2 * (high - low))


def test_the_interval_of_a_mean_of_dependent_values_is_wide_enough() -> None:
    random = np.random.default_rng(1)
    counts = draw(random, 3000)
    samples = [random.multinomial(3000, counts.ravel() / 3000).reshape(counts.shape).astype(float) for _ in range(600)]
    low, high = np.percentile([measure_classes(CLASSES, sample, AREAS)["macro_f1"][0] for sample in samples], [2.5, 97.5])
    found = measure_classes(CLASSES, counts, AREAS)["macro_f1"][1]
    assert found is not None
    assert found[0] <= low < high <= found[1]
    assert found[1] - found[0] < 2 * (high - low)


def test_distances_of_independent_values_add_up_as_squares() -> None:
    values = [(0.5, (0.4, 0.7)), (0.6, (0.3, 0.6))]
    assert mean_interval(values, independent=True) == pytest.approx((0.55 - math.hypot(0.1, 0.3) / 2, 0.55 + 0.1))
    assert mean_interval(values, independent=False) == pytest.approx((0.35, 0.65))


def test_f1_of_nothing_found_and_of_all_found_stay_between_zero_and_one() -> None:
    assert interval("f1", 0.0, Confusion(0, 5, 5, 5)) == pytest.approx((0.0, 2 * 0.2775 / 1.2775), abs=1e-3)
    found = interval("f1", 1.0, Confusion(10, 0, 5, 0))
    assert found is not None
    assert found[1] == pytest.approx(1.0)
    assert interval("f1", math.nan, Confusion(0, 0, 5, 0)) is None
