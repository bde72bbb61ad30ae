"""What the registry tells of snapshots: those of a model, and which versions and runs use one."""

import re
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from components.database.statements import execute, shown
from components.errors import RegistryError
from components.registry.versions import latest_version
from components.runs.record import RunState
from components.snapshot.record import DatasetRole, RecordedSnapshot, read_recorded_snapshot

PREFIX = re.compile(r"[0-9a-f]{6,64}")
SHOWN = 12
"""Digits of an id that are enough for a person."""


@dataclass(frozen=True, kw_only=True)
class SnapshotSummary:
    """A snapshot in one line."""

    snapshot_id: str
    source_table: str
    snapshot_table: str
    partition_from: date
    partition_to: date
    """The day after the last partition."""
    row_count: int
    spans: tuple[date, ...]
    versions: tuple[int, ...]
    """The numbers of the model's versions that were trained on it."""
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class VersionUse:
    """A version that was trained on a snapshot, or only evaluated on it."""

    model: str
    number: int
    is_trained_on_it: bool
    live_on: tuple[str, ...]
    """Targets whose last deployment is this version."""
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class RunUse:
    """A run that read a snapshot, and what for."""

    run_id: str
    model: str
    role: DatasetRole
    state: RunState
    started_at: datetime


@dataclass(frozen=True, kw_only=True)
class SnapshotStory:
    """A snapshot and all that used it."""

    snapshot: RecordedSnapshot
    created_at: datetime
    versions: tuple[VersionUse, ...]
    runs: tuple[RunUse, ...]


@dataclass(frozen=True, kw_only=True)
class TableUse:
    """What one model uses a pinned table for, which may keep the rows of several snapshots."""

    table: str
    model: str
    used_at: datetime
    """When the last of the model's runs started that pinned or read it."""
    newest_version: int | None
    """The model's newest version that was trained on it."""
    latest_version: int | None
    """The model's newest version at all."""
    live_on: tuple[str, ...]
    """Targets on which a version that was trained on it is live."""


def list_snapshots(connection: sa.Connection, model: str) -> list[SnapshotSummary]:
    """The snapshots that a model's runs and versions used, newest last.

    Raises:
        RegistryError: there is none; the text says which models there are.
    """
    rows = execute(connection, "snapshots.of_model", model=model).mappings().all()
    if not rows:
        latest_version(connection, model)
    return [
        SnapshotSummary(**row | {"spans": tuple(map(date.fromisoformat, row["spans"])), "versions": tuple(row["versions"])})
        for row in map(dict, rows)
    ]


def find_snapshot(connection: sa.Connection, prefix: str) -> str:
    """The id of the one snapshot whose id begins so.

    Raises:
        RegistryError: these are no 6 to 64 hexadecimal digits, or no or several ids begin with them.
    """
    if not PREFIX.fullmatch(prefix.lower()):
        raise RegistryError(
            f"{shown(prefix)} is not the beginning of a snapshot's id: give at least 6 of its hexadecimal digits, "
            f"as `perennial snapshots MODEL` shows them"
        )
    found = execute(connection, "snapshots.beginning_with", prefix=prefix.lower()).scalars().all()
    if not found:
        raise RegistryError(f"snapshot {prefix!r} is not in the registry: run `perennial snapshots MODEL` to see those of a model")
    if len(found) > 1:
        ids = ", ".join(snapshot_id[: max(SHOWN, len(prefix) + 4)] for snapshot_id in found)
        raise RegistryError(f"snapshot {prefix!r} is ambiguous: {ids} begin with it; give more digits")
    return str(found[0])


def read_snapshot_story(connection: sa.Connection, prefix: str) -> SnapshotStory:
    """The story of the one snapshot whose id begins so.

    Raises:
        RegistryError: as `find_snapshot`.
    """
    snapshot_id = find_snapshot(connection, prefix)
    versions = execute(connection, "snapshots.versions_of", snapshot_id=snapshot_id).mappings()
    runs = execute(connection, "snapshots.runs_of", snapshot_id=snapshot_id).mappings()
    return SnapshotStory(
        snapshot=read_recorded_snapshot(connection, snapshot_id),
        created_at=execute(connection, "snapshots.recorded_at", snapshot_id=snapshot_id).scalar_one(),
        versions=tuple(VersionUse(**dict(row) | {"live_on": tuple(row["live_on"])}) for row in versions),
        runs=tuple(RunUse(**dict(row) | {"role": DatasetRole(row["role"]), "state": RunState(row["state"])}) for row in runs),
    )


def table_uses(connection: sa.Connection, model: str) -> list[TableUse]:
    """Every use, by whichever model, of the tables that keep the rows of a model's snapshots, oldest first.

    Raises:
        RegistryError: the model has no snapshot; the text says which models there are.
    """
    rows = execute(connection, "snapshots.table_uses", model=model).mappings().all()
    if not rows:
        latest_version(connection, model)
    return [TableUse(**dict(row) | {"live_on": tuple(row["live_on"] or ())}) for row in rows]
