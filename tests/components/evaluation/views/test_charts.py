"""Charts of an evaluation: slices with their intervals, curves, and each cell of the matrix with its rows and share."""

import re

import pytest

from components.evaluation.metric import Check, Metric
from components.evaluation.results import CalibrationBucket, Results, RocPoint
from components.evaluation.tables import metric_table
from components.evaluation.views.charts import calibration_plot, metric_by_slice, roc_curve
from components.evaluation.views.class_charts import class_rocs, confusion
from components.report.palette import BAD, CARD_FILL, DATA, GOOD, INK, SECOND
from tests.components.report.svg import assert_fits_a_page, marks, plot_height, strokes, texts

BUCKETS = [CalibrationBucket(0.1, 0.2, 10), CalibrationBucket(0.6, 0.5, 90)]
CLASSES = ("newcomer", "occasional", "regular")
COUNTS = ((4433.0, 127.0, 0.0), (1240.0, 3973.0, 244.0), (0.0, 0.0, 0.0))


def metric(value: float, low: float | None = None, high: float | None = None, **slice_: str) -> Metric:
    return Metric("auc", slice_, value, low, high, 10)


def drawn(*metrics: Metric, checks: tuple[Check, ...] = ()) -> str:
    table = metric_table(Results(blessed=True, metrics=metrics, checks=checks, roc=(), calibration=()))
    return metric_by_slice(table.rows, 0, next(iter(table.overall), None))


def test_each_slice_has_a_dot_an_interval_and_its_name() -> None:
    svg = drawn(metric(0.8, 0.79, 0.81), *(metric(0.7 + n / 50, 0.6, 0.9, hour=str(n)) for n in range(4)))
    assert (marks(svg, "symbol"), marks(svg, "rule"), marks(svg, "rect")) == (4, 4 + 1, 1)
    assert {f"hour {n}" for n in range(4)} <= set(texts(svg))
    assert_fits_a_page(svg)


def test_intervals_that_are_not_finite_are_left_out() -> None:
    svg = drawn(metric(0.8, float("-inf"), float("nan"), user="a"), metric(0.7, user="b"))
    assert (marks(svg, "symbol"), marks(svg, "rule")) == (2, 0)
    assert "NaN" not in svg


def test_slices_with_the_same_beginning_keep_their_own_line() -> None:
    svg = drawn(*(metric(0.5 + n / 10, user="x" * 60 + str(n)) for n in range(3)))
    [dots] = re.findall(r'<g class="mark-symbol.*?</g>', svg)
    assert len(set(re.findall(r"translate\([\d.]+,([\d.]+)\)", dots))) == 3


def test_a_refused_slice_is_drawn_in_red() -> None:
    refusal = Check("auc", {"user": "b"}, ">= 0.7", 0.4, passed=False)
    svg = drawn(metric(0.8, 0.7, 0.9, user="a"), metric(0.4, 0.3, 0.5, user="b"), checks=(refusal,))
    assert (svg.count(f'fill="{BAD.light}"'), svg.count(f'fill="{DATA.light}"')) == (1, 1)


def test_the_roc_curve_is_a_line_from_corner_to_corner_with_its_threshold_marked() -> None:
    svg = roc_curve([RocPoint(0.9, 0.0, 0.4), RocPoint(0.52, 0.2, 0.7), RocPoint(0.0, 1.0, 1.0), RocPoint(-1.0, 1.0, 1.0)])
    assert {"threshold 0.52", "false positive rate", "true positive rate", "0", "1"} <= set(texts(svg))
    assert plot_height(svg) > 200
    assert_fits_a_page(svg)


def test_calibration_has_a_dot_for_each_bucket() -> None:
    svg = calibration_plot(BUCKETS)
    assert marks(svg, "symbol") == 2
    assert "share that came true" in texts(svg)
    assert plot_height(svg) > 200
    assert_fits_a_page(svg)


def test_calibration_of_predictions_that_are_all_0_can_be_drawn() -> None:
    assert marks(calibration_plot([CalibrationBucket(0.0, 0.0, 5)]), "symbol") == 1


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\x00b\x07\ud800\ufffe", "\u202eevil", '" onload="alert(1)', "x" * 10_000])
def test_hostile_names_are_only_text(name: str) -> None:
    for svg in (
        drawn(metric(0.5, 0.4, 0.6, user=name), metric(0.6, user="fine")),
        confusion(((1.0, 2.0), (3.0, 4.0)), (name, "user fine")),
    ):
        assert "<script" not in svg
        assert '" onload' not in re.sub(r"<text[^>]*>[^<]*</text>", "", svg)
        assert "user fine" in texts(svg)
        assert len(svg) < 12_000
        svg.encode("utf-8")


def test_a_cell_has_rows_and_their_share_of_the_actual_class() -> None:
    cells = texts(confusion(COUNTS, CLASSES))
    assert {"97.2%", "4,433", "2.8%", "127", "0%", "22.7%", "1,240", "actual", "predicted", *CLASSES} <= set(cells)
    assert cells.count("–") == 3, "a class without rows has no shares"


def test_a_dark_cell_is_written_in_the_colour_of_the_card() -> None:
    written = dict(re.findall(r'fill="(#\w+)"[^>]*>(97\.2%|2\.8%)<', confusion(COUNTS, CLASSES)))
    assert written == {CARD_FILL.light: "97.2%", INK.light: "2.8%"}


def test_cells_of_many_classes_have_shares_only() -> None:
    names = [f"class_{number}" for number in range(20)]
    svg = confusion([[20.0 if row == column else 1.0 for column in range(20)] for row in range(20)], names)
    assert "51.3%" in texts(svg)
    assert "20" not in texts(svg)


def test_each_class_has_a_curve_of_its_ink() -> None:
    curves = {name: [RocPoint(0.5, 0.2, 0.6 + 0.1 * index, name)] for index, name in enumerate(CLASSES)}
    assert set(strokes(class_rocs(curves, CLASSES))) >= {DATA.light, SECOND.light, GOOD.light}
