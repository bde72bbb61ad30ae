"""Findings of the gate before training in the registry."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import sqlalchemy as sa

from components.checks.findings import Finding
from components.database.statements import execute, storable
from components.looks.data_check import DataCheck, Severity


def record_findings(connection: sa.Connection, run_id: str, stage: str, findings: Sequence[Finding], *, waived: bool) -> None:
    """Record the findings of a stage, ranked. Recording them again changes nothing.

    Raises:
        RegistryError: the run is unknown, or a value is not acceptable.
    """
    rows = [_row(place, finding) for place, finding in enumerate(findings, start=1)]
    execute(connection, "findings.insert", run_id=run_id, stage=stage, waived=waived, findings=json.dumps(rows, default=str))


def _row(place: int, finding: Finding) -> dict[str, object]:
    values = asdict(finding)
    texts = {name: storable(values[name]) for name in ("what", "remedy")}
    return (
        values
        | texts
        | {
            "place": place,
            "is_accepted": bool(values.pop("accepted")),
            "check_name": values.pop("check"),
            "column_name": storable(values.pop("column")),
        }
    )


def read_recorded_findings(connection: sa.Connection, run_id: str) -> tuple[Finding, ...]:
    """Read the findings of a run: those of the source first, each stage's by rank."""
    rows = execute(connection, "findings.read", run_id=run_id).mappings()
    return tuple(Finding(**dict(row) | {"check": DataCheck(row["check"]), "severity": Severity(row["severity"])}) for row in rows)
