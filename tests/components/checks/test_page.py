"""The page of the gate before training: one look says what is wrong, where, since when, and what to do."""

from dataclasses import replace
from pathlib import Path

import pytest

from components.checks.findings import Finding
from components.checks.page import write_findings_page
from components.looks.data_check import DataCheck, Severity
from tests.components.findings import TEXT
from tests.components.html_page import assert_golden, assert_harmless, select, words

LATE = replace(
    TEXT,
    check=DataCheck.LATE,
    severity=Severity.WARNS,
    column="",
    what="partition 2026-02-04 was rewritten",
    since=None,
    remedy="nothing",
)


def page(folder: Path, *findings: Finding) -> str:
    write_findings_page("shop", findings, folder / "page.html")
    return (folder / "page.html").read_text()


def test_the_page_of_the_gate_is_the_golden_one(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    assert_golden(page(tmp_path, TEXT, LATE), "findings.html", request)


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ((TEXT, LATE), f"! Blocked by 1 of 2 findings column price {TEXT.what}"),
        ((LATE,), "! 1 warning partition 2026-02-04 was rewritten"),
        ((LATE, LATE), "! 2 warnings partition 2026-02-04 was rewritten"),
        ((), "✓ Nothing found"),
    ],
)
def test_the_verdict_is_what_blocks_or_how_many_warnings_there_are(findings: tuple[Finding, ...], verdict: str, tmp_path: Path) -> None:
    said = page(tmp_path, *findings)
    assert words(select(said, ".//section[@aria-label='Verdict']")) == verdict
    assert ("<table" in said) == bool(findings)


def test_what_was_not_looked_at_is_named_before_all_is_well(tmp_path: Path) -> None:
    write_findings_page("shop", [], tmp_path / "page.html", ignored=["invoice"])
    said = words(select((tmp_path / "page.html").read_text(), ".//section[@aria-label='Verdict']"))
    assert said == "✓ Not looked at, as checks.ignore of model.toml says: invoice. Nothing found in the other columns"


def test_values_are_escaped_and_nothing_is_loaded(tmp_path: Path) -> None:
    said = page(tmp_path, replace(TEXT, column="<b>", what="<script>alert(1)</script>", remedy="<img src=x>"))
    assert_harmless(said)
    assert words(select(said, ".//tbody/tr/th")) == "<b>"
