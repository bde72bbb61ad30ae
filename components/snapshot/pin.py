"""Pin a window of whole partitions: what is in them, and a BigQuery table snapshot that keeps it."""

import hashlib
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from google.api_core.exceptions import Conflict
from google.cloud import bigquery

from components.errors import SourceError
from components.model.folder import Model
from components.settings import Settings
from components.snapshot.bigquery_errors import answers
from components.snapshot.document import Snapshot
from components.snapshot.partitions import PartitionRange, current_time, read_partitions
from components.snapshot.source import partition_range, read_table
from components.snapshot.window import resolve_window

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def latest_partition(client: bigquery.Client, settings: Settings, model: Model) -> date:
    """The source table's last partition: what `--through` is unless told.

    Raises:
        SourceError: the table does not exist, is not partitioned as the model says, or is empty.
        AccessError: BigQuery refuses or does not answer.
    """
    return partition_range(client, settings, read_table(client, settings, model))[1]


def describe(client: bigquery.Client, settings: Settings, model: Model, through: date) -> tuple[Snapshot, datetime]:
    """The snapshot that a run through `through` would pin, and the instant it was described at. Writes nothing.

    Whether the data are any good, and whether source.sql runs on them, is for later steps to find out, which can say more.

    Raises:
        SourceError: the table is not as the model says, or the window is outside the data or empty.
        AccessError: BigQuery refuses or does not answer.
    """
    table = read_table(client, settings, model)
    name = f"{table.project}.{table.dataset_id}.{table.table_id}"
    first, last = partition_range(client, settings, table)
    window = resolve_window(model, through, first=first, last=last)
    with answers(settings, f"partitions of {name}", remedy="correct source.table in model.toml"):
        as_of = current_time(client)
        wanted = PartitionRange(name, model.source.partition_field, window.first_partition, window.last_partition)
        partitions = read_partitions(client, settings, wanted, as_of)
    if not partitions:
        raise SourceError(
            f"{name} has no rows between {window.first_partition} and {window.last_partition}: the window is empty; load its partitions, "
            f"or choose another --through"
        )
    snapshot = Snapshot(
        model=model.name,
        source_table=name,
        partition_field=model.source.partition_field,
        columns=tuple(sorted((field.name, field.field_type) for field in table.schema)),
        partitions=partitions,
        spans=window.spans,
        query_sha256=hashlib.sha256(model.text("source.sql").encode()).hexdigest(),
    )
    return snapshot, as_of


def pin(client: bigquery.Client, settings: Settings, model: Model, through: date) -> Snapshot:
    """Describe the snapshot, and keep its rows as a BigQuery table snapshot. Doing it again changes nothing.

    Raises:
        SourceError: as `describe`.
        AccessError: BigQuery refuses or does not answer.
    """
    snapshot, as_of = describe(client, settings, model, through)
    source = f"{snapshot.source_table}@{(as_of - EPOCH) // timedelta(milliseconds=1)}"
    config = bigquery.CopyJobConfig(operation_type=bigquery.OperationType.SNAPSHOT, write_disposition="WRITE_EMPTY")
    # A conflict: it was pinned before, since its name is the content's hash.
    with answers(settings, f"table snapshot {snapshot.snapshot_table}", remedy="run the same command again"), suppress(Conflict):
        client.copy_table(source, snapshot.snapshot_table, job_config=config).result(timeout=600)
    return snapshot
