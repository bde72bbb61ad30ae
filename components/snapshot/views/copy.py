"""Pin days of a view: their rows are copied into a table, since BigQuery keeps no past of a view and makes no snapshots of it."""

from datetime import datetime, timedelta
from pathlib import Path

from google.cloud import bigquery

from components.cloud import Cloud
from components.google import quoted
from components.snapshot.document import Snapshot
from components.snapshot.partitions import days_condition

PARTITION = {"DATE": "`{field}`", "DATETIME": "DATETIME_TRUNC(`{field}`, DAY)", "TIMESTAMP": "TIMESTAMP_TRUNC(`{field}`, DAY)"}
"""What the copy is partitioned by, by the type of the column that tells the day."""
COPY_SECONDS = 3600


def copy_view(cloud: Cloud, snapshot: Snapshot, expires: datetime) -> None:
    """Make the table that keeps a snapshot's rows of a view. It appears whole. Errors of BigQuery's client are not translated.

    Raises:
        google.api_core.exceptions.Conflict: it is there already.
    """
    field, kind = snapshot.partition_field, snapshot.partition_type
    window = snapshot.window
    first, after = (f"DATE '{day}'" for day in (window.first_partition, window.last_partition + timedelta(days=1)))
    statement = (
        Path(__file__)
        .with_name("copy.sql")
        .read_text()
        .format(
            copy=quoted(snapshot.snapshot_table),
            partition=PARTITION[kind].format(field=field),
            expires=expires.isoformat(sep=" "),
            view=quoted(snapshot.source_table),
            condition=days_condition(field, kind, first, after),
        )
    )
    config = bigquery.QueryJobConfig(maximum_bytes_billed=cloud.settings.maximum_bytes_billed)
    cloud.warehouse.query(statement, config, timeout=60).result(timeout=COPY_SECONDS)
