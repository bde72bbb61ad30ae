"""The page's part on the newest data: the verdict on top, predictions side by side, metrics then and now."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from components.report.compare_content import (
    ClassShare,
    ComparisonReport,
    Measured,
    MovedSlice,
    NewestMetricRow,
    NewestSection,
    PredictionColumn,
    ThenAndNow,
    Together,
)
from components.report.compare_page import render
from tests.components.report.test_browser import CHROMIUM, _measured
from tests.components.report.test_compare_page import HOSTILE, report  # noqa: F401


def column(version: str, *, name: str = "newcomer") -> PredictionColumn:
    classes = (ClassShare(name=name, then=0.34, today=1.0), ClassShare(name="regular", then=0.66, today=0.0))
    return PredictionColumn(version=version, then_rows=2_048, today_rows=1_788, refused=0.0, classes=classes)


def section(text: str | None = None) -> NewestSection:
    """With that text wherever a value can be one."""
    then, now = Measured(value=0.78, low=0.75, high=0.81), Measured(value=0.17, low=0.16, high=0.19)
    worse = ThenAndNow(then=then, now=now, significance="significant", is_worse=True)
    return NewestSection(
        verdict=text or "Verdict: the source, not the model",
        is_wrong=True,
        today=date(1998, 5, 31),
        then=date(1998, 1, 25),
        measured_on=text or "the labelled spans 1998-02-15 to 1998-03-01 (3)",
        notes=(text or "20,000 of 23,570 rows of today",),
        predictions=(column("version 1"), column(text or "version 2", name=text or "newcomer")),
        together=Together(
            rows=1_788,
            agreement=0.949,
            score_difference=None,
            before="version 1",
            after=text or "version 2",
            before_classes=("newcomer", "regular"),
            after_classes=(text or "newcomer", "regular"),
            confusion=((700, 7), (29, 640)),
            slices=(MovedSlice(slice=text or "recency_band 0-30 days", rows=404, agreement=0.918, moved=0.082),),
        ),
        metrics=(NewestMetricRow(name=text or "macro_f1", slice=text or "all rows", versions=(worse, None)),),
        title=text or "version 2 → data through 1998-05-31",
        differences=(),
    )


def test_the_verdict_stands_below_the_culprit_and_predictions_before_the_differences(report: ComparisonReport) -> None:  # noqa: F811
    page = render(replace(report, newest=section(), differences=report.differences[1:], is_fault=False))
    places = [
        page.index(text)
        for text in ("Likely culprit: ", "Verdict: the source", 'id="predictions"', 'id="then-and-now"', 'id="differences"')
    ]
    assert places == sorted(places)
    assert '<section class="verdict failed"' in page
    for text in (
        "34.0% → 100%",
        "66.0% → 0%",
        "2,048 rows of then, 1,788 of today",
        "94.9% of 1,788 of today&#39;s rows",
        "rows of 1998-05-31",
    ):
        assert text.replace("&#39;", "'") in page
    assert re.search(r'<th scope="row">recency_band 0-30 days</th><td class="quantity">404</td><td class="quantity">91.8%</td>', page)
    assert (
        '<td class="quantity refused">0.1700<span class="interval">0.1600 to 0.1900</span></td><td class="refused">significant</td>' in page
    )


def test_what_could_not_be_asked_is_said(report: ComparisonReport) -> None:  # noqa: F811
    nothing = replace(section(), predictions=(), together=None, metrics=(), measured_on="newer labelled rows: there are none", notes=())
    page = render(replace(report, newest=nothing))
    assert "No version could be asked." in page
    assert "Not measured on newer labelled rows: there are none." in page


def test_hostile_values_are_escaped(report: ComparisonReport) -> None:  # noqa: F811
    page = render(replace(report, newest=section(HOSTILE)))
    page.encode("utf-8")
    assert "<script" not in page
    assert not {"\x00", "\x1b", "\u202e"} & set(page)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH; every other test of the page runs without one")
def test_hostile_values_neither_run_nor_widen_the_page(report: ComparisonReport, tmp_path: Path) -> None:  # noqa: F811
    measured = _measured(render(replace(report, newest=section(HOSTILE))), tmp_path)
    assert (measured["scripted"], measured["overflow"]) == (False, 0)
