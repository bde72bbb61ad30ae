"""The page of a run: what is on it and what cannot get into it."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import pytest
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList, FeatureNameStatistics

from components.report.content import (
    Anomaly,
    CalibrationBin,
    Check,
    Command,
    DataSection,
    LineageEntry,
    MetricValue,
    Outcome,
    RocPoint,
    RunReport,
    SpanRows,
    SplitRows,
    Step,
    StepState,
    Verdict,
)
from components.report.page import render

NOTHING = RunReport("churn", "run-1", Verdict(Outcome.FAILED, "Step pin failed: no span."), datetime(2026, 3, 2, 6, 0, tzinfo=UTC), 1.5)
HOSTILE = [
    "<script>alert(1)</script>",
    "\" onmouseover='alert(1)'",
    "</style></svg><img src=x onerror=alert(1)>",
    "x" * 10_000,
    "a\x00\x1b\u202e\ud800\ufffe",
    "{{ 7 * 7 }} 漢字 🎉",
]
TAGS_THAT_LOAD = {"script", "link", "img", "iframe", "object", "embed", "audio", "video", "source", "base", "form", "use", "image", "a"}


@dataclass
class Seen(HTMLParser):
    """The tags of a page, their attributes, and the words between them."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.lasttag != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def _seen(page: str) -> Seen:
    seen = Seen()
    seen.feed(page)
    seen.close()
    return seen


@pytest.fixture(scope="module")
def page(pushed: RunReport) -> str:
    return render(pushed)


def test_the_page_tells_the_whole_story_of_a_run(page: str) -> None:
    text = _seen(page).text
    for part in (
        "Training run churn-1997-12-21-6f31 , started 2 March 2026, 06:00 UTC, took 43.4 s",
        "Pushed as version 7 All 9 checks hold, and AUC is 0.0041 above version 6 on the same rows.",
        "Rows 106,486 Spans 8 Features 12 Anomalies 0 Checks passed 9 of 9 auc 0.8423",
        "read cached 6.4 s",
        "Snapshot 9f2c1e07b4a85d63f0c7e1d2a9b8476533fe10c4d7a2b9815e6c0f4d3b2a1908 Source perennial-local.shop.purchases",
        "Spans 8, from 1997-11-02 to 1997-12-21",
        "train 75,282 70.7% eval 31,204 29.3%",
        "mean_basket 11.1% 0%",
        "customer_group private 100% , eval 100% 0% 1",
        "Anomalies None against the pinned schema.",
        "✓ holds auc spend: none >= 0.7 0.8113",
        "auc 0.8423 0.8371 to 0.8475 31,204 rows",
        "spend: high 3,841 0.8637 0.8463 to 0.8811",
        "ROC curve AUC 0.8423",
        "Calibration 2.6% off on average",
        "Git commit 938c02744d2b1a5f7c1fd0be02dc1c3a1b7f5e55",
        "See what the registry knows of this version perennial show churn 7",
    ):
        assert part in text


def test_the_charts_are_in_the_page(page: str) -> None:
    figures = [attributes["aria-label"] for tag, attributes in _seen(page).tags if attributes.get("role") == "img"]
    assert len(figures) == page.count("<svg ") == 2 + 7 + 3 + 2
    assert figures[0] == "Bar chart: between 13,012 and 13,533 rows in a span"
    assert figures[1] == "Line chart: between 72.5% and 79.2% of a span's labels are positive"
    assert "Histogram of spend_total, on a logarithmic scale" in figures


