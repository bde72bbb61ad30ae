"""How long the tables that keep pinned rows are kept: as long as something uses them, and some days more."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from google.cloud import bigquery

from components.model.folder import model_names, read_model
from components.model.sections import SnapshotsSection
from components.registry.snapshot_use import TableUse, table_uses
from components.settings import Settings
from components.snapshot.pinned import pinned_tables, set_expiry

NOTICE = timedelta(hours=24)
"""No table is given less: whoever just began to read it comes to an end, and a mistake can be undone."""


class Change(StrEnum):
    """What is done to a table's expiration."""

    NONE = "unchanged"
    SET = "set"
    CLEARED = "cleared"
    GONE = "gone"
    """Nothing is done: the table does not exist any more."""


@dataclass(frozen=True, kw_only=True)
class TableExpiry:
    """What the policy says of a pinned table, and what is done."""

    table: str
    change: Change
    expires: datetime | None
    """When the table expires; None if it never does, or if it is gone."""
    reason: str


def apply_expiry(connection: sa.Connection, client: bigquery.Client, *, settings: Settings, model: str, now: datetime) -> list[TableExpiry]:
    """Let the pinned tables of a model's snapshots expire as `plan_expiry` says. Doing it again changes nothing.

    Raises:
        PerennialError: as `plan_expiry`, before anything is changed; SourceError if a table vanishes meanwhile.
    """
    plan = plan_expiry(connection, client, settings=settings, model=model, now=now)
    for table in plan:
        if table.change in (Change.SET, Change.CLEARED):
            set_expiry(client, settings, table.table, table.expires)
    return plan


def plan_expiry(connection: sa.Connection, client: bigquery.Client, *, settings: Settings, model: str, now: datetime) -> list[TableExpiry]:
    """When each pinned table of a model's snapshots may expire, by the policies of all models that use it. Writes nothing.

    A table is kept for ever while one of the last `keep_versions` versions of a model, or a live version, was trained on it.
    Any other expires `keep_days` days after a run last pinned or read it.

    Args:
        connection: of the registry.
        client: of BigQuery.
        settings: name the folder of the models, whose model.toml have the policies.
        model: whose snapshots.
        now: with a time zone. No table expires within 24 hours from it.

    Raises:
        RegistryError: the model has no snapshot.
        ModelFolderError: the folder of a model that uses one of the tables is broken.
        AccessError: a service refuses or does not answer.
    """
    uses: defaultdict[str, list[TableUse]] = defaultdict(list)
    for use in table_uses(connection, model):
        uses[use.table].append(use)
    keeping = _policies(settings, {use.model for of_table in uses.values() for use in of_table})
    expirations = pinned_tables(client, settings, uses)
    return [
        _change(table, expirations[table], *_end(of_table, keeping), now=now) if table in expirations else _gone(table)
        for table, of_table in uses.items()
    ]


def _policies(settings: Settings, models: Iterable[str]) -> dict[str, SnapshotsSection]:
    """What model.toml says of each model's snapshots; the defaults for a model that has no folder any more.

    Raises:
        ModelFolderError: a folder is there, but broken.
    """
    there = model_names(settings.models_folder)
    return {name: read_model(settings.models_folder, name).snapshots if name in there else SnapshotsSection() for name in sorted(models)}


def _end(uses: Sequence[TableUse], keeping: Mapping[str, SnapshotsSection]) -> tuple[datetime | None, str]:
    """When the last user of a table lets it go, None for never, and why. The most generous policy wins."""
    for use in uses:
        if use.live_on:
            return None, f"a version of {use.model} that was trained on it is live on {', '.join(use.live_on)}"
        versions = keeping[use.model].keep_versions
        if use.newest_version is not None and use.latest_version is not None and use.newest_version > use.latest_version - versions:
            return None, f"version {use.newest_version} of {use.model}, which keeps those of its last {versions}, was trained on it"
    released, last = max(((use.used_at + timedelta(days=keeping[use.model].keep_days), use) for use in uses), key=lambda pair: pair[0])
    return released, f"{last.model} used it last on {last.used_at:%Y-%m-%d} and keeps such tables {keeping[last.model].keep_days} days"


def _change(table: str, expires: datetime | None, released: datetime | None, reason: str, *, now: datetime) -> TableExpiry:
    if released is None:
        return TableExpiry(table=table, change=Change.NONE if expires is None else Change.CLEARED, expires=None, reason=reason)
    earliest, latest = _milliseconds(released), _milliseconds(max(released, now + NOTICE))
    if expires is not None and earliest <= expires <= latest:  # a notice that was given stands, or its end would never come
        return TableExpiry(table=table, change=Change.NONE, expires=expires, reason=reason)
    return TableExpiry(table=table, change=Change.SET, expires=latest, reason=reason)


def _gone(table: str) -> TableExpiry:
    return TableExpiry(table=table, change=Change.GONE, expires=None, reason="it has expired, or somebody deleted it")


def _milliseconds(instant: datetime) -> datetime:
    """Round a time up to the whole milliseconds in which BigQuery counts."""
    return instant + timedelta(microseconds=-instant.microsecond % 1000)
