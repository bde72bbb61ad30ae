"""The page of a gate: what was found, where, since when, how bad it is, and what to do."""

from collections.abc import Sequence
from pathlib import Path

from components.checks.findings import Finding
from components.report.content import FoundRow
from components.report.findings_page import write


def found_rows(findings: Sequence[Finding]) -> tuple[FoundRow, ...]:
    """The findings as a page shows them."""
    return tuple(
        FoundRow(
            column=finding.column,
            check=finding.check,
            what=finding.what,
            since=finding.since,
            days=finding.days,
            measure=finding.measure,
            threshold=finding.threshold,
            touched=finding.touched,
            remedy=finding.remedy,
            blocks=finding.blocks,
        )
        for finding in findings
    )


def write_page(model: str, findings: Sequence[Finding], path: Path) -> None:
    """Write it."""
    write(model, found_rows(findings), path)
