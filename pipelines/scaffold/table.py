"""Look at a table that somebody wants to train on: its partitions, its columns, and a sample of its newest rows."""

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import pyarrow as pa
from google.cloud import bigquery
from pydantic import TypeAdapter, ValidationError

from components.cloud import Cloud
from components.errors import SourceError
from components.google import quoted, table_name
from components.model.sections import DatasetTable
from components.snapshot.arrow_stream import stream_table
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.document import LOADING, field_type
from components.snapshot.partitions import PARTITION_TYPES, PARTITION_UNITS, days_condition, is_view
from components.snapshot.source import read_history
from components.snapshot.views.behind import require_days

SAMPLE_DAYS, MOST_DAYS = 120, 6 * 366
"""How many of the newest days are looked at; and where they have few rows, or weeks without any."""
FEW_ROWS = 3_000
SAMPLE_ROWS = 200_000
LEAST_THINNED = SAMPLE_ROWS // 3
"""A sample of more rows may be one of a share of the keys."""
WEEK = NEWEST_DAYS = 7
WHOLE_DAYS, WHOLE_FACTOR = 14, 3
"""The newest day is not whole if it has so many times fewer rows than each of so many days before."""
SPAN = "as_of"
"""The span's name in source.sql's rows."""
TIME_OF_LOADING = "time of loading of the row"
"""The name of the pseudo column in the sample: BigQuery lets no result have its own."""
KEY_TYPES = ("INTEGER", "INT64", "STRING", "DATE", "DATETIME", "TIMESTAMP")
"""Of columns that may be a key or a part of one: each value has one text."""
READABLE = (
    *("INTEGER", "INT64", "FLOAT", "FLOAT64", "NUMERIC", "BIGNUMERIC", "BOOLEAN", "BOOL"),
    *("STRING", "DATE", "DATETIME", "TIMESTAMP", "TIME"),
)
"""The types that a feature, a key or a label can be made of."""


@dataclass(frozen=True)
class SourceTable:
    """What is known of the table."""

    name: str
    """DATASET.TABLE"""
    partition_field: str
    columns: dict[str, str]
    """BigQuery's type by column; ARRAY for a repeated one."""
    days: tuple[date, ...]
    """The days of the sample that have rows, ascending."""
    rows: pa.Table
    """A sample of the rows of those days, by partition. The partition field is there as its day, a DATE."""
    moments: pa.ChunkedArray | None = None
    """The partition field of those rows as it is; None if it is a DATE."""
    newest: pa.Table | None = None
    """Rows of the newest week, where `rows` has only a share of the keys, so that fewer rows of a day share a value than there are."""

    @property
    def partition_type(self) -> str:
        """BigQuery's type of the partition field."""
        return field_type(self.partition_field, self.columns)

    @property
    def unthinned(self) -> pa.Table:
        """Rows whose days are whole, as far as that is known."""
        return self.rows if self.newest is None else self.newest

    @property
    def last_whole(self) -> date | None:
        """The day before the newest one, if that is not whole yet, as a day of UTC of rows by local time; else None."""
        counts = Counter(self.rows.column(self.partition_field).to_pylist())
        before = [counts[day] for day in self.days[-1 - WHOLE_DAYS : -1]]
        is_part = len(before) == WHOLE_DAYS and WHOLE_FACTOR * counts[self.days[-1]] < min(before)
        return self.days[-2] if is_part else None

    @property
    def span_name(self) -> str:
        """What source.sql calls a span: as no column is called."""
        return SPAN if SPAN not in map(str.casefold, self.columns) else f"{SPAN}_span"

    @property
    def day_sql(self) -> str:
        """The day that the table's row `t` is of."""
        field = f"t.`{self.partition_field}`"
        return field if self.partition_type == "DATE" else f"DATE({field})"

    @property
    def longest_gap(self) -> int:
        """The most days from one with rows to the next: 1 if every day has some."""
        return max(((later - earlier).days for earlier, later in pairwise(self.days)), default=1)

    @property
    def rows_a_day(self) -> float:
        """Of all days from the first to the last, those without rows included."""
        return float(self.rows.num_rows / ((self.days[-1] - self.days[0]).days + 1))


