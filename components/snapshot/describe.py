"""Describe windows of a table, those that a training would pin and any others: what is in their partitions. Nothing is written."""

from datetime import date, datetime

from google.cloud import bigquery

from components.cloud import Cloud
from components.errors import SourceError
from components.model.folder import Model
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.document import Partition, Snapshot
from components.snapshot.partitions import PartitionRange, current_time, read_partitions
from components.snapshot.source import read_history, read_source_table
from components.snapshot.window import resolve_window


def describe_snapshot(cloud: Cloud, model: Model, through: date) -> tuple[Snapshot, datetime]:
    """The snapshot that a run through `through` would pin, and the instant at which it was described.

    Later steps find out, and can say in more detail, whether the data are good and whether source.sql runs on them.

    Raises:
        SourceError: the table is not as the model says, or the window is outside the data or empty.
        AccessError: BigQuery refuses or does not answer.
    """
    table = read_source_table(cloud, model)
    field = model.source.partition_field
    history = read_history(cloud, table, field)
    window = resolve_window(model, through, first=history.first, last=history.latest)
    wanted = PartitionRange.of(table, field, (window.first_partition, window.last_partition))
    partitions, as_of = _read(cloud, wanted, remedy="load its partitions, or choose another --through")
    return Snapshot.of(model, table, partition_field=field, partitions=partitions, spans=window.spans), as_of


def describe_days(cloud: Cloud, model: Model, first: date, last: date) -> tuple[Snapshot, datetime]:
    """The partitions of the source table from `first` to `last`, without spans, and the instant at which they were described.

    Raises:
        SourceError: there is no such partition, or the table is not as model.toml says.
        AccessError: BigQuery refuses or does not answer.
    """
    table = read_source_table(cloud, model)
    return describe_table(cloud, model, table, field=model.source.partition_field, days=(first, last))


def describe_table(cloud: Cloud, model: Model, table: bigquery.Table, *, field: str, days: tuple[date, date]) -> tuple[Snapshot, datetime]:
    """Like `describe_days`, of any table whose description has been read already. `days` are the first and the last one."""
    wanted = PartitionRange.of(table, field, days)
    partitions, as_of = _read(cloud, wanted, remedy="choose other days")
    return Snapshot.of(model, table, partition_field=wanted.field, partitions=partitions, spans=()), as_of


def _read(cloud: Cloud, wanted: PartitionRange, *, remedy: str) -> tuple[tuple[Partition, ...], datetime]:
    with bigquery_errors(cloud.settings, f"partitions of {wanted.table}", remedy="correct model.toml"):
        as_of = current_time(cloud.warehouse)
        partitions = read_partitions(cloud.warehouse, cloud.settings, wanted, as_of)
    if not partitions:
        raise SourceError(f"{wanted.table} has no rows from {wanted.first} to {wanted.last}: {remedy}")
    return partitions, as_of
