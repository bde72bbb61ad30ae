"""The BigQuery table snapshots that keep pinned rows: list them, read them, and set when they expire."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import pyarrow as pa
from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from components.cloud import Cloud
from components.google import table_name
from components.settings import Settings
from components.snapshot.arrow_stream import stream_table
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.document import Snapshot
from components.snapshot.partitions import days_condition

TABLES_PER_PAGE = 1000


def pinned_tables(client: bigquery.Client, settings: Settings, tables: Iterable[str]) -> dict[str, datetime | None]:
    """When each of the tables (`project.dataset.table`) expires, None for never. Tables that do not exist are left out.

    Raises:
        AccessError: BigQuery refuses or does not answer.
    """
    wanted, expiry = set(tables), dict[str, datetime | None]()
    for dataset in sorted({table.rpartition(".")[0] for table in wanted}):
        # One list for the whole dataset: asking for each table would take a call each.
        with bigquery_errors(settings, f"tables of {dataset}", remedy="run the same command again"), suppress(NotFound):
            for item in client.list_tables(dataset, page_size=TABLES_PER_PAGE, timeout=60):
                expiry[table_name(item)] = item.expires
    return {table: expiry[table] for table in wanted & expiry.keys()}


def stream_pinned(cloud: Cloud, snapshot: Snapshot, *, columns: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
    """Stream the rows of the source table that a snapshot has pinned; of all columns, unless some are named.

    Raises:
        SourceError: a column does not exist, or the table snapshot does not any more.
        AccessError: BigQuery refuses or does not answer.
    """
    window, name = snapshot.window, snapshot.snapshot_table
    first, after = (f"DATE '{day}'" for day in (window.first_partition, window.last_partition + timedelta(days=1)))
    restriction = days_condition(snapshot.partition_field, snapshot.partition_type, first, after)
    remedy = "`perennial snapshots MODEL` lists those that are kept, with their columns in `snapshot show ID`"
    with bigquery_errors(cloud.settings, f"rows of {name}", remedy=remedy):
        yield from stream_table(cloud, name, columns=columns, restriction=restriction)


def set_expiry(client: bigquery.Client, settings: Settings, table: str, expires: datetime | None) -> None:
    """Let a table expire at a future instant, or never.

    Raises:
        SourceError: the table does not exist.
        AccessError: BigQuery refuses or does not answer.
    """
    pinned = bigquery.Table(table)
    pinned.expires = expires
    with bigquery_errors(settings, f"table snapshot {table}", remedy="run the same command again"):
        client.update_table(pinned, ["expires"], timeout=60)


def keep_pinned(client: bigquery.Client, settings: Settings, table: str) -> None:
    """Take away the expiration that a table is pinned with, now that its snapshot is recorded.

    Raises:
        SourceError: the table does not exist.
        AccessError: BigQuery refuses or does not answer.
    """
    with bigquery_errors(settings, f"table snapshot {table}", remedy="run the same command again"):
        expires = client.get_table(table, timeout=60).expires
    if expires is not None:
        set_expiry(client, settings, table, None)
