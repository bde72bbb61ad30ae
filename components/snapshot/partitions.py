"""Let BigQuery compute the number of rows and a checksum of each day of a table."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from google.cloud import bigquery

from components.google import quoted, table_name
from components.settings import Settings
from components.snapshot.document import LOADING, Partition, field_type

PARTITION_TYPES = ("DATE", "DATETIME", "TIMESTAMP")
"""Of the columns that a table may be partitioned on. A day of a TIMESTAMP is one of UTC, as its partitions are."""
PARTITION_UNITS = ("DAY", "HOUR", "MONTH")


def is_view(table: bigquery.Table) -> bool:
    """Whether it is a view, of which BigQuery keeps neither rows nor a past."""
    return table.table_type in ("VIEW", "MATERIALIZED_VIEW")


def days_condition(field: str, kind: str, first: str, after: str | None) -> str:
    """That a row is of the days from one up to another, which is excluded; days as SQL. BigQuery prunes partitions by such a range.

    Args:
        field: that the table is partitioned on.
        kind: its type.
        first: the first day, a DATE.
        after: the day after the last one; None where there is no last one.
    """
    bounds = ((sign, day) for sign, day in ((">=", first), ("<", after)) if day is not None)
    return " AND ".join(f"`{field}` {sign} {day if kind == 'DATE' else f'{kind}({day})'}" for sign, day in bounds)


@dataclass(frozen=True)
class PartitionRange:
    """Days of a table, the first and the last included. A day is a partition of it, or 24 of them."""

    table: str
    """project.dataset.table"""
    field: str
    first: date
    last: date
    columns: tuple[str, ...]
    """The names of all columns of the table."""
    without: tuple[str, ...] = ()
    """Columns that the checksums leave out."""
    kind: str = "DATE"
    """BigQuery's type of the field: one of PARTITION_TYPES."""
    is_view: bool = False
    """Whether it can only be read as it is now."""

    @classmethod
    def of(cls, table: bigquery.Table, field: str, days: tuple[date, date], *, without: tuple[str, ...] = ()) -> "PartitionRange":
        """The days, the first and the last one, of a table that has been described."""
        types = {column.name: column.field_type for column in table.schema}
        return cls(table_name(table), field, *days, tuple(types), without=without, kind=field_type(field, types), is_view=is_view(table))

    @property
    def query(self) -> str:
        """The query of partitions.sql over this range."""
        sql = (Path(__file__).parent / "partitions.sql").read_text()
        left_out = ", ".join(f"`{column}`" for column in self.without)
        columns, field, row = f"* EXCEPT ({left_out})" if left_out else "*", self.field, self._free_name("row_of_table")
        if field in LOADING:
            field = self._free_name("time_of_loading")
            columns += f", `{self.field}` AS `{field}`"
        return sql.format(
            row=f"`{row}`",
            table=quoted(self.table),
            as_of="" if self.is_view else "FOR SYSTEM_TIME AS OF @as_of",
            day=f"`{row}`.`{field}`" if self.kind == "DATE" else f"DATE(`{row}`.`{field}`)",
            condition=days_condition(self.field, self.kind, "@first_partition", "DATE_ADD(@last_partition, INTERVAL 1 DAY)"),
            columns=columns,
        )

    def _free_name(self, name: str) -> str:
        """A name that no column has, whatever the case of its letters."""
        taken = {column.casefold() for column in self.columns}
        while name in taken:
            name += "_"
        return name


def current_time(client: bigquery.Client) -> datetime:
    """BigQuery's clock in whole milliseconds, the unit of table decorators."""
    now: datetime
    (now,) = next(iter(client.query("SELECT CURRENT_TIMESTAMP()").result(timeout=60)))
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def read_partitions(client: bigquery.Client, settings: Settings, wanted: PartitionRange, as_of: datetime) -> tuple[Partition, ...]:
    """The partitions that have rows, as they were at `as_of`, by day. Errors of BigQuery's client are not translated."""
    config = bigquery.QueryJobConfig(query_parameters=_parameters(wanted, as_of), maximum_bytes_billed=settings.maximum_bytes_billed)
    rows = client.query(wanted.query, config).result(timeout=600)
    return tuple(
        Partition(row.day, row.row_count, f"{row.fingerprints_xor % 2**64:016x}{row.fingerprints_sum % 2**64:016x}") for row in rows
    )


def partitions_bytes(client: bigquery.Client, wanted: PartitionRange) -> int:
    """How many bytes `read_partitions` would read. Errors of BigQuery's client are not translated."""
    config = bigquery.QueryJobConfig(query_parameters=_parameters(wanted, current_time(client)), dry_run=True, use_query_cache=False)
    return client.query(wanted.query, config, timeout=60).total_bytes_processed or 0


def _parameters(wanted: PartitionRange, as_of: datetime) -> list[bigquery.ArrayQueryParameter | bigquery.ScalarQueryParameter]:
    return [
        bigquery.ScalarQueryParameter("as_of", "TIMESTAMP", as_of),
        bigquery.ScalarQueryParameter("first_partition", "DATE", wanted.first),
        bigquery.ScalarQueryParameter("last_partition", "DATE", wanted.last),
    ]
