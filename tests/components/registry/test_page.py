"""The page of a run: what is on it, what is not, and what cannot get into it."""

import math
import re
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from components.evaluation.metric import Check, Metric
from components.evaluation.results import CalibrationBucket, Matrix, RocPoint
from components.examples.span_cache import SplitCount
from components.registry.page import NOT_EVALUATED, FinishedRun, render_run
from components.report.palette import CARD_FILL, DATA
from components.runs.record import RunState
from components.runs.steps import TaskResult, TaskState
from components.schema.anomalies import Anomaly
from tests.components.findings import TEXT
from tests.components.html_page import assert_golden, assert_harmless, parse, section, select, table, words
from tests.components.registry.finished_runs import FIRST, failed, metric, pushed, pushed_classes, recorded, snapshot
from tests.components.report.browser import DARK_SCREEN, measured, needs_chromium, rgb
from tests.components.tfdv_statistics import numeric, statistics, text

HOSTILE = [
    "<script>alert(1)</script>",
    "\" onmouseover='alert(1)'",
    "</style></svg><img src=x onerror=alert(1)>",
    "x" * 10_000,
    "a\x00\x1b\u202e\ud800\ufffe",
    "{{ 7 * 7 }} 漢字 🎉",
]


@pytest.fixture(scope="module")
def run() -> FinishedRun:
    return pushed()


@pytest.fixture(scope="module")
def page(run: FinishedRun) -> str:
    return render_run(run)


@pytest.fixture(scope="module")
def class_page() -> str:
    return render_run(pushed_classes())


def verdict(page: str) -> str:
    return words(select(page, ".//section[@aria-label='Verdict']"))


def test_the_page_of_a_run_is_the_golden_one(page: str, request: pytest.FixtureRequest) -> None:
    assert_golden(page, "run.html", request)


def test_the_page_of_a_run_of_several_classes_is_the_golden_one(class_page: str, request: pytest.FixtureRequest) -> None:
    assert_golden(class_page, "run_of_classes.html", request)


def test_the_page_says_first_how_the_run_ended(page: str) -> None:
    assert words(select(page, ".//header/p")) == "Training run churn-1997-12-21-6f31 , started 2 March 2026, 06:00 UTC, took 43.4 s"
    reason = "the data keep the pinned schema, and all 8 thresholds of model.toml are kept."
    assert verdict(page) == f"✓ Pushed as version 7 {reason}"
    summary = "Rows 106,485 Spans 8 Features 12 Anomalies 0 Checks passed 8 of 8 auc 0.8423"
    assert words(select(page, ".//section[@aria-label='Summary']")) == summary


def test_every_chart_has_a_sentence(page: str) -> None:
    figures = [element.get("aria-label") for element in parse(page).iter() if element.get("role") == "img"]
    assert len(figures) == page.count("<svg ") == 2 + 7 + 3 + 2
    assert figures[0] == "Bar chart: between 13,012 and 13,533 rows in a span"
    assert figures[1] == "Line chart: between 72.5% and 79.2% of a span's labels are positive"
    assert "Histogram of spend_total, on a logarithmic scale" in figures


def test_tables_have_captions_and_sections_have_names(page: str) -> None:
    elements = list(parse(page).iter())
    assert sum(element.tag == "table" for element in elements) == sum(element.tag == "caption" for element in elements) == 7
    ids = {element.attrib["id"] for element in elements if "id" in element.attrib}
    sections = [element for element in elements if element.tag == "section"]
    assert all(element.get("aria-labelledby") or element.get("aria-label") for element in sections)
    assert {name for element in elements if (name := element.get("aria-labelledby"))} == ids
    assert [element.tag for element in elements].count("h1") == 1


def test_the_same_run_gives_the_same_page_which_loads_and_runs_nothing(run: FinishedRun, page: str) -> None:
    assert render_run(run) == page
    assert_harmless(page)


def test_a_blocked_run_says_why_and_shows_what_was_found(run: FinishedRun) -> None:
    found = replace(TEXT, column="spend", since=FIRST, what="is text in 6 of 622 values", remedy="mend the source")
    blocked = replace(
        failed(),
        recorded=recorded(RunState.BLOCKED, "blocked: column spend is text in 6 of 622 values; mend the source"),
        findings=(found,),
        anomalies=(Anomaly("eval", "spend", "Expected a number", '212 rows hold text, first "12,50"'),),
        statistics={"train": statistics(numeric("spend", [1.0, 2.0]), numeric("age", [1, 2]))},
        results=replace(
            NOT_EVALUATED,
            checks=(Check("auc", {}, ">= 0.7", 0.9, passed=True), Check("auc", {"hour": "3"}, ">= 0.7", None, passed=False)),
        ),
    )
    page = render_run(blocked)
    assert verdict(page) == "! Blocked column spend is text in 6 of 622 values; mend the source"
    accept = "To accept it: perennial gate accept churn source/text-in-numbers/spend"
    what = f"text in numbers : column spend is text in 6 of 622 values Mend the source (measured 0.0096, bound 0) {accept}"
    assert table(page, "findings") == [["✕ blocks", "spend", what, "1997-11-02", "1.0%"]]
    assert table(page, "anomalies") == [["spend (eval)", "Expected a number", '212 rows hold text, first "12,50"']]
    assert table(page, "checks") == [
        ["✕ refused", "auc", "eval", "hour 3", ">= 0.7", "–", "–", ""],
        ["✓ holds", "auc", "eval", "all rows", ">= 0.7", "0.9000", "–", ""],
    ]
    assert [row[0] for row in table(page, "features")] == ["spend anomaly", "age"]
    assert section(page, "lineage").endswith("Commands to run next run it again when the cause is mended perennial train churn")


