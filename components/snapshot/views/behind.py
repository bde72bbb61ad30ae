"""A view as a source: which tables are behind it, and whether its days can be pinned."""

from datetime import datetime

from google.cloud import bigquery

from components.cloud import Cloud
from components.errors import SourceError
from components.google import quoted, table_name
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.document import field_type
from components.snapshot.partitions import PARTITION_TYPES, days_condition
from components.snapshot.views.rows import rows_query

SOME_DAY, NEXT_DAY = "DATE '2000-01-01'", "DATE '2000-01-02'"
"""A day for a question that reads nothing."""
STORED = ("TABLE", "SNAPSHOT")
"""Types of tables whose rows BigQuery keeps."""


def require_days(cloud: Cloud, view: bigquery.Table, field: str) -> None:
    """Refuse a view whose days cannot be pinned.

    Args:
        cloud: the services.
        view: its description.
        field: the column that tells the day of a row.

    Raises:
        SourceError: the view has no such column of a day, or nothing that it reads is partitioned by time.
        AccessError: BigQuery refuses or does not answer.
    """
    name, types = table_name(view), {column.name: column.field_type for column in view.schema}
    if types.get(field) not in PARTITION_TYPES:
        days = [column for column, kind in types.items() if kind in PARTITION_TYPES]
        told = (
            f"name {' or '.join(days)} instead" if days else "let it give one, such as the one that the table behind it is partitioned on"
        )
        what = f"is {types[field]}" if field in types else "is no column of it"
        raise SourceError(
            f"view {name} needs a column of the type {', '.join(PARTITION_TYPES)} that tells the day; {field!r} {what}: {told}"
        )
    tables = _tables_behind(cloud, view, field)
    for table in tables:
        if table.table_type not in STORED:
            raise SourceError(
                f"view {name} reads {table_name(table)}, which is {table.table_type}: BigQuery does not keep its rows, so that no day "
                f"can be pinned; load them into a table, and let the view read that"
            )
    if not any(table.time_partitioning for table in tables):
        read = ", ".join(table_name(table) for table in tables) or "no table"
        raise SourceError(f"view {name} reads {read}, without partitions by time, so that no day of it can be pinned: {_way_out(tables)}")


def newest_change(cloud: Cloud, view: bigquery.Table, field: str) -> datetime:
    """When a table behind a view, or the view, was changed last: of no day of a view BigQuery knows it.

    Raises:
        SourceError: the view's query does not run any more.
        AccessError: BigQuery refuses or does not answer.
    """
    newest: datetime = max(table.modified for table in (view, *_tables_behind(cloud, view, field)))
    return newest


def _tables_behind(cloud: Cloud, view: bigquery.Table, field: str) -> list[bigquery.Table]:
    """The tables that BigQuery would read for a day of the view; views among them aside, whose tables it names too."""
    name = table_name(view)
    kind = field_type(field, {column.name: column.field_type for column in view.schema})
    sql = rows_query(name, days_condition(field, kind, SOME_DAY, NEXT_DAY))
    with bigquery_errors(cloud.settings, f"view {name}", remedy="mend the view's query"):
        job = cloud.warehouse.query(sql, bigquery.QueryJobConfig(dry_run=True, use_query_cache=False), timeout=60)
        found = [cloud.warehouse.get_table(one, timeout=60) for one in job.referenced_tables]
    return [table for table in found if table.table_type != "VIEW"]


def _way_out(tables: list[bigquery.Table]) -> str:
    for table in tables:
        for column in table.schema:
            if column.field_type in PARTITION_TYPES:
                day = f"`{column.name}`" if column.field_type == "DATE" else f"DATE(`{column.name}`)"
                words = ("copy it with CREATE TABLE dataset.copy PARTITION BY", day, "AS SELECT * FROM", quoted(table_name(table)))
                return f"{' '.join(words)}, and let the view read the copy"
    return "let it read a table that is partitioned by day, hour or month"
