"""What Kubeflow's viewers show of an evaluation."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from components.evaluation.metric import Check, Metric
from components.evaluation.page import write_evaluation_page
from components.evaluation.results import Matrix, Results, RocPoint
from components.evaluation.views.viewers import MOST_SCALARS, scalars, show_classification
from tests.components.html_page import assert_harmless
from tests.components.registry.finished_runs import pushed, pushed_classes
from tests.components.report.browser import measured, needs_chromium

NAMED = {"example_count": 100.0, "auc": 0.9, "binary_accuracy": 0.8, "precision": 0.75, "recall": 0.6, "calibration": float("nan")}
BINARY = Results(
    blessed=True,
    metrics=tuple(Metric(name, {}, value, None, None, 100) for name, value in NAMED.items()),
    checks=(Check("auc", {}, ">= 0.75", 0.9, True),),
    roc=(RocPoint(0.2, 0.5, 0.9), RocPoint(0.8, 0.1, 0.4), RocPoint(float("inf"), 0.0, 0.0)),
    calibration=(),
)
CLASSES = replace(BINARY, roc=(), classes=("a", "b"), matrices=(Matrix({}, ((3.0, 1.0), (2.0, 4.0))),))


def shown(results: Results, folder: Path) -> dict[str, Any]:
    artifact = dsl.ClassificationMetrics(uri=str(folder / "classification"))
    show_classification(results, artifact)
    metadata: dict[str, Any] = artifact.metadata
    return metadata


def test_scalars_are_finite_and_begin_with_what_has_a_threshold() -> None:
    assert scalars(BINARY) == {"auc": 0.9, "example_count": 100.0, "binary_accuracy": 0.8, "precision": 0.75, "recall": 0.6}
    assert next(iter(scalars(BINARY))) == "auc"


def test_scalars_are_at_most_twelve() -> None:
    many = tuple(Metric(f"metric {place}", {}, float(place), None, None, 1) for place in range(30))
    found = scalars(replace(BINARY, metrics=(*many, *BINARY.metrics)))
    assert (len(found), "auc" in found) == (MOST_SCALARS, True)


def test_a_curve_and_a_matrix_have_the_form_that_kfp_gives_them(tmp_path: Path) -> None:
    theirs = dsl.ClassificationMetrics()
    theirs.log_roc_curve([0.5, 0.1], [0.9, 0.4], [0.2, 0.8])
    theirs.log_confusion_matrix(["0", "1"], [[float(n) for n in row] for row in _expected()])
    assert shown(BINARY, tmp_path) == theirs.metadata


def _expected() -> list[list[int]]:
    """TP = 0.6 P, FP = TP / 3, and 20 of 100 rows are wrong: 0.4 P + 0.2 P = 20, so P = 33.3."""
    return [[60, 7], [13, 20]]


def test_the_matrix_of_classes_is_the_one_that_was_counted(tmp_path: Path) -> None:
    theirs = dsl.ClassificationMetrics()
    theirs.log_confusion_matrix(["a", "b"], [[3.0, 1.0], [2.0, 4.0]])
    assert shown(CLASSES, tmp_path) == theirs.metadata


@pytest.mark.parametrize("accuracy", [0.0, 1.0])
def test_a_matrix_that_the_metrics_do_not_determine_is_left_out(tmp_path: Path, accuracy: float) -> None:
    metrics = tuple(replace(metric, value=accuracy) if metric.name == "binary_accuracy" else metric for metric in BINARY.metrics)
    assert "confusionMatrix" not in shown(replace(BINARY, metrics=metrics), tmp_path)


@pytest.mark.parametrize("results", [pushed().results, pushed_classes().results], ids=["two labels", "classes"])
@pytest.mark.parametrize("refusal", [None, "blocked: auc is <b>low</b>"])
def test_the_page_says_the_verdict_and_loads_nothing(tmp_path: Path, results: Results, refusal: str | None) -> None:
    write_evaluation_page("churn", results, refusal, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert_harmless(page)
    assert ("auc is &lt;b&gt;low&lt;/b&gt;" in page) == (refusal is not None)
    assert ("thresholds of model.toml are kept" in page) == (refusal is None)


@needs_chromium
def test_the_page_is_drawn_in_a_sandboxed_frame(tmp_path: Path) -> None:
    write_evaluation_page("churn", pushed().results, None, tmp_path / "page.html")
    seen = measured((tmp_path / "page.html").read_text(), tmp_path)
    assert (seen["title"], seen["overflow"], seen["sticking"], seen["scripted"]) == ("churn: Good enough", 0, 0, False)
    charts = seen["charts"]
    assert isinstance(charts, list)
    assert min(charts) > 50
