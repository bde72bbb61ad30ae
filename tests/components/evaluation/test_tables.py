"""Metrics and checks in the order in which somebody looks for what is wrong."""

import math
from collections.abc import Sequence

import pytest

from components.evaluation.metric import Check, Metric
from components.evaluation.results import CalibrationBucket, Results, RocPoint
from components.evaluation.tables import (
    CHARTED_SLICES,
    MetricTable,
    area_under,
    calibration_gap,
    charted_names,
    charted_rows,
    drawable_buckets,
    metric_table,
    ordered_checks,
    ordered_roc,
)


def metric(name: str, value: float, *, rows: int = 10, **slice_: str) -> Metric:
    return Metric(name, slice_, value, None, None, rows)


def table(metrics: Sequence[Metric], *checks: Check) -> MetricTable:
    return metric_table(Results(blessed=True, metrics=tuple(metrics), checks=checks, roc=(), calibration=()))


def test_checked_metrics_come_first_and_counts_are_none() -> None:
    metrics = [metric(name, 0.5) for name in ("accuracy", "example_count", "recall", "auc")]
    found = table(metrics, Check("auc", {}, ">= 0.7", 0.5, passed=False))
    assert found.names == ("auc", "accuracy", "recall")
    assert [one.name for one in found.overall] == ["auc", "accuracy", "recall"]


def test_a_refused_check_marks_the_cell_of_its_metric_and_slice() -> None:
    metrics = [metric("auc", 0.6, rows=70, hour="1"), metric("auc", 0.9, hour="2"), metric("recall", 0.8, rows=70, hour="1")]
    checks = [Check("auc", {"hour": "1"}, ">= 0.7", 0.6, passed=False), Check("auc", {"hour": "2"}, ">= 0.7", 0.9, passed=True)]
    found = table(metrics, *checks)
    assert [(row.slice, row.example_count, [cell.refused for cell in row.cells]) for row in found.rows] == [
        ("hour 1", 70, [True, False]),
        ("hour 2", 10, [False, False]),
    ]
    assert found.rows[1].cells[1].metric is None


def test_only_metrics_with_a_finite_value_on_a_slice_are_charted() -> None:
    assert charted_names(table([metric("auc", math.nan, user="a"), metric("recall", 0.5, user="a"), metric("loss", 0.5)])) == ("recall",)


def test_of_many_slices_the_furthest_from_all_rows_are_charted() -> None:
    metrics = [metric("auc", 0.5), *(metric("auc", n / 200, user=str(n)) for n in range(201))]
    rows, is_partial = charted_rows(table(metrics), "auc")
    assert is_partial
    assert len(rows) == CHARTED_SLICES
    assert {row.slice for row in rows} == {f"user {n}" for n in (*range(12), *range(189, 201))}


def test_few_slices_keep_their_order() -> None:
    rows, is_partial = charted_rows(table([metric("auc", 0.1, user=name) for name in "cab"]), "auc")
    assert ([row.slice for row in rows], is_partial) == (["user c", "user a", "user b"], False)


def test_refused_checks_come_first_and_the_rest_keeps_its_order() -> None:
    checks = [Check(name, {}, "", None, passed=name != "c") for name in "abcd"]
    assert "".join(check.metric for check in ordered_checks(checks)) == "cabd"


@pytest.mark.parametrize(
    ("points", "area"), [([], 0.5), ([(0.0, 1.0)], 1.0), ([(0.5, 0.5)], 0.5), ([(0.2, 0.8)], 0.8), ([(1.0, 0.0)], 0.0)]
)
def test_the_area_under_a_curve_is_that_of_its_trapezoids(points: list[tuple[float, float]], area: float) -> None:
    assert area_under([RocPoint(0.5, *point) for point in points]) == pytest.approx(area)


def test_points_that_are_not_finite_are_left_out() -> None:
    points = [RocPoint(0.1, 0.9, 1.0), RocPoint(0.5, math.nan, 0.5), RocPoint(math.inf, 0.1, 0.4)]
    assert ordered_roc(points) == (points[2], points[0])
    values = ((0.8, 0.7, 10), (0.1, math.nan, 10), (0.5, 0.5, 0), (0.2, 0.3, 30))
    buckets = [CalibrationBucket(*numbers) for numbers in values]
    assert drawable_buckets(buckets) == (buckets[3], buckets[0])


def test_the_calibration_gap_weighs_buckets_by_their_rows() -> None:
    buckets = [CalibrationBucket(0.2, 0.3, 30), CalibrationBucket(0.9, 0.4, 10)]
    assert calibration_gap(buckets) == pytest.approx((30 * 0.1 + 10 * 0.5) / 40)
