"""The page of a comparison: it names the culprit, shows both sides, and stays whole whatever the values are."""

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from components.report.compare_content import (
    ColumnRow,
    ComparisonReport,
    DifferenceRow,
    FactRow,
    Facts,
    FileRow,
    Measured,
    MetricRow,
    RowsSection,
    Shares,
    WindowRow,
)
from components.report.compare_page import render, write
from components.report.palette import CARD, SOFT
from tests.components.report.test_browser import CHROMIUM, _measured, _rgb

FIRST = date(1998, 5, 1)
HOSTILE = "<script>alert(1)</script>\x00\x1b[31m\u202e\ud800" + "x" * 3000


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def facts(kind: str, *, texts: float) -> Facts:
    return Facts(type=kind, rows=2_375, nulls=0.0, texts=texts, unfinite=0.0, low=0.0, median=25.99, mean=35.85, high=1_286.0)


@pytest.fixture
def report() -> ComparisonReport:
    return ComparisonReport(
        model="churn",
        before="version 1",
        after="version 2",
        culprit="Likely culprit: column dollar_value: 12.5% of its values are (before 0%) text that is no number, such as '12,99 EUR'",
        is_fault=True,
        notes=("features of version 1 are not compared: source.sql is another one now",),
        windows=(WindowRow(name="partitions", added=(day(7), day(8)), vanished=(), rewritten=(day(3),), same=510),),
        differences=(
            DifferenceRow(
                name="column dollar_value",
                how="12.5% of its values are (before 0%) text",
                score=0.15,
                share=0.125,
                is_fault=True,
                feeds=("spend", "largest_purchase"),
                consequences=("spend",),
                numbers=Shares(("from 1", "from 9", "text"), (0.5, 0.5, 0.0), (0.4, 0.475, 0.125)),
            ),
            DifferenceRow(
                name="column channel",
                how="11% of its values differ",
                score=0.01,
                share=0.11,
                is_fault=False,
                feeds=("channel",),
                values=Shares(("web", ""), (0.6, 0.4), (0.5, 0.5)),
                added=("fax",),
                vanished=("letter",),
            ),
            DifferenceRow(name="rows of a partition", how="partitions have 89 rows", score=0.1, share=None, is_fault=False, feeds=()),
        ),
        columns=(
            ColumnRow(
                name="dollar_value",
                of="source",
                before=facts("NUMERIC", texts=0.0),
                after=facts("STRING", texts=0.125),
                total_variation=0.125,
                jensen_shannon=0.07,
                l_infinity=0.125,
                population_stability=0.9,
                is_fault=True,
                differs=True,
            ),
            ColumnRow(
                name="gone",
                of="source",
                before=facts("INTEGER", texts=0.0),
                after=None,
                total_variation=0.0,
                jensen_shannon=0.0,
                l_infinity=0.0,
                population_stability=0.0,
                is_fault=False,
                differs=True,
            ),
        ),
        rows=RowsSection(
            partitions=tuple((day(n), 80 + n if n < 7 else None, 81 + n if n != 2 else None) for n in range(9)),
            weekdays=((80.0, 81.0, 79.0, 80.0, 85.0, 90.0, 60.0), (80.0, 81.0, 79.0, 80.0, 85.0, 0.0, 0.0)),
            hour_column="bought_at",
            hours=(tuple([1 / 24] * 24), tuple([1 / 12] * 12 + [0.0] * 12)),
        ),
        metrics=(
            MetricRow(
                name="auc",
                slice="all rows",
                before=Measured(value=0.84, low=0.83, high=0.85),
                after=Measured(value=0.71, low=0.7, high=0.72),
                significance="significant",
                is_significant=True,
            ),
            MetricRow(name="recall", slice="segment regular", before=None, after=None, significance="not known", is_significant=False),
        ),
        files=(FileRow("network.py", "--- network.py\n+++ network.py\n@@ -1 +1 @@\n-EPOCHS = 1\n+EPOCHS = 2"),),
        facts=(FactRow("package", "tensorflow", "2.20.0", None),),
    )


