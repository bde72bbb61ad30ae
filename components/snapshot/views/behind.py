"""A view as a source: which tables are behind it, and whether its days can be pinned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from google.api_core.exceptions import Forbidden
from google.cloud import bigquery

from components.cloud import Cloud
from components.errors import SourceError
from components.google import quoted, table_name
from components.snapshot.bigquery_errors import LIMITS, bigquery_errors
from components.snapshot.document import field_type
from components.snapshot.partitions import PARTITION_TYPES, days_condition
from components.snapshot.views.rows import rows_query

SOME_DAY, NEXT_DAY = "DATE '2000-01-01'", "DATE '2000-01-02'"
"""A day for a question that reads nothing."""
STORED = ("TABLE", "SNAPSHOT")
"""Types of tables whose rows BigQuery keeps."""


@dataclass(frozen=True)
class _Behind:
    """What a view reads; views among them aside, whose tables BigQuery names too."""

    tables: tuple[bigquery.Table, ...]
    shards: tuple[str, ...]
    """Patterns of tables that have the day in their names, such as `events_*`."""
    hidden: tuple[str, ...]
    """Tables that the account may read by the view only, so that nothing is known of them."""


def require_days(cloud: Cloud, view: bigquery.Table, field: str) -> None:
    """Refuse a view whose days cannot be pinned. Its description gets the columns that it has now.

    Args:
        cloud: the services.
        view: its description.
        field: the column that tells the day of a row.

    Raises:
        SourceError: the view has no such column of a day, is materialised, or nothing that it reads is partitioned by time.
        AccessError: BigQuery refuses or does not answer.
    """
    name = table_name(view)
    if view.table_type != "VIEW":
        raise SourceError(f"{name} is a materialised view, of which no day can be pinned: name a plain view with the same query instead")
    _require_column(view, field)
    behind = _behind(cloud, view, field)
    _require_column(view, field)
    for table in behind.tables:
        if table.table_type not in STORED:
            raise SourceError(
                f"view {name} reads {table_name(table)}, which is {table.table_type}: BigQuery does not keep its rows, so that no day "
                f"can be pinned; load them into a table, and let the view read that"
            )
    if behind.hidden or any(table.time_partitioning for table in behind.tables):
        return
    if behind.shards:
        raise SourceError(
            f"view {name} reads {', '.join(behind.shards)}: tables with the day in their names have no partitions, so that no day of it "
            f"can be pinned; copy them into one table that is partitioned by day, and let the view read that"
        )
    read = ", ".join(table_name(table) for table in behind.tables) or "no table"
    way_out = _way_out(behind.tables)
    raise SourceError(f"view {name} reads {read}, without partitions by time, so that no day of it can be pinned: {way_out}")


def _require_column(view: bigquery.Table, field: str) -> None:
    types = {column.name: column.field_type for column in view.schema}
    if types.get(field) in PARTITION_TYPES:
        return
    days = [column for column, kind in types.items() if kind in PARTITION_TYPES]
    told = f"name {' or '.join(days)} instead" if days else "let it give one, such as the one that the table behind it is partitioned on"
    what = f"is {types[field]}" if field in types else "is no column of it"
    needed = f"needs a column of the type {', '.join(PARTITION_TYPES)} that tells the day"
    raise SourceError(f"view {table_name(view)} {needed}; {field!r} {what}: {told}")


def newest_change(cloud: Cloud, view: bigquery.Table, field: str) -> datetime:
    """When a table behind a view, or the view, was changed last: of no day of a view BigQuery knows it.

    Raises:
        SourceError: the view's query does not run any more.
        AccessError: BigQuery refuses or does not answer.
    """
    newest: datetime = max(table.modified for table in (view, *_behind(cloud, view, field).tables))
    return newest


def update_columns(client: bigquery.Client, view: bigquery.Table, field: str) -> list[bigquery.TableReference]:
    """Give a view's description the columns that it has now, since BigQuery's are those of when it was made. Returns what it reads.

    Errors of BigQuery's client are not translated.
    """
    kind = field_type(field, {column.name: column.field_type for column in view.schema})
    sql = rows_query(table_name(view), days_condition(field, kind, SOME_DAY, NEXT_DAY))
    job = client.query(sql, bigquery.QueryJobConfig(dry_run=True, use_query_cache=False), timeout=60)
    if job.schema:
        view.schema = job.schema
    return list(job.referenced_tables)


def _behind(cloud: Cloud, view: bigquery.Table, field: str) -> _Behind:
    """What BigQuery would read for a day of the view."""
    tables, shards, hidden = list[bigquery.Table](), list[str](), list[str]()
    with bigquery_errors(cloud.settings, f"view {table_name(view)}", remedy="mend the view's query"):
        for one in update_columns(cloud.warehouse, view, field):
            if one.table_id.endswith("*"):
                shards.append(table_name(one))
                continue
            try:
                tables.append(cloud.warehouse.get_table(one, timeout=60))
            except Forbidden as error:
                if any(detail.get("reason") in LIMITS for detail in error.errors):
                    raise
                hidden.append(table_name(one))
    return _Behind(tuple(table for table in tables if table.table_type != "VIEW"), tuple(shards), tuple(hidden))


def _way_out(tables: Sequence[bigquery.Table]) -> str:
    for table in tables:
        for column in table.schema:
            if column.field_type in PARTITION_TYPES:
                day = f"`{column.name}`" if column.field_type == "DATE" else f"DATE(`{column.name}`)"
                words = ("copy it with CREATE TABLE dataset.copy PARTITION BY", day, "AS SELECT * FROM", quoted(table_name(table)))
                return f"{' '.join(words)}, and let the view read the copy"
    return "let it read a table that is partitioned by day, hour or month"
