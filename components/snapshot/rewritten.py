"""Find out how the source table has changed since its partitions were pinned: late or deleted data, other columns."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from google.cloud import bigquery

from components.settings import Settings
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.document import Partition, Snapshot
from components.snapshot.partitions import PartitionRange, current_time, is_view, read_partitions
from components.snapshot.views.behind import update_columns


@dataclass(frozen=True)
class PartitionChange:
    """A partition whose content in the source is no longer the pinned one."""

    day: date
    pinned_rows: int
    rows: int
    """The rows it has now; 0 if the partition has vanished."""


@dataclass(frozen=True)
class SchemaChange:
    """A column that only one of the two has, or has as another type."""

    name: str
    pinned: str | None
    now: str | None


@dataclass(frozen=True)
class SourceChanges:
    """How the source table differs from what was pinned, by day and by column. A new column alone does not change a partition."""

    partitions: tuple[PartitionChange, ...]
    columns: tuple[SchemaChange, ...]


def source_changes(client: bigquery.Client, settings: Settings, snapshot: Snapshot) -> SourceChanges:
    """Compare row counts and checksums of the pinned partitions with the source table's now.

    Raises:
        SourceError: the table is gone, or cannot be read as it was.
        AccessError: BigQuery refuses or does not answer.
    """
    pinned = snapshot.partitions
    with bigquery_errors(settings, f"partitions of {snapshot.source_table}", remedy="they cannot be compared with the snapshot"):
        table = client.get_table(snapshot.source_table, timeout=60)
        if is_view(table):
            update_columns(client, table, snapshot.partition_field)
        columns = _column_changes(dict(snapshot.columns), {field.name: field.field_type for field in table.schema})
        added = tuple(change.name for change in columns if change.pinned is None)
        days = (pinned[0].day, pinned[-1].day)
        wanted = replace(PartitionRange.of(table, snapshot.partition_field, days, without=added), kind=snapshot.partition_type)
        present = read_partitions(client, settings, wanted, current_time(client))
    return SourceChanges(partition_changes(pinned, present), columns)


def partition_changes(pinned: tuple[Partition, ...], present: tuple[Partition, ...]) -> tuple[PartitionChange, ...]:
    """The days whose rows or checksum differ, in the order in which they were pinned."""
    by_day = {partition.day: partition for partition in present}
    rows = {partition.day: partition.rows for partition in present}
    changed = (partition for partition in pinned if partition != by_day.get(partition.day))
    return tuple(PartitionChange(partition.day, partition.rows, rows.get(partition.day, 0)) for partition in changed)


def _column_changes(pinned: Mapping[str, str], now: Mapping[str, str]) -> tuple[SchemaChange, ...]:
    """The columns that were added, dropped, or have another type, by name."""
    changes = (SchemaChange(name, pinned.get(name), now.get(name)) for name in sorted(pinned.keys() | now.keys()))
    return tuple(change for change in changes if change.pinned != change.now)