def look_at_table(cloud: Cloud, name: str, *, key: Sequence[str], partition_field: str | None, through: date | None = None) -> SourceTable:
    """Describe a table and read a sample of its newest days.

    Args:
        cloud: the services.
        name: DATASET.TABLE in the project of the settings.
        key: the columns of the key. A large table is sampled by the values of the first one.
        partition_field: the field that the caller takes it to be partitioned on; None means whichever it is.
        through: the last day to look at; None means the newest one.

    Raises:
        SourceError: the table does not exist, has no rows, or is not partitioned by day, hour or month on a column.
        AccessError: BigQuery refuses or does not answer.
    """
    _require_name(name, cloud.settings.project)
    full = f"{cloud.settings.project}.{name}"
    if not key:
        raise SourceError("--key names no column: give the column that tells rows of a day apart, or several, --key A,B")
    with bigquery_errors(cloud.settings, f"table {full}", remedy="give --table DATASET.TABLE of a table that exists"):
        table = cloud.warehouse.get_table(full, timeout=30)
    field = _partition_field(table, partition_field)
    if is_view(table):
        require_days(cloud, table, field)
    columns = {column.name: "ARRAY" if column.mode == "REPEATED" else column.field_type for column in table.schema}
    for column in key:
        require_column(full, columns, column, option="--key")
        require_key_type(columns, column)
    history = read_history(cloud, table, field)
    last = min(history.last, through or history.last)
    found = [max(history.first, last - timedelta(days=days - 1)) for days in (SAMPLE_DAYS, MOST_DAYS)]
    seen = _looked_at(cloud, table, columns, field, key[0], (found[0], last))
    is_sparse = seen.rows.num_rows < FEW_ROWS or seen.longest_gap > WEEK
    return _looked_at(cloud, table, columns, field, key[0], (found[1], last)) if is_sparse and found[1] < found[0] else seen


def _looked_at(cloud: Cloud, table: bigquery.Table, columns: dict[str, str], field: str, key: str, days: tuple[date, date]) -> SourceTable:
    """The table with a sample of the days from the first to the last."""
    rows, week = _sample(cloud, table, field, key, days), (max(days[0], days[1] - timedelta(days=NEWEST_DAYS - 1)), days[1])
    newest = _by_day(_sample(cloud, table, field, key, week), field) if rows.num_rows > LEAST_THINNED else None
    moments, rows = rows.column(field), _by_day(rows, field)
    there = sorted({day for day in rows.column(field).to_pylist() if day is not None})
    if not there:
        raise SourceError(f"table {table_name(table)} has no rows from {days[0]} to {days[1]}: load some, and name the table again")
    name = f"{table.dataset_id}.{table.table_id}"
    return SourceTable(name, field, columns, tuple(there), rows, None if pa.types.is_date(moments.type) else moments, newest)


def _require_name(name: str, project: str) -> None:
    try:
        TypeAdapter(DatasetTable).validate_python(name)
    except ValidationError as error:
        written = f"write DATASET.TABLE, without quotes and without the project, which is {project}"
        raise SourceError(f"--table {name!r} is no table of a dataset: {written}") from error


def _by_day(rows: pa.Table, field: str) -> pa.Table:
    """The rows with the day in place of the moment."""
    return rows.set_column(rows.column_names.index(field), field, rows.column(field).cast(pa.date32()))


def _partition_field(table: bigquery.Table, wanted: str | None) -> str:
    name, by_time = table_name(table), table.time_partitioning
    if is_view(table):
        return _day_of_view(table, wanted)
    dates = [column.name for column in table.schema if column.field_type == "DATE"]
    able = _fields(by_time)
    if not able:
        what = "is not partitioned by day, hour or month on a column, or by day or hour of loading, so that no day of it can be pinned"
        raise SourceError(f"table {name} {what}: copy it with {_copy(name, dates[0] if dates else 'DAY', '*')}")
    if wanted is not None and wanted not in able:
        raise SourceError(f"table {name} is partitioned on {able[0]!r}, not on {wanted!r}: leave --partition-field out")
    return wanted or able[0]


