"""Claim the next window of a schedule by compare and set: of all runs that fire, however often, each window has one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import sqlalchemy as sa

from components.database.statements import execute
from components.runs.record import Run, start_run
from components.schedules.windows import ScheduledWindows

MOST_ATTEMPTS = 3
"""A window whose runs failed that often is left to people: `perennial backfill` trains it again."""


@dataclass(frozen=True)
class WindowState:
    """What became of a window so far."""

    attempts: int
    """Claims of it; runs that nobody scheduled are not counted."""
    taken: bool
    """Whether a run of it is under way, or ended otherwise than by failing."""


def read_windows(connection: sa.Connection, model: str) -> dict[date, WindowState]:
    """The windows of a model that some run was given."""
    rows = execute(connection, "claims.windows", model=model).mappings()
    return {row["through"]: WindowState(row["attempt"], row["taken"]) for row in rows}


def claim_window(engine: sa.Engine, windows: ScheduledWindows, run: Run, newest_partition: date) -> date | None:
    """Claim the next window for a run, and record that the run starts, in one transaction. A claim that is tried again is the same.

    Args:
        engine: of the registry.
        windows: of the schedule.
        run: the run that wants one; its parameter `through` is filled in.
        newest_partition: the source's last partition.

    Returns:
        The window's last partition; None if no window is open, and nothing was recorded.
    """
    while True:
        with engine.connect() as connection:
            own: date | None = execute(connection, "claims.own", run_id=run.run_id).scalar()
            known = read_windows(connection, run.model)
        if own is not None:
            return own
        through = windows.next_open(newest_partition, _closed(known))
        if through is None:
            return None
        attempt = known[through].attempts + 1 if through in known else 1
        started = replace(run, parameters={**run.parameters, "through": through.isoformat()})
        if _insert(engine, started, schedule=windows.schedule, through=through, attempt=attempt):
            return through


def _closed(known: Mapping[date, WindowState]) -> set[date]:
    return {through for through, window in known.items() if window.taken or window.attempts >= MOST_ATTEMPTS}


def _insert(engine: sa.Engine, run: Run, *, schedule: str, through: date, attempt: int) -> bool:
    """Record the run and its claim. False, and nothing is recorded, if another run was faster."""
    with engine.connect() as connection, connection.begin() as transaction:
        start_run(connection, run)
        values = {"model": run.model, "through": through, "attempt": attempt, "schedule": schedule, "run_id": run.run_id}
        if execute(connection, "claims.insert", **values).rowcount:
            return True
        transaction.rollback()
        return False
