"""Which partitions have other rows than those that a version was trained on. What was compared once is kept in the registry."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

import sqlalchemy as sa

from components.canonical import fingerprint
from components.cloud import Cloud
from components.database.statements import execute
from components.decisions.sizes import PartitionSizes
from components.snapshot.document import Snapshot
from components.snapshot.rewritten import source_changes


@dataclass(frozen=True)
class PinnedVersion:
    """What a version was trained on."""

    version: int
    pinned: Snapshot
    started_at: datetime
    """When its run began."""


@dataclass(frozen=True)
class Rewriting:
    """The pinned partitions that have other rows now."""

    days: tuple[date, ...] = ()
    rewriting_id: str = ""
    """What tells this rewriting from the next one."""


def find_rewritten(cloud: Cloud, sizes: PartitionSizes, trained: PinnedVersion, *, keep: bool) -> Rewriting:
    """The pinned partitions that have other rows now, and days between them that have rows, and had none.

    Only those are read that BigQuery says were written since the run began, or that have vanished, and those once: `keep` says whether
    the registry is to remember what was found. What is older than the table's first partition has left it, as partitions expire, and was
    not rewritten. Of a view nobody knows which days were written, so that all pinned ones are read, once after
    each change of anything behind it; a rewriting of its days is told from the next one by their row counts.

    Raises:
        SourceError: the table is gone, or cannot be read as it was.
        AccessError: a service refuses or does not answer.
    """
    suspects = [
        one
        for one in trained.pinned.partitions
        if one.day >= sizes.history.first
        if one.day not in sizes.rows or one.rows != sizes.rows[one.day] or sizes.modified[one.day] > trained.started_at
    ]
    appeared = _appeared(sizes, trained.pinned)
    if not suspects:
        return _rewriting(trained, appeared, sizes)
    model, written = trained.pinned.model, _fingerprint(trained, [one.day for one in suspects], sizes.modified)
    with cloud.engine.connect() as connection:
        days = _compared(connection, model, written)
    if days is None:
        changes = source_changes(cloud.warehouse, cloud.settings, replace(trained.pinned, partitions=tuple(suspects)))
        days = [change.day for change in changes.partitions]
        if keep:
            with cloud.engine.begin() as connection:
                execute(connection, "decisions.insert_comparison", model=model, written=written, changed=days)
    return _rewriting(trained, sorted({*days, *appeared}), sizes)


def _appeared(sizes: PartitionSizes, pinned: Snapshot) -> list[date]:
    first, last, known = pinned.partitions[0].day, pinned.partitions[-1].day, {one.day for one in pinned.partitions}
    return sorted(day for day, rows in sizes.rows.items() if rows and first <= day <= last and day not in known)


def _rewriting(trained: PinnedVersion, days: list[date], sizes: PartitionSizes) -> Rewriting:
    told_by = sizes.rows if sizes.is_view else sizes.modified
    return Rewriting(tuple(days), _fingerprint(trained, days, told_by)[:16]) if days else Rewriting()


def _compared(connection: sa.Connection, model: str, written: str) -> list[date] | None:
    found: list[date] | None = execute(connection, "decisions.comparison", model=model, written=written).scalar()
    return found


def _fingerprint(trained: PinnedVersion, days: list[date], told_by: Mapping[date, datetime | int]) -> str:
    return fingerprint([trained.version, [[day.isoformat(), str(told_by.get(day, ""))] for day in days]])
