"""Pin a window of whole partitions: what is in them, and a BigQuery table snapshot that keeps it."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from google.api_core.exceptions import Conflict
from google.cloud import bigquery

from components.cloud import Cloud
from components.model.folder import Model
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.describe import describe_snapshot
from components.snapshot.document import Snapshot
from components.snapshot.source import read_history, read_source_table

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def latest_partition(cloud: Cloud, model: Model) -> date:
    """The last partition of the source table's history: the default of `--through`.

    Raises:
        SourceError: the table does not exist, is not partitioned as the model says, or has no partition of today or before.
        AccessError: BigQuery refuses or does not answer.
    """
    return read_history(cloud, read_source_table(cloud, model)).last


def pin(cloud: Cloud, model: Model, through: date) -> Snapshot:
    """Describe the snapshot and keep its rows as a BigQuery table snapshot. Pinning the same content again changes nothing.

    Raises:
        SourceError: as `describe_snapshot`.
        AccessError: BigQuery refuses or does not answer.
    """
    snapshot, as_of = describe_snapshot(cloud, model, through)
    source = f"{snapshot.source_table}@{(as_of - EPOCH) // timedelta(milliseconds=1)}"
    config = bigquery.CopyJobConfig(operation_type=bigquery.OperationType.SNAPSHOT, write_disposition="WRITE_EMPTY")
    # On a conflict the same content was pinned before: the table's name holds its hash.
    with (
        bigquery_errors(cloud.settings, f"table snapshot {snapshot.snapshot_table}", remedy="run the same command again"),
        suppress(Conflict),
    ):
        cloud.warehouse.copy_table(source, snapshot.snapshot_table, job_config=config).result(timeout=600)
    return snapshot
