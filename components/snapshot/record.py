"""Record snapshots in the registry, and the runs that read them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum

import sqlalchemy as sa

from components.canonical import canonical_json, fingerprint
from components.database.idempotency import require_same
from components.database.statements import execute, shown
from components.errors import RegistryError
from components.snapshot.document import Snapshot


class DatasetRole(StrEnum):
    """What a run read a snapshot for."""

    TRAIN = "train"


@dataclass(frozen=True, kw_only=True)
class RecordedSnapshot:
    """A snapshot as the registry keeps it. Tables are `project.dataset.table`."""

    snapshot_id: str
    """SHA-256 of the document's canonical JSON."""
    document: Mapping[str, object]
    source_table: str
    snapshot_table: str
    partition_field: str
    partition_from: date
    partition_to: date
    """The day after the last partition."""
    query_sha256: str
    row_count: int
    """How many rows the partitions have, not the query's result."""
    schema_fingerprint: str
    content_checksum: str

    @classmethod
    def of(cls, pinned: Snapshot) -> "RecordedSnapshot":
        """What the registry keeps of a pinned snapshot."""
        return cls(
            snapshot_id=pinned.snapshot_id,
            document=pinned.document,
            source_table=pinned.source_table,
            snapshot_table=pinned.snapshot_table,
            partition_field=pinned.partition_field,
            partition_from=pinned.partitions[0].day,
            partition_to=pinned.partitions[-1].day + timedelta(days=1),
            query_sha256=pinned.query_sha256,
            row_count=pinned.source_rows,
            schema_fingerprint=pinned.schema_fingerprint,
            content_checksum=pinned.content_checksum,
        )


def record_snapshot(connection: sa.Connection, snapshot: RecordedSnapshot) -> None:
    """Record a snapshot. Recording it again changes nothing.

    Raises:
        RegistryError: its id is not its document's, it is recorded with other columns, or a value is not acceptable.
    """
    if snapshot.snapshot_id != (expected := fingerprint(snapshot.document)):
        raise RegistryError(f"snapshot {snapshot.snapshot_id!r} is not its document's SHA-256, which is {expected}: pin the data again")
    values = {**asdict(snapshot), "document": canonical_json(snapshot.document)}
    if not execute(connection, "snapshots.insert", **values).rowcount:
        same = read_recorded_snapshot(connection, snapshot.snapshot_id)
        require_same(f"snapshot {snapshot.snapshot_id}", vars(same), vars(snapshot), except_for=("document",))


def read_recorded_snapshot(connection: sa.Connection, snapshot_id: str) -> RecordedSnapshot:
    """Read the snapshot with an id.

    Raises:
        RegistryError: there is no such snapshot.
    """
    row = execute(connection, "snapshots.read", snapshot_id=snapshot_id).mappings().first()
    if row is None:
        raise RegistryError(f"snapshot {shown(snapshot_id)} is not in the registry")
    return RecordedSnapshot(**row)


def link_snapshot(connection: sa.Connection, run_id: str, role: DatasetRole, snapshot_id: str) -> None:
    """Record that a run read a snapshot, and what for. Recording it again changes nothing.

    Raises:
        RegistryError: the run or the snapshot is unknown.
    """
    execute(connection, "snapshots.link_run", run_id=run_id, role=role, snapshot_id=snapshot_id)
