"""A finding about the rows that source.sql gives."""

from datetime import date

from components.checks.findings import Check, Finding, Severity


def row_finding(
    check: Check,
    column: str,
    what: str,
    remedy: str,
    *,
    since: date | None,
    measure: float,
    threshold: float,
    touched: float,
    days: int = 1,
    severity: Severity = Severity.BLOCKS,
) -> Finding:
    """One of them; `days` counts spans."""
    return Finding(
        check=check,
        severity=severity,
        level="rows",
        column=column,
        since=since,
        days=days,
        measure=measure,
        threshold=threshold,
        touched=touched,
        what=what,
        remedy=remedy,
    )
