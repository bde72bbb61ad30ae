"""List the BigQuery table snapshots that keep pinned rows, and set when they expire."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from components.google import table_name
from components.settings import Settings
from components.snapshot.bigquery_errors import bigquery_errors

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
