"""The windows of a backfill: which are still to be trained, in order of date."""

from collections.abc import Iterable
from datetime import date, timedelta

import sqlalchemy as sa

from components.errors import SourceError
from components.runs.record import RunState, is_recorded, read_run
from components.schedules.claims import read_windows
from components.schedules.windows import ScheduledWindows

MOST_WINDOWS = 1_000
ENDED_BADLY = (RunState.FAILED, RunState.CANCELLED)


def backfill_windows(first: date, last: date, every_days: int) -> list[date]:
    """The last partitions of the windows from one date to another.

    Raises:
        SourceError: there is none, or there are too many.
    """
    count = (last - first).days // every_days + 1
    if not 0 < count <= MOST_WINDOWS:
        raise SourceError(f"from {first} to {last}, every {every_days} days, are {max(count, 0):,} windows: ask for 1 to {MOST_WINDOWS:,}")
    return [first + timedelta(days=every_days * place) for place in range(count)]


def due_windows(schedules: Iterable[ScheduledWindows], newest_partition: date) -> list[date]:
    """The last partitions of the newest windows that a model's schedules are to have trained by now, in order of date."""
    wanted = {window for windows in schedules for window in windows.wanted(newest_partition)}
    return sorted(wanted)[-MOST_WINDOWS:]


def is_trained(connection: sa.Connection, model: str, through: date) -> bool:
    """Whether a run of the window is under way, or ended otherwise than by failing."""
    window = read_windows(connection, model).get(through)
    return window is not None and window.taken


def backfill_run_id(connection: sa.Connection, model: str, through: date, *, after: int = 0) -> tuple[str, int]:
    """The id of the window's next run, the same for whoever asks until that run has ended badly; and which attempt it is.

    Args:
        connection: to the registry.
        model: the model's name.
        through: the window's last partition.
        after: attempts that are known to have failed before they could be recorded.
    """
    attempt = after + 1
    while True:
        run_id = f"{model}-backfill-{through:%Y%m%d}-{attempt}"
        if not is_recorded(connection, run_id) or read_run(connection, run_id).state not in ENDED_BADLY:
            return run_id, attempt
        attempt += 1