def _day_of_view(view: bigquery.Table, wanted: str | None) -> str:
    able = [column.name for column in view.schema if column.field_type in PARTITION_TYPES]
    if wanted is None and len(able) != 1:
        told = (
            f"name it, --partition-field {' or '.join(able)}"
            if able
            else "let the view give a column of type DATE, DATETIME or TIMESTAMP with the day of each row"
        )
        raise SourceError(f"which column of view {table_name(view)} tells the day of a row? {told}")
    return wanted or able[0]


def _fields(by_time: bigquery.TimePartitioning | None) -> list[str]:
    """The names by which source.partition_field may call what a table is partitioned on; none if its days cannot be pinned."""
    if by_time is None:
        return []
    if by_time.field is None:
        return [field for field, (_, units) in LOADING.items() if by_time.type_ in units]
    return [str(by_time.field)] if by_time.type_ in PARTITION_UNITS else []


def _copy(name: str, day: str, columns: str) -> str:
    """The statement that copies a table into one that is partitioned by day."""
    return " ".join(("CREATE TABLE dataset.copy PARTITION BY", day, "AS SELECT", columns, "FROM", f"`{name}`"))


def require_column(table: str, columns: Mapping[str, str], name: str, *, option: str) -> None:
    """Refuse a column that the table does not have.

    Raises:
        SourceError: there is none of that name; the text has the names that there are.
    """
    if name not in columns:
        near = [column for column in columns if column.casefold() == name.casefold()] or difflib.get_close_matches(name, columns, n=1)
        there = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(columns)}"
        raise SourceError(f"{option} {name!r} is no column of table {table}: {there}")


def require_key_type(columns: Mapping[str, str], name: str) -> None:
    """Refuse a column that can be no part of a key.

    Raises:
        SourceError: its values have no text of their own.
    """
    if columns[name] not in KEY_TYPES:
        raise SourceError(f"--key {name!r} is {columns[name]}: a key is INT64, STRING or a point in time, or several such columns")


def _sample(cloud: Cloud, table: bigquery.Table, field: str, key: str, days: tuple[date, date]) -> pa.Table:
    """Rows of the days, in the order of the partitions. Of a large table only so many: all those of a share of the keys."""
    name = quoted(table_name(table))
    kind = field_type(field, {column.name: column.field_type for column in table.schema})
    within = f"FROM {name} WHERE {days_condition(field, kind, '@first', 'DATE_ADD(@last, INTERVAL 1 DAY)')}"
    readable = [column.name for column in table.schema if column.mode != "REPEATED" and column.field_type in READABLE]
    loading = [f"`{field}` AS `{TIME_OF_LOADING}`"] if field in LOADING else []
    sql = f"""
        SELECT {", ".join([*(f"`{column}`" for column in readable), *loading])} {within}
          AND IFNULL(MOD(FARM_FINGERPRINT(CAST(`{key}` AS STRING)), (SELECT 1 + DIV(COUNT(*), {SAMPLE_ROWS}) {within})), 0) = 0
        ORDER BY `{field}`
    """
    parameters = [bigquery.ScalarQueryParameter(name, "DATE", day) for name, day in zip(("first", "last"), days, strict=True)]
    config = bigquery.QueryJobConfig(query_parameters=parameters, maximum_bytes_billed=cloud.settings.maximum_bytes_billed)
    with bigquery_errors(cloud.settings, f"rows of {table_name(table)}", remedy="look at the table"):
        job = cloud.warehouse.query(sql, config)
        job.result(timeout=600)
        batches = list(stream_table(cloud, table_name(job.destination)))
    rows = pa.Table.from_batches(batches) if batches else pa.table({field: pa.array([], pa.date32())})
    return rows.rename_columns([*rows.column_names[:-1], field]) if loading else rows
