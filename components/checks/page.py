"""The page of the gate before training, alone: what Kubeflow shows of the step, and what stays when a run ends there."""

from collections.abc import Sequence
from pathlib import Path

from components.checks.findings import Finding
from components.report.templating import render, write_page


def write_findings_page(model: str, findings: Sequence[Finding], path: Path, *, ignored: Sequence[str] = ()) -> None:
    """Show what was found, where, since when, how bad it is, and what to do. The likely culprit is the first of the findings.

    Raises:
        StorageFullError: the disk has no room for the page.
    """
    blocking = sum(finding.blocks for finding in findings)
    warnings = f"{len(findings)} warning{'s' if len(findings) > 1 else ''}" if findings else "Nothing found"
    headline = f"Blocked by {blocking} of {len(findings)} findings" if blocking else warnings
    outcome = "blocked" if blocking else "pushed"
    page = render(
        "checks/templates/findings_page.html", model=model, ignored=ignored, findings=findings, headline=headline, outcome=outcome
    )
    write_page(page, path)
