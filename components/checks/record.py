"""Findings of the gate before training in the registry, and those that a person accepted, by name, with a reason and an end."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime

import sqlalchemy as sa

from components.checks.findings import Finding
from components.database.statements import execute, storable
from components.errors import RegistryError
from components.looks.data_check import DataCheck, Severity

WORSE_FACTOR = 1.5
"""What is worse than what was accepted by more than this factor blocks again."""


@dataclass(frozen=True)
class Acceptance:
    """A finding that is accepted up to a day, and as long as it does not get much worse."""

    finding: str
    measure: float
    until: date
    actor: str
    reason: str
    created_at: datetime

    def covers(self, finding: Finding, today: date) -> bool:
        """Whether it lets the finding pass."""
        return self.finding == finding.name and today <= self.until and finding.measure <= WORSE_FACTOR * self.measure


@dataclass(frozen=True)
class FoundBefore:
    """What blocked a run of a model, as the newest run that found it says."""

    finding: str
    run_id: str
    measure: float
    what: str
    column: str
    waived: bool

    @property
    def sentence(self) -> str:
        """What was wrong, and where."""
        return f"column {self.column} {self.what}" if self.column else self.what


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


def accept_finding(connection: sa.Connection, model: str, finding: str, *, until: date, actor: str, reason: str) -> FoundBefore:
    """Accept a finding that blocked a run, up to a day. It is recorded for good; a later acceptance of the same finding counts too.

    Raises:
        RegistryError: no run of the model has such a finding.
        AccessError: the database cannot be reached.
    """
    found = {one.finding: one for one in findings_that_blocked(connection, model)}
    if finding not in found:
        names = f"it was by {', '.join(sorted(found))}; choose one of these" if found else "none was blocked by its data"
        raise RegistryError(f"no run of {model} was blocked by {finding!r}: {names}")
    one = found[finding]
    values = {"run_id": one.run_id, "measure": one.measure, "until": until, "actor": storable(actor), "reason": storable(reason)}
    execute(connection, "acceptances.insert", model=model, finding=finding, **values)
    return one


def findings_that_blocked(connection: sa.Connection, model: str) -> tuple[FoundBefore, ...]:
    """What blocked runs of a model, each once."""
    return tuple(FoundBefore(**row) for row in execute(connection, "acceptances.found", model=model).mappings())


def list_acceptances(connection: sa.Connection, model: str) -> tuple[Acceptance, ...]:
    """All that were recorded, the oldest first, those that have ended too."""
    return tuple(Acceptance(**row) for row in execute(connection, "acceptances.list", model=model).mappings())


def mark_accepted(connection: sa.Connection, model: str, findings: Sequence[Finding], today: date) -> tuple[Finding, ...]:
    """The findings, those marked that a person accepted or that a version was trained on in spite of.

    The latter are told again and do not block, as long as they are of partitions that the version was trained on: a version that
    was let through is never the champion, so that without this every later run would be blocked by what was let through.
    """
    accepted = list_acceptances(connection, model)
    waived = {row.finding: row for row in execute(connection, "acceptances.waived", model=model)}
    marked = []
    for finding in findings:
        by = next((one for one in reversed(accepted) if one.covers(finding, today)), None)
        before = waived.get(finding.name)
        words = f"accepted until {by.until}: {by.reason}" if by else ""
        if not words and before is not None and finding.measure <= WORSE_FACTOR * before.measure and _is_old(finding, before.through):
            words = f"let through before, with version {before.version}"
        marked.append(replace(finding, accepted=words) if words and finding.blocks else finding)
    return tuple(marked)


def _is_old(finding: Finding, through: str | None) -> bool:
    return finding.since is None or through is None or finding.since <= date.fromisoformat(through)
