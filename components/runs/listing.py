"""The last runs of a model, as the registry has them."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from components.database.statements import execute
from components.runs.record import RunState


@dataclass(frozen=True)
class RunSummary:
    """A run in one line."""

    run_id: str
    state: RunState
    trigger: str
    reason: str
    through: str
    started_at: datetime
    finished_at: datetime | None
    error: str | None
    address: str | None
    """Its page on Kubeflow; None where it ran on a machine."""


def list_runs(connection: sa.Connection, model: str, *, limit: int) -> list[RunSummary]:
    """The newest runs of a model, newest first."""
    rows = execute(connection, "kubeflow.list_runs", model=model, limit=limit).mappings()
    return [RunSummary(**dict(row) | {"state": RunState(row["state"]), "through": row["through"] or ""}) for row in rows]
