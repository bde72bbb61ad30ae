"""Findings: how they are written, ranked, and told when they block."""

from pathlib import Path

from components.checks.findings import Finding, ranked, read_findings, refusal, write_findings
from components.looks.data_check import DataCheck, Severity
from tests.components.checks.corruptions import SPANS


def test_findings_are_kept_as_they_are(tmp_path: Path) -> None:
    found = [
        Finding(
            check=DataCheck.DRIFT,
            level="rows",
            column="a",
            what="moved",
            remedy="nothing",
            measure=0.2,
            threshold=0.1,
            touched=0.2,
            severity=Severity.WARNS,
            days=1,
        ),
        Finding(
            check=DataCheck.LEAK, level="rows", column="b\x00", what="knows ✓", remedy="drop it", since=SPANS[1], threshold=0.99, days=3
        ),
    ]
    write_findings(found, tmp_path / "deep" / "findings.json")
    assert read_findings(tmp_path / "deep" / "findings.json") == tuple(found)


def test_what_blocks_comes_first_then_the_cause_then_what_touches_most() -> None:
    warning = Finding(check=DataCheck.LABEL, level="rows", column="w", what="", remedy="", severity=Severity.WARNS, days=1)
    drift, small, large = (
        Finding(check=check, level="rows", column=name, what="", remedy="mend it", days=1, touched=touched)
        for check, name, touched in ((DataCheck.DRIFT, "d", 1.0), (DataCheck.NULLS, "s", 0.1), (DataCheck.NULLS, "l", 0.9))
    )
    assert ranked([warning, drift, small, large]) == (large, small, drift, warning)
    assert refusal(ranked([warning, drift, small])) == "blocked: column s  (and 1 more); mend it"
    assert refusal([warning]) is None