def test_what_a_run_did_not_reach_is_a_sentence() -> None:
    page = render_run(failed())
    assert "<svg" not in page
    assert "<table" not in page
    assert verdict(page) == "✕ Failed step pin failed: no span"
    text = words(parse(page))
    assert text[text.index("Steps") : text.index("Lineage")] == (
        "Steps The run ended before its first step. "
        "Findings The run ended before it looked at the data. "
        "Data The run ended before it pinned any data. "
        "Features The run ended before it computed statistics. "
        "Anomalies The run ended before it validated the data. "
        "Held against the champion The run ended before it evaluated a model. "
        "Checks No check was made. "
        "Metrics The run ended before it evaluated a model. "
        "Metrics by slice No metric by slice is known. "
        "Predictions The run ended before it compared predictions with labels. "
    )
    assert verdict(render_run(failed(None))) == "✕ Failed the run ended without saying why: see the logs"


def test_data_without_details_says_what_is_not_known() -> None:
    results = replace(NOT_EVALUATED, metrics=(metric("auc", math.nan, user="a"),))
    page = render_run(replace(failed(), snapshot=snapshot(), results=results))
    assert section(page, "data").endswith(
        "No rows by span are known. No share of positive labels by span is known. The rows were not split yet."
    )
    assert "No metric over all rows is known." in section(page, "metrics")
    assert "No slice has a finite value to draw." in section(page, "slices")


def test_values_that_are_not_finite_are_named(run: FinishedRun) -> None:
    results = replace(
        run.results,
        metrics=(
            metric("auc", math.nan, math.nan, math.inf),
            metric("auc", math.inf, user="a"),
            metric("auc", 0.5, -math.inf, math.nan, user="b"),
        ),
        roc=(RocPoint(0.5, math.nan, 0.5),),
        calibration=(CalibrationBucket(math.nan, 0.5, 10),),
    )
    empty = SplitCount(FIRST, "train", {"0": 0, "1": 0})
    task = TaskResult("pin", TaskState.DONE, 0.0, Path("pin.log"))
    page = render_run(replace(run, results=results, counts=(empty,), tasks=(task,)))
    assert "auc NaN NaN to ∞" in section(page, "metrics")
    assert table(page, "slices") == [["user a", "10", "∞"], ["user b", "10", "0.5000 −∞ to NaN"]]
    assert table(page, "data") == [["train", "0", "–"]]
    assert section(page, "curves") == "Predictions The run ended before it compared predictions with labels."


def test_200_slices_are_all_in_the_table_and_the_furthest_in_the_chart(run: FinishedRun) -> None:
    slices = [metric("auc", number / 200, 0.1, 0.9, customer=str(number)) for number in range(200)]
    page = render_run(replace(run, results=replace(run.results, metrics=(metric("auc", 0.5), *slices))))
    assert "auc the 24 slices furthest from all rows" in section(page, "slices")
    assert table(page, "slices") == [[f"customer {n}", "10", f"{n / 200:.4f} 0.1000 to 0.9000"] for n in range(200)]


def test_every_class_has_its_metrics_on_all_rows_first_and_what_a_check_refused_is_marked(class_page: str) -> None:
    rows = table(class_page, "classes")
    assert [row[:4] for row in rows] == [
        ["newcomer", "all rows", "1,000", "0.5200 0.4000 to 0.7000"],
        ["regular", "all rows", "100", "0.5300 0.4000 to 0.7000"],
        ["newcomer", "band new", "50", "0.5200 0.4000 to 0.7000"],
        ["regular", "band new", "5", "0.5300 0.4000 to 0.7000"],
    ]
    assert rows[3][5] == "0.5700 refused 0.4000 to 0.7000"
    assert table(class_page, "slices") == [
        ["band new", "1,100", "0.5000 0.4000 to 0.7000", "0.5700 refused 0.4000 to 0.7000", "0.5100 0.4000 to 0.7000"]
    ]


def test_metrics_of_classes_are_no_columns_of_the_slices_unless_checked(class_page: str) -> None:
    assert "precision_of_regular" not in class_page
    assert {"accuracy", "macro_auc", "recall_of_regular"} <= set(section(class_page, "metrics").split())


