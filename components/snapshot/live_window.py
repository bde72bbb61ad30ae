"""Windows that no training asked for: any days of the source, and days of what was logged in serving."""

import hashlib
from datetime import date, datetime

from google.cloud import bigquery

from components.errors import SourceError
from components.model.folder import Model
from components.settings import Settings
from components.snapshot.bigquery_errors import answers
from components.snapshot.document import Snapshot
from components.snapshot.partitions import PartitionRange, current_time, read_partitions
from components.snapshot.source import read_table


def describe_days(client: bigquery.Client, settings: Settings, model: Model, first: date, last: date) -> tuple[Snapshot, datetime]:
    """The partitions of the source from `first` to `last`, without spans, and the instant they were described at. Writes nothing.

    Raises:
        SourceError: there is no such partition, or the table is not as model.toml says.
        AccessError: BigQuery refuses or does not answer.
    """
    return describe_table(client, settings, model, read_table(client, settings, model), model.source.partition_field, first, last)


def describe_table(
    client: bigquery.Client, settings: Settings, model: Model, table: bigquery.Table, field: str, first: date, last: date
) -> tuple[Snapshot, datetime]:
    """Like `describe_days`, of a table that is at hand."""
    name = f"{table.project}.{table.dataset_id}.{table.table_id}"
    with answers(settings, f"partitions of {name}", remedy="correct model.toml"):
        as_of = current_time(client)
        partitions = read_partitions(client, settings, PartitionRange(name, field, first, last), as_of)
    if not partitions:
        raise SourceError(f"{name} has no rows from {first} to {last}: choose other days")
    snapshot = Snapshot(
        model=model.name,
        source_table=name,
        partition_field=field,
        columns=tuple(sorted((column.name, column.field_type) for column in table.schema)),
        partitions=partitions,
        spans=(),
        query_sha256=hashlib.sha256(model.text("source.sql").encode()).hexdigest(),
    )
    return snapshot, as_of
