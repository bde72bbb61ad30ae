"""Charts as SVG: every mark and label is there, and nothing in it could reach out of it."""

import re
from datetime import date, timedelta

import pytest
from markupsafe import Markup

from components.report import charts
from components.report.content import CalibrationBin, Check, MetricValue, RocPoint, SpanRows
from components.report.distributions import Distribution
from components.report.metrics import metric_table
from components.report.palette import BAD, DATA, PALETTE

DAYS = [SpanRows(date(2026, 2, 23) + timedelta(days=day), 100 * (day + 1), 0.1 * day) for day in range(8)]
BINS = [CalibrationBin(0.1, 0.2, 10), CalibrationBin(0.6, 0.5, 90)]


def _texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def _marks(svg: str, kind: str) -> int:
    return sum(len(re.findall(r"<(?:path|line) ", group)) for group in re.findall(rf'<g class="mark-{kind} role-mark[^>]*>(.*?)</g>', svg))


def _bars(svg: str) -> list[str]:
    """Where each bar begins, and how wide it is."""
    [group] = re.findall(r'<g class="mark-rect role-mark.*?</g>', svg)
    return [f"{float(left):.2f} {float(width):.2f}" for left, width in re.findall(r'd="M([\d.]+),[\d.]+h([\d.]+)', group)]


def _slices(*metrics: MetricValue) -> str:
    table = metric_table(metrics, [])
    return charts.metric_by_slice(table.rows, 0, next(iter(table.overall), None))


def test_spans_are_bars_on_an_axis_of_days() -> None:
    svg = charts.span_rows(DAYS)
    assert _marks(svg, "rect") == 8
    assert _texts(svg)[:4] == ["23 Feb", "25 Feb", "27 Feb", "1 Mar"]
    assert "800" in _texts(svg)


def test_a_span_that_is_not_there_leaves_a_gap() -> None:
    whole, gap = (_bars(charts.span_rows(days)) for days in (DAYS, [*DAYS[:3], *DAYS[4:]]))
    assert gap == [*whole[:3], *whole[4:]]


def test_label_rates_are_a_line_in_percent() -> None:
    assert {"0%", "60%"} <= set(_texts(charts.label_rates(DAYS)))


def test_a_single_span_can_be_drawn() -> None:
    assert _marks(charts.span_rows(DAYS[:1]), "rect") == 1
    assert "23 Feb" in _texts(charts.label_rates(DAYS[:1]))


def test_years_of_spans_are_labelled_by_month() -> None:
    months = [SpanRows(date(2020 + month // 12, month % 12 + 1, 1), 1) for month in range(36)]
    assert "Jan 2020" in _texts(charts.span_rows(months))


def test_a_distribution_has_a_bar_for_each_bin_and_the_outline_of_the_eval_split() -> None:
    svg = charts.feature_distribution(Distribution((0.5, 0.3, 0.2), (0.2, 0.3, 0.5), logarithmic=False))
    assert _marks(svg, "rect") == 3
    assert _marks(svg, "line") == 1
    assert _texts(svg) == []


def test_each_slice_has_a_dot_an_interval_and_its_name() -> None:
    svg = _slices(MetricValue("auc", None, 0.8, 0.79, 0.81), *(MetricValue("auc", f"hour: {n}", 0.7 + n / 50, 0.6, 0.9) for n in range(4)))
    assert _marks(svg, "symbol") == 4
    assert _marks(svg, "rule") == 4 + 1
    assert _marks(svg, "rect") == 1
    assert {f"hour: {n}" for n in range(4)} <= set(_texts(svg))


def test_intervals_that_are_not_finite_are_left_out() -> None:
    svg = _slices(MetricValue("auc", "a", 0.8, float("-inf"), float("nan")), MetricValue("auc", "b", 0.7, None, None))
    assert _marks(svg, "symbol") == 2
    assert _marks(svg, "rule") == 0
    assert "NaN" not in svg


def test_slices_with_the_same_beginning_keep_their_own_line() -> None:
    svg = _slices(*(MetricValue("auc", "x" * 60 + str(n), 0.5 + n / 10) for n in range(3)))
    [dots] = re.findall(r'<g class="mark-symbol.*?</g>', svg)
    assert len(set(re.findall(r"translate\([\d.]+,([\d.]+)\)", dots))) == 3


def test_a_refused_slice_is_drawn_in_red() -> None:
    metrics = [MetricValue("auc", "a", 0.8, 0.7, 0.9), MetricValue("auc", "b", 0.4, 0.3, 0.5)]
    table = metric_table(metrics, [Check("auc", "b", ">= 0.7", 0.4, passed=False)])
    svg = charts.metric_by_slice(table.rows, 0, None)
    assert (svg.count(f'fill="{BAD.light}"'), svg.count(f'fill="{DATA.light}"')) == (1, 1)


def test_the_roc_curve_is_a_line_from_corner_to_corner_with_its_threshold_marked() -> None:
    points = [RocPoint(0.0, 0.4, 0.9), RocPoint(0.2, 0.7, 0.52), RocPoint(1.0, 1.0, 0.0), RocPoint(1.0, 1.0, -1.0)]
    svg = charts.roc_curve(points)
    assert {"threshold 0.52", "false positive rate", "true positive rate", "0.0", "1.0"} & set(_texts(svg)) >= {
        "threshold 0.52",
        "true positive rate",
    }
    assert _plot_height(svg) > 200


def test_calibration_has_a_dot_for_each_bin() -> None:
    svg = charts.calibration_plot(BINS)
    assert _marks(svg, "symbol") == 2
    assert "share that came true" in _texts(svg)
    assert _plot_height(svg) > 200


def test_calibration_of_predictions_that_are_all_0_can_be_drawn() -> None:
    assert _marks(charts.calibration_plot([CalibrationBin(0.0, 0.0, 5)]), "symbol") == 1


def _plot_height(svg: str) -> float:
    [height] = re.findall(r'class="background" aria-hidden="true" d="M0\.?5?,0\.?5?h[\d.]+v([\d.]+)', svg)[:1]
    return float(height)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\x00b\x07\ud800\ufffe", "\u202eevil", '" onload="alert(1)', "x" * 10_000])
def test_hostile_names_are_only_text(name: str) -> None:
    svg = _slices(MetricValue("auc", name, 0.5, 0.4, 0.6), MetricValue("auc", "fine", 0.6))
    assert "<script" not in svg
    assert '" onload' not in re.sub(r"<text[^>]*>[^<]*</text>", "", svg)
    assert "fine" in _texts(svg)
    assert len(svg) < 12_000
    svg.encode("utf-8")


def test_every_colour_is_one_that_dark_screens_know() -> None:
    table = metric_table([MetricValue("auc", None, 0.5, 0.4, 0.6), MetricValue("auc", "a", 0.5, 0.4, 0.6)], [])
    drawn: list[Markup] = [
        charts.span_rows(DAYS),
        charts.label_rates(DAYS),
        charts.feature_distribution(Distribution((1.0,), (1.0,), logarithmic=True)),
        charts.metric_by_slice(table.rows, 0, table.overall[0]),
        charts.roc_curve([RocPoint(0.2, 0.7, 0.5)]),
        charts.calibration_plot(BINS),
    ]
    known = {ink.light for ink in PALETTE} | {"none", "transparent"}
    for svg in drawn:
        assert set(re.findall(r'(?:fill|stroke)="([^"]*)"', svg)) <= known
        assert not re.search(r'\sid="|href=|url\(', svg), "two charts on a page would share it"