def test_the_page_says_the_culprit_first_and_shows_both_sides(report: ComparisonReport) -> None:
    page = render(report)
    assert page.index("Likely culprit: column dollar_value: 12.5%") < page.index('id="differences"')
    for text in ("version 1 → version 2", "NUMERIC<br>STRING", "0%<br>12.5%", "new values: fax", "vanished values: letter", "(empty text)"):
        assert text in page
    assert "so that these differ as well: spend" in page
    assert "2 (1998-05-08 to 1998-05-09) added, 0 vanished, 1 (1998-05-04) rewritten, 510 the same" in page
    assert '<td class="refused">significant</td>' in page
    assert '<span class="added">+EPOCHS = 2</span>' in page
    assert ">absent<" in page
    assert page.count("<svg ") == 4


def test_the_page_needs_nothing_from_elsewhere(report: ComparisonReport) -> None:
    page = render(report)
    assert "<script" not in page
    assert not re.search(r"<(link|img|iframe|a)[ >]", page)
    assert set(re.findall(r"https?://[^\"'<> ]+", page)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "default-src 'none'; style-src 'unsafe-inline'" in page


def test_hostile_values_are_escaped_and_spelled_out_everywhere(report: ComparisonReport) -> None:
    page = render(hostile(report))
    page.encode("utf-8")
    assert "<script" not in page
    assert not {"\x00", "\x1b", "\u202e"} & set(page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x00\\x1b[31m\\u202e\\ud800" in page


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH; every other test of the page runs without one")
def test_hostile_values_neither_run_nor_widen_the_page_and_charts_are_dark_on_a_dark_screen(
    report: ComparisonReport, tmp_path: Path
) -> None:
    measured = _measured(render(hostile(report)), tmp_path, "--blink-settings=preferredColorScheme=0")
    assert (measured["scripted"], measured["overflow"], measured["sticking"]) == (False, 0, 0)
    assert (measured["card"], measured["bar"]) == (_rgb(CARD.dark), _rgb(SOFT.dark))
    heights = measured["charts"]
    assert isinstance(heights, list)
    assert len(heights) == 4


def hostile(report: ComparisonReport) -> ComparisonReport:
    """The same with a text that means harm wherever a value can be one."""
    shares = Shares((HOSTILE,), (1.0,), (0.5,))
    top, values, rows = report.differences
    return replace(
        report,
        model=HOSTILE,
        before=HOSTILE,
        after=HOSTILE,
        culprit=HOSTILE,
        notes=(HOSTILE,),
        differences=(
            replace(top, name=HOSTILE, how=HOSTILE, feeds=(HOSTILE,), consequences=(HOSTILE,)),
            replace(values, values=shares, added=(HOSTILE,), vanished=(HOSTILE,)),
            rows,
        ),
        columns=tuple(replace(column, name=HOSTILE) for column in report.columns),
        rows=replace(report.rows, hour_column=HOSTILE),
        files=(FileRow(HOSTILE, HOSTILE),),
        facts=(FactRow(HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
    )


def test_where_nothing_differs_the_page_says_so(report: ComparisonReport) -> None:
    page = render(replace(report, differences=(), columns=(), metrics=(), files=(), facts=(), notes=(), is_fault=False))
    for text in ("None beyond chance.", "Only two versions have metrics", "The same in both.", "Packages, parameters, components"):
        assert text in page


def test_a_comparison_of_data_alone_has_no_sections_on_versions(report: ComparisonReport) -> None:
    page = render(replace(report, metrics=None, files=None, facts=None))
    for section in ("metrics", "code", "facts"):
        assert f'id="{section}"' not in page


def test_windows_without_rows_have_no_charts(report: ComparisonReport) -> None:
    empty = RowsSection(partitions=(), weekdays=((0.0,) * 7, (0.0,) * 7), hour_column=None, hours=None)
    assert render(replace(report, rows=empty, differences=())).count("<svg ") == 0


def test_one_partition_alone_is_drawn(report: ComparisonReport) -> None:
    rows = replace(report.rows, partitions=((FIRST, None, 5),))
    assert render(replace(report, rows=rows)).count("<svg ") == 4


def test_the_page_is_written_whole(report: ComparisonReport, tmp_path: Path) -> None:
    write(report, tmp_path / "new" / "page.html")
    assert (tmp_path / "new" / "page.html").read_text(encoding="utf-8") == render(report)
