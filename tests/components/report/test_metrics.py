"""Metrics and checks in the order in which somebody looks for what is wrong."""

import math

import pytest

from components.report.content import CalibrationBin, Check, MetricValue, RocPoint
from components.report.metrics import (
    CHARTED_SLICES,
    area_under,
    calibration_gap,
    charted_names,
    charted_rows,
    drawable_bins,
    metric_table,
    ordered_checks,
    ordered_roc,
)


def test_checked_metrics_come_first() -> None:
    metrics = [MetricValue(name, None, 0.5) for name in ("accuracy", "recall", "auc")]
    table = metric_table(metrics, [Check("auc", None, ">= 0.7", 0.5, passed=False)])
    assert table.names == ("auc", "accuracy", "recall")
    assert [metric.name for metric in table.overall] == ["auc", "accuracy", "recall"]


def test_a_refused_check_marks_the_cell_of_its_metric_and_slice() -> None:
    metrics = [
        MetricValue("auc", "hour: 1", 0.6, example_count=70),
        MetricValue("auc", "hour: 2", 0.9),
        MetricValue("recall", "hour: 1", 0.8),
    ]
    table = metric_table(
        metrics, [Check("auc", "hour: 1", ">= 0.7", 0.6, passed=False), Check("auc", "hour: 2", ">= 0.7", 0.9, passed=True)]
    )
    assert [(row.slice, row.example_count, [cell.refused for cell in row.cells]) for row in table.rows] == [
        ("hour: 1", 70, [True, False]),
        ("hour: 2", None, [False, False]),
    ]
    assert table.rows[1].cells[1].metric is None


def test_only_metrics_with_a_finite_value_on_a_slice_are_charted() -> None:
    metrics = [MetricValue("auc", "a", math.nan), MetricValue("recall", "a", 0.5), MetricValue("loss", None, 0.5)]
    assert charted_names(metric_table(metrics, [])) == ("recall",)


def test_of_many_slices_the_furthest_from_all_rows_are_charted() -> None:
    metrics = [MetricValue("auc", None, 0.5), *(MetricValue("auc", f"user {n}", n / 200) for n in range(201))]
    rows, is_partial = charted_rows(metric_table(metrics, []), "auc")
    assert is_partial
    assert len(rows) == CHARTED_SLICES
    assert {row.slice for row in rows} == {f"user {n}" for n in (*range(12), *range(189, 201))}


def test_few_slices_keep_their_order() -> None:
    rows, is_partial = charted_rows(metric_table([MetricValue("auc", name, 0.1) for name in "cab"], []), "auc")
    assert ([row.slice for row in rows], is_partial) == (["c", "a", "b"], False)


def test_refused_checks_come_first_and_the_rest_keeps_its_order() -> None:
    checks = [Check(name, None, "", None, passed=name != "c") for name in "abcd"]
    assert "".join(check.metric for check in ordered_checks(checks)) == "cabd"


@pytest.mark.parametrize(
    ("points", "area"), [([], 0.5), ([(0.0, 1.0)], 1.0), ([(0.5, 0.5)], 0.5), ([(0.2, 0.8)], 0.8), ([(1.0, 0.0)], 0.0)]
)
def test_the_area_under_a_curve_is_that_of_its_trapezoids(points: list[tuple[float, float]], area: float) -> None:
    assert area_under([RocPoint(fpr, tpr, 0.5) for fpr, tpr in points]) == pytest.approx(area)


def test_points_that_are_not_finite_are_left_out() -> None:
    points = [RocPoint(0.9, 1.0, 0.1), RocPoint(math.nan, 0.5, 0.5), RocPoint(0.1, 0.4, math.inf)]
    assert ordered_roc(points) == (points[2], points[0])
    bins = [CalibrationBin(0.8, 0.7, 10), CalibrationBin(0.1, math.nan, 10), CalibrationBin(0.5, 0.5, 0), CalibrationBin(0.2, 0.3, 30)]
    assert drawable_bins(bins) == (bins[3], bins[0])


def test_the_calibration_gap_weighs_bins_by_their_rows() -> None:
    assert calibration_gap([CalibrationBin(0.2, 0.3, 30), CalibrationBin(0.9, 0.4, 10)]) == pytest.approx((30 * 0.1 + 10 * 0.5) / 40)
