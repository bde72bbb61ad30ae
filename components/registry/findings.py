"""What the gate before training found in a run's data, and the champion's data that it was held against."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from components.checks.findings import Check, Finding, Severity
from components.registry.statements import execute, storable


@dataclass(frozen=True)
class Champion:
    """The version whose data are known to be good."""

    version: int
    snapshot_id: str
    run_id: str


def find_champion(connection: sa.Connection, model: str) -> Champion | None:
    """The version that is live, else the newest blessed one; None while there is none."""
    row = execute(connection, "findings.champion", model=model).first()
    return None if row is None else Champion(row.version, row.snapshot_id, row.run_id)


def record_findings(connection: sa.Connection, run_id: str, stage: str, findings: Sequence[Finding], *, waived: bool) -> None:
    """Record what was found, ranked. Recording it again changes nothing.

    Raises:
        RegistryError: the run is unknown, or a value is not acceptable.
    """
    rows = [_row(place, finding) for place, finding in enumerate(findings, start=1)]
    execute(connection, "findings.insert", run_id=run_id, stage=stage, waived=waived, findings=json.dumps(rows, default=str))


def _row(place: int, finding: Finding) -> dict[str, object]:
    values = asdict(finding)
    texts = {name: storable(values[name]) for name in ("what", "remedy")}
    return values | texts | {"place": place, "check_name": values.pop("check"), "column_name": storable(values.pop("column"))}


def read_findings(connection: sa.Connection, run_id: str) -> tuple[Finding, ...]:
    """What was found, the source's first, each stage's in its rank."""
    rows = execute(connection, "findings.read", run_id=run_id).mappings()
    return tuple(Finding(**dict(row) | {"check": Check(row["check"]), "severity": Severity(row["severity"])}) for row in rows)
