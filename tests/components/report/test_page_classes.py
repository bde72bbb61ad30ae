"""The page of a model of several classes."""

import re
from dataclasses import replace

import pytest

from components.report.content import Check, ConfusionMatrix, DataSection, MetricValue, RocPoint, RunReport
from components.report.page import render

CLASSES = ("newcomer", "regular")
MATRICES = (ConfusionMatrix("band new", ((40.0, 10.0), (5.0, 0.0))), ConfusionMatrix(None, ((900.0, 100.0), (60.0, 40.0))))


def metrics() -> tuple[MetricValue, ...]:
    names = ("accuracy", "macro_auc", *(f"{measure}_of_{name}" for measure in ("auc", "precision", "recall", "f1") for name in CLASSES))
    return tuple(
        MetricValue(name, slice_, 0.5 + place / 100, 0.4, 0.7, 1100) for slice_ in (None, "band new") for place, name in enumerate(names)
    )


@pytest.fixture(scope="module")
def report(pushed: RunReport) -> RunReport:
    data = pushed.data
    assert data is not None
    spans = tuple(replace(span, label_rate=None, class_shares={"newcomer": 0.9, "regular": 0.1}) for span in data.spans)
    return replace(
        pushed,
        data=replace(data, spans=spans),
        classes=CLASSES,
        matrices=MATRICES,
        metrics=metrics(),
        checks=(Check("recall_of_regular", "band new", ">= 0.7", 0.07, passed=False), Check("accuracy", None, ">= 0.5", 0.5, passed=True)),
        roc=tuple(RocPoint(0.1, 0.6, 0.5, name) for name in CLASSES),
        calibration=(),
    )


@pytest.fixture(scope="module")
def page(report: RunReport) -> str:
    return render(report)


def section(page: str, name: str) -> str:
    (found,) = re.findall(rf'<section class="card" aria-labelledby="{name}">.*?</section>', page, re.DOTALL)
    return str(found)


def words(html: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", html).split())


def test_every_class_has_its_metrics_on_all_rows_first(page: str) -> None:
    found = words(section(page, "classes"))
    assert (
        found.index("newcomer all rows 1,000 0.5200")
        < found.index("regular all rows 100 0.5300")
        < found.index("newcomer band new 50 0.52")
    )


def test_what_a_check_refused_is_marked_in_both_tables(page: str) -> None:
    assert "regular band new 5 0.5300 0.4000 to 0.7000 0.5500 0.4000 to 0.7000 0.5700 refused" in words(section(page, "classes"))
    assert "recall_of_regular" in words(section(page, "slices"))
    assert "refused" in section(page, "slices")


def test_metrics_of_classes_are_no_columns_of_the_slices_unless_checked(page: str) -> None:
    assert "precision_of_regular" not in page
    assert {"accuracy", "macro_auc", "recall_of_regular"} <= set(words(section(page, "metrics")).split())


def test_the_matrix_and_the_curves_take_the_place_of_calibration(page: str) -> None:
    found = section(page, "curves")
    assert "Confusion matrix" in found
    assert {"90.0%", "60.0%"} <= set(re.findall(r">([\d.]+%)<", found))
    assert "each class against the rest" in found
    assert "alibration" not in found


def test_the_shares_of_the_classes_are_drawn_by_span(page: str) -> None:
    assert "Share of each class by span" in section(page, "data")
    assert "positive" not in section(page, "data")
    assert words(section(page, "data")).count("newcomer regular") == 1


def test_a_run_that_was_blocked_before_training_shows_what_it_knows(report: RunReport) -> None:
    blocked = replace(report, classes=(), matrices=(), metrics=(), checks=(), roc=())
    page = render(blocked)
    assert "Share of each class by span" in page
    assert words(section(page, "classes")) == "Metrics by class The run ended before it evaluated a model."
    assert "The run ended before it compared predictions with labels." in page


def test_a_run_that_pinned_nothing_has_a_page(report: RunReport) -> None:
    data = report.data
    assert isinstance(data, DataSection)
    assert "Metrics by class" in render(replace(report, data=None))
    assert "Metrics by class" not in render(replace(report, data=replace(data, spans=()), classes=(), matrices=(), metrics=(), roc=()))