def test_the_page_loads_nothing_and_runs_nothing(page: str) -> None:
    seen = _seen(page)
    assert not TAGS_THAT_LOAD & {tag for tag, _ in seen.tags}
    assert not [name for _, attributes in seen.tags for name in attributes if name.startswith("on") or name in ("src", "href")]
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r"https?://[^\"' <)]+", page)) == namespaces
    assert "@import" not in page
    assert "url(" not in page
    policy = next(a["content"] for tag, a in seen.tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_tables_have_captions_and_sections_have_names(page: str) -> None:
    tags = _seen(page).tags
    assert sum(tag == "table" for tag, _ in tags) == sum(tag == "caption" for tag, _ in tags) == 6
    ids = {attributes["id"] for _, attributes in tags if "id" in attributes}
    named = [attributes.get("aria-labelledby") or attributes.get("aria-label") for tag, attributes in tags if tag == "section"]
    assert all(named)
    assert {name for _, attributes in tags if (name := attributes.get("aria-labelledby"))} == ids
    assert [tag for tag, _ in tags if re.fullmatch("h[1-6]", tag)].count("h1") == 1


def test_the_same_report_gives_the_same_page(pushed: RunReport, page: str) -> None:
    assert render(pushed) == page


def test_a_blocked_run_says_why_and_what_to_do() -> None:
    blocked = replace(
        NOTHING,
        verdict=Verdict(Outcome.BLOCKED, "spend holds text."),
        anomalies=(Anomaly("spend", "Expected a number", '212 rows hold text, first "12,50"'), Anomaly("", "Too few rows", "")),
        checks=(Check("auc", None, ">= 0.7", 0.9, passed=True), Check("auc", "hour: 3", ">= 0.7", None, passed=False)),
        hints=("Repair the source.",),
        commands=(Command("Train again", "perennial train churn"),),
    )
    text = _seen(render(blocked)).text
    assert "Blocked spend holds text. What to do Repair the source." in text
    assert 'spend Expected a number 212 rows hold text, first "12,50" (whole data set) Too few rows' in text
    assert "✕ refused auc hour: 3 >= 0.7 – ✓ holds auc all rows >= 0.7 0.9000" in text
    assert "Commands to run next Train again perennial train churn" in text


def test_a_feature_with_an_anomaly_is_marked(
    numeric_feature: Callable[..., FeatureNameStatistics], split_statistics: Callable[..., DatasetFeatureStatisticsList]
) -> None:
    statistics = split_statistics(numeric_feature("spend", [1.0, 2.0]), numeric_feature("age", [1, 2]))
    text = _seen(render(replace(NOTHING, train_statistics=statistics, anomalies=(Anomaly("spend", "", ""),)))).text
    assert "spend anomaly 0%" in text
    assert "age 0%" in text


def test_what_a_run_did_not_reach_is_a_sentence() -> None:
    page = render(NOTHING)
    assert "<svg" not in page
    assert "<table" not in page
    text = _seen(page).text
    assert text.endswith(
        "Failed Step pin failed: no span. "
        "Steps The run ended before its first step. "
        "Findings The run ended before it looked at the data. "
        "Data The run ended before it pinned any data. "
        "Features The run ended before it computed statistics. "
        "Anomalies The run ended before it validated the data. "
        "Checks No check was made. "
        "Metrics The run ended before it evaluated a model. "
        "Metrics by slice No metric by slice is known. "
        "Predictions The run ended before it compared predictions with labels. "
        "Lineage Nothing was recorded."
    )


def test_data_without_details_says_what_is_not_known() -> None:
    text = _seen(render(replace(NOTHING, data=DataSection("abc", "shop.purchases"), metrics=(MetricValue("auc", "a", math.nan),)))).text
    assert "No rows by span are known. No share of positive labels by span is known. The rows were not split yet." in text
    assert "No metric over all rows is known." in text
    assert "No slice has a finite value to draw." in text


def test_values_that_are_not_finite_are_named(pushed: RunReport) -> None:
    strange = replace(
        pushed,
        metrics=(
            MetricValue("auc", None, math.nan, math.nan, math.inf),
            MetricValue("auc", "a", math.inf),
            MetricValue("auc", "b", 0.5, -math.inf, math.nan),
        ),
        roc=(RocPoint(math.nan, 0.5, 0.5),),
        calibration=(CalibrationBin(math.nan, 0.5, 10),),
        data=DataSection("abc", "t", (SplitRows("train", 0),), (SpanRows(date(2026, 3, 2), 0, math.nan),)),
        steps=(Step("pin", StepState.DONE, 0.0),),
    )
    text = _seen(render(strange)).text
    assert "auc NaN NaN to ∞" in text
    assert "a – ∞ b – 0.5000 −∞ to NaN" in text
    assert "train 0 –" in text
    assert "The run ended before it compared predictions with labels." in text


def test_200_slices_are_all_in_the_table_and_the_furthest_in_the_chart(pushed: RunReport) -> None:
    metrics = (MetricValue("auc", None, 0.5), *(MetricValue("auc", f"customer {n}", n / 200, 0.1, 0.9, 10) for n in range(200)))
    text = _seen(render(replace(pushed, metrics=metrics))).text
    assert "auc the 24 slices furthest from all rows" in text
    assert "200 slices" in text
    assert all(f"customer {n} 10 {n / 200:.4f} 0.1000 to 0.9000" in text for n in (100, 199))


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_are_shown_and_do_nothing(
    value: str,
    numeric_feature: Callable[..., FeatureNameStatistics],
    text_feature: Callable[..., FeatureNameStatistics],
    split_statistics: Callable[..., DatasetFeatureStatisticsList],
) -> None:
    writable = value.replace("\ud800", "")  # protocol buffers refuse what is not Unicode
    statistics = split_statistics(numeric_feature(writable, [1.0, 2.0, 4.0]), text_feature("t" + writable, [writable, ""]))
    hostile = RunReport(
        model=value,
        run_id=value,
        verdict=Verdict(Outcome.BLOCKED, value),
        started=datetime(2026, 3, 2, tzinfo=UTC),
        seconds=1.0,
        steps=(Step(value, StepState.FAILED, 1.0),),
        data=DataSection(value, value, (SplitRows(value, 1),), (SpanRows(date(2026, 3, 2), 1, 0.5),)),
        train_statistics=statistics,
        eval_statistics=statistics,
        anomalies=(Anomaly(value, value, value),),
        checks=(Check(value, value, value, 0.5, passed=False),),
        metrics=(MetricValue(value, None, 0.5), MetricValue(value, value, 0.5, 0.4, 0.6, 10)),
        lineage=(LineageEntry(value, value),),
        commands=(Command(value, value),),
        hints=(value,),
    )
    page = render(hostile)
    page.encode("utf-8")
    seen = _seen(page)
    assert not TAGS_THAT_LOAD & {tag for tag, _ in seen.tags}
    assert not [name for _, attributes in seen.tags for name in attributes if name.startswith("on")]
    assert page.count("</style>") == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\ud800-\udfff\ufffe]", page)
    assert len(page) < 150_000
    assert (
        value[:7]
        .replace("\x00", "\\x00")
        .replace("\x1b", "\\x1b")
        .replace("\u202e", "\\u202e")
        .replace("\ud800", "\\ud800")
        .replace("\ufffe", "\\ufffe")
        in seen.text
    )