def test_a_confusion_matrix_and_a_curve_for_each_class_take_the_place_of_calibration(class_page: str) -> None:
    assert section(class_page, "curves") == (
        "Predictions Confusion matrix of all rows, with the share of each actual class "
        "ROC curves, each class against the rest newcomer regular"
    )
    assert {"90.0%", "60.0%"} <= set(re.findall(r">([\d.]+%)<", class_page))
    assert "Share of each class by span newcomer regular" in section(class_page, "data")
    assert "positive" not in section(class_page, "data")


def test_a_run_of_classes_that_was_blocked_before_training_shows_what_it_knows() -> None:
    run = replace(pushed_classes(), results=NOT_EVALUATED)
    page = render_run(run)
    assert "Share of each class by span" in section(page, "data")
    assert section(page, "classes") == "Metrics by class The run ended before it evaluated a model."
    assert 'id="classes"' not in render_run(replace(run, snapshot=None, counts=()))
    assert 'id="classes"' in render_run(replace(pushed_classes(), snapshot=None))


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_are_shown_and_do_nothing(value: str) -> None:
    writable = value.replace("\ud800", "")  # protocol buffers refuse what is not Unicode
    feature = statistics(numeric(writable, [1.0, 2.0, 4.0]), text("t" + writable, [writable, ""]))
    results = replace(
        NOT_EVALUATED,
        metrics=(metric(value, 0.5), Metric(value, {value: value}, 0.5, 0.4, 0.6, 10)),
        checks=(Check(value, {value: value}, value, 0.5, passed=False),),
        classes=(value, "b"),
        matrices=(Matrix({}, ((1.0, 2.0), (3.0, 4.0))),),
        roc=(RocPoint(0.5, 0.1, 0.6, value),),
    )
    hostile = FinishedRun(
        recorded=recorded(RunState.BLOCKED, value, run_id=value, model=value, reason=value, git_commit=value),
        folder=Path("/state") / value.replace("\x00", "").replace("/", "")[:99],
        version_uri=value,
        tasks=(TaskResult(value, TaskState.FAILED, 1.0, Path("log")),),
        snapshot=replace(snapshot(), source_table=value),
        counts=(SplitCount(FIRST, value, {value: 1, "b": 1}),),
        statistics={"train": feature, "eval": feature},
        anomalies=(Anomaly(value, value, value, value),),
        results=results,
    )
    page = render_run(hostile)
    assert_harmless(page)
    assert len(page) < 170_000
    shown = value[:7]
    for character in "\x00\x1b\u202e\ud800\ufffe":
        shown = shown.replace(character, character.encode("unicode_escape", "surrogatepass").decode())
    assert words(select(page, ".//h1")).startswith(shown)


def test_importing_the_page_is_cheap() -> None:
    heavy = {"tensorflow", "tensorflow_data_validation", "tensorflow_model_analysis", "tfx", "apache_beam", "pandas"}
    code = f"import sys, components.registry.page; print({heavy} & set(sys.modules) or 'none of them')"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout == "none of them\n"


def test_a_page_of_twelve_features_takes_seconds_at_most(run: FinishedRun) -> None:
    began = time.process_time()
    render_run(run)
    assert time.process_time() - began < 3


def test_a_run_that_never_finished_took_no_time(run: FinishedRun) -> None:
    page = render_run(replace(run, recorded=replace(run.recorded, finished_at=None)))
    assert words(select(page, ".//header/p")).endswith("took 0.0 s")
    longer = replace(run.recorded, finished_at=run.recorded.started_at + timedelta(minutes=3))
    assert words(select(render_run(replace(run, recorded=longer)), ".//header/p")).endswith("took 3 min 00 s")


@needs_chromium
def test_the_page_fits_a_phone_and_shows_every_chart_in_a_sandboxed_frame(page: str, tmp_path: Path) -> None:
    seen = measured(page, tmp_path)
    assert (seen["title"], seen["last"]) == ("churn: Pushed as version 7", "Lineage")
    assert (seen["overflow"], seen["sticking"]) == (0, 0)
    heights = seen["charts"]
    assert isinstance(heights, list)
    assert len(heights) == 14
    assert min(heights) >= 40
    assert (seen["card"], seen["bar"]) == (rgb(CARD_FILL.light), rgb(DATA.light))


@needs_chromium
def test_charts_have_dark_colours_on_a_dark_screen(page: str, tmp_path: Path) -> None:
    seen = measured(page, tmp_path, DARK_SCREEN)
    assert (seen["card"], seen["bar"]) == (rgb(CARD_FILL.dark), rgb(DATA.dark))


@needs_chromium
def test_hostile_names_neither_run_nor_widen_the_page(run: FinishedRun, tmp_path: Path) -> None:
    names = replace(run.recorded.run, model="<script>window.scripted = 1</script>", run_id="x" * 10_000)
    results = replace(run.results, metrics=tuple(replace(one, name="y" * 500) for one in run.results.metrics))
    seen = measured(render_run(replace(run, recorded=replace(run.recorded, run=names), results=results)), tmp_path)
    assert seen["title"] == "<script>window.scripted = 1</script>: Pushed as version 7"
    assert (seen["scripted"], seen["overflow"]) == (False, 0)
