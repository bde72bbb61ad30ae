"""The source table: whether it is as model.toml says, and which partitions are its history.

Not those after today, and not single ones far from all others: one wrong date would move every window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median

from google.cloud import bigquery

from components.cloud import Cloud
from components.errors import SourceError
from components.google import quoted, table_name
from components.model.folder import Model
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.document import LOADING, field_type
from components.snapshot.partitions import PARTITION_TYPES, PARTITION_UNITS, current_time, days_condition, is_view
from components.snapshot.views.behind import require_days

LOAD = "load it first (`perennial seed MODEL` for the examples' data)"
AHEAD_OF_UTC = timedelta(hours=14)
"""It is today somewhere: the time zone that is furthest ahead."""
LAST_MONTH = date.max.replace(day=1)
"""No month comes after it."""
LEAST_GAP = timedelta(days=30)
GAP_FACTOR = 4
"""A gap is unusual if it is longer than LEAST_GAP and than so many times the usual distance of two partitions."""
LEAST_GROUP = 7
"""Fewer partitions than this, beyond an unusual gap, are stray."""
NULL = "__NULL__"
"""BigQuery's partition of the rows without a date."""
UNPARTITIONED = "__UNPARTITIONED__"
"""BigQuery's partition of the rows that are in its streaming buffer."""


@dataclass(frozen=True)
class History:
    """The partitions of a table that a window may use."""

    first: date
    last: date
    """The default of `--through`."""
    latest: date
    """The last partition that `--through` may name: of today or before, stray or not."""
    stray: tuple[date, ...] = ()
    """Up to today, but few, and far from all others: most likely wrong dates."""
    future: tuple[date, ...] = ()
    """After today in every time zone."""
    has_undated: bool = False
    """Whether there are rows without a date."""

    @classmethod
    def of(cls, days: Sequence[date], *, today: date, has_undated: bool = False) -> "History":
        """Leave out the days after today, and groups of a few days that an unusual gap separates from all others.

        A gap is usual if another like it lies between two larger groups: a table may rest each summer.

        Args:
            days: ascending, the first of them not after today.
            today: the last day that can be real.
            has_undated: whether there are rows without a date.
        """
        known = [day for day in days if day <= today]
        groups = _groups(known)
        rests = [later[0] - earlier[-1] for earlier, later in pairwise(groups) if min(len(earlier), len(later)) >= LEAST_GROUP]
        longest = max(rests, default=timedelta(0))
        kept = groups
        if max(map(len, groups)) >= LEAST_GROUP:
            while len(kept[-1]) < LEAST_GROUP and kept[-1][0] - kept[-2][-1] > longest:
                kept = kept[:-1]
            while len(kept[0]) < LEAST_GROUP and kept[1][0] - kept[0][-1] > longest:
                kept = kept[1:]
        first, last = kept[0][0], kept[-1][-1]
        return cls(
            first=first,
            last=last,
            latest=known[-1],
            stray=tuple(day for day in known if not first <= day <= last),
            future=tuple(day for day in days if day > today),
            has_undated=has_undated,
        )


def read_source_table(cloud: Cloud, model: Model) -> bigquery.Table:
    """Read the description of the source table.

    Raises:
        SourceError: it does not exist, or is not partitioned by day, hour or month on the model's partition field; of a view: what it
            reads is not partitioned at all.
        AccessError: BigQuery refuses or does not answer.
    """
    name = f"{cloud.settings.project}.{model.source.table}"
    with bigquery_errors(cloud.settings, f"source table {name} of model {model.name!r}", remedy=LOAD):
        table = cloud.warehouse.get_table(name, timeout=30)
    field, by_time = model.source.partition_field, table.time_partitioning
    if is_view(table):
        require_days(cloud, table, field)
        return table
    if by_time is not None and by_time.field is None and field in LOADING and by_time.type_ in LOADING[field][1]:
        return table
    if by_time is not None and by_time.field is not None and by_time.type_ in PARTITION_UNITS:
        column = _column(table, by_time.field)
        if column.name == field:
            return table
        if column.name.casefold() == field.casefold():
            raise SourceError(f"model.toml of {model.name!r} writes {field!r} in another case than table {name} does: write it alike")
    wanted = f"partitioned by {', '.join(PARTITION_UNITS[:-1])} or {PARTITION_UNITS[-1]} on its column {field!r}"
    raise SourceError(f"table {name} is {_partitioning(table)}; {model.name} needs it {wanted}: {_way_out(table, field)}")


def _column(table: bigquery.Table, name: str) -> bigquery.SchemaField:
    return next(field for field in table.schema if field.name.casefold() == name.casefold())


def _partitioning(table: bigquery.Table) -> str:
    by_time = table.time_partitioning
    if by_time is None:
        return "without partitioning by day"
    if by_time.field is None:
        return f"partitioned by {by_time.type_} of its loading"
    column = _column(table, by_time.field)
    return f"partitioned by {by_time.type_} on the {column.field_type} column {column.name!r}"


def _way_out(table: bigquery.Table, field: str) -> str:
    """What to do about a table whose days cannot be pinned."""
    by_time, types = table.time_partitioning, {column.name: column.field_type for column in table.schema}
    if by_time is not None and by_time.field is not None and by_time.type_ in PARTITION_UNITS:
        return f"name {by_time.field!r} as source.partition_field in model.toml"
    if field in types and types[field] in PARTITION_TYPES:
        return _copy_statement(table, f"`{field}`" if types[field] == "DATE" else f"DATE(`{field}`)")
    if by_time is not None and by_time.field is None:
        able = next((name for name, (_, units) in LOADING.items() if by_time.type_ in units), None)
        if able:
            return f"name {able!r} as source.partition_field in model.toml"
        return "BigQuery keeps only the month or year of its rows: load them by day from now on, into another table"
    return (
        f"name a column of the type {', '.join(PARTITION_TYPES[:-1])} or {PARTITION_TYPES[-1]} in model.toml, and partition the table on it"
    )


def _copy_statement(table: bigquery.Table, day: str, columns: str = "*") -> str:
    """What copies a table into one that is partitioned by day, as an instruction."""
    words = ("copy it with CREATE TABLE dataset.copy PARTITION BY", day, "AS SELECT", columns, "FROM", quoted(table_name(table)))
    return " ".join(words)


def read_history(cloud: Cloud, table: bigquery.Table, field: str) -> History:
    """The history of a source table, by BigQuery's list of its partitions and its clock; of a view, by the days of its rows.

    Args:
        cloud: the services.
        table: its description.
        field: the column that tells the day.

    Raises:
        SourceError: the table has no partition of today or before.
        AccessError: BigQuery refuses or does not answer.
    """
    if is_view(table):
        return read_days_of_view(cloud, table, field)[0]
    name = table_name(table)
    with bigquery_errors(cloud.settings, f"partitions of {name}", remedy="load the table again"):
        identifiers = cloud.warehouse.list_partitions(table, timeout=60)
        today = (current_time(cloud.warehouse) + AHEAD_OF_UTC).date()
        days = _days(cloud, table, sorted(identifier for identifier in identifiers if identifier.isdigit()))
    return _history(name, days, identifiers, today)


def read_days_of_view(cloud: Cloud, view: bigquery.Table, field: str) -> tuple[History, dict[date, int]]:
    """The history of a view, and the rows of each day that has some.

    Raises:
        SourceError: the view has no rows of today or before.
        AccessError: BigQuery refuses or does not answer.
    """
    with bigquery_errors(cloud.settings, f"days of {table_name(view)}", remedy="mend the view's query"):
        counted = _count(cloud, view, field, f"DATE '{date.min}'", None, undated=True)
        today = (current_time(cloud.warehouse) + AHEAD_OF_UTC).date()
    rows = {day: count for day, count in counted.items() if day}
    return _history(table_name(view), [*rows], [] if len(rows) == len(counted) else [NULL], today), rows


def _history(name: str, days: Sequence[date], identifiers: Sequence[str], today: date) -> History:
    if not days and NULL in identifiers:
        raise SourceError(f"table {name} has rows, but none has a date in its partition field: fill it where the data are prepared")
    if not days and UNPARTITIONED in identifiers:
        raise SourceError(f"all rows of table {name} are in BigQuery's streaming buffer still: try again in an hour and a half")
    if not days:
        raise SourceError(f"table {name} has no partitions: {LOAD}")
    if days[0] > today:
        raise SourceError(
            f"table {name} has only partitions after today, {days[0]} to {days[-1]}: correct the dates where the data are made"
        )
    return History.of(days, today=today, has_undated=NULL in identifiers)


def _days(cloud: Cloud, table: bigquery.Table, identifiers: Sequence[str]) -> list[date]:
    """The days that partitions are of, ascending; those of months are asked for, since a month may lack some."""
    if not identifiers or table.time_partitioning.type_ != "MONTH":
        return sorted({_day(identifier) for identifier in identifiers})
    return [*days_of_months(cloud, table, identifiers)]


def days_of_months(cloud: Cloud, table: bigquery.Table, identifiers: Sequence[str]) -> dict[date, int]:
    """The rows of each day that has some, by day, of a table that is partitioned by month. Errors of BigQuery's client are not translated.

    Args:
        cloud: the services.
        table: which.
        identifiers: of its partitions, ascending, such as 202612.
    """
    first, last = _day(f"{identifiers[0]}01"), _day(f"{identifiers[-1]}01")
    after = f"DATE '{(last + timedelta(days=31)).replace(day=1)}'" if last < LAST_MONTH else None
    return _count(cloud, table, _column(table, table.time_partitioning.field).name, f"DATE '{first}'", after)


def count_days(cloud: Cloud, table: bigquery.Table, field: str, first: date) -> dict[date, int]:
    """The rows of each day that has some, from one on, by day, of a table that is partitioned on a field.

    Raises:
        SourceError: BigQuery cannot count them.
        AccessError: BigQuery refuses or does not answer.
    """
    with bigquery_errors(cloud.settings, f"days of {table_name(table)}", remedy=LOAD):
        return _count(cloud, table, field, f"DATE '{first}'", None)


def _count(cloud: Cloud, table: bigquery.Table, field: str, first: str, after: str | None, *, undated: bool = False) -> dict[date, int]:
    """The rows of each day; those without a date under None, if they are asked for. A table may require the condition on its days."""
    query = _days_query(table, field, first, after, undated=undated)
    config = bigquery.QueryJobConfig(maximum_bytes_billed=cloud.settings.maximum_bytes_billed)
    return {row.day: int(row.row_count) for row in cloud.warehouse.query(query, config).result(timeout=600)}


def days_of_view_bytes(client: bigquery.Client, view: bigquery.Table, field: str) -> int:
    """How many bytes `read_days_of_view` would read. Errors of BigQuery's client are not translated."""
    query = _days_query(view, field, f"DATE '{date.min}'", None, undated=True)
    job = client.query(query, bigquery.QueryJobConfig(dry_run=True, use_query_cache=False), timeout=60)
    return job.total_bytes_processed or 0


def _days_query(table: bigquery.Table, field: str, first: str, after: str | None, *, undated: bool) -> str:
    kind = field_type(field, {column.name: column.field_type for column in table.schema})
    return (
        (Path(__file__).parent / "days.sql")
        .read_text()
        .format(
            day=f"`{field}`" if kind == "DATE" else f"DATE(`{field}`)",
            table=quoted(table_name(table)),
            condition=days_condition(field, kind, first, after) + (f" OR `{field}` IS NULL" if undated else ""),
        )
    )


def _day(identifier: str) -> date:
    return date(int(identifier[:4]), int(identifier[4:6]), int(identifier[6:8]))


def _groups(days: Sequence[date]) -> list[list[date]]:
    """The days between unusual gaps."""
    distances = [later - earlier for earlier, later in pairwise(days)]
    usual = max(LEAST_GAP, timedelta(days=GAP_FACTOR * median(distance.days for distance in distances))) if distances else LEAST_GAP
    groups = [[days[0]]]
    for day, distance in zip(days[1:], distances, strict=True):
        if distance > usual:
            groups.append([])
        groups[-1].append(day)
    return groups


def count_undated(cloud: Cloud, table: bigquery.Table, field: str) -> int:
    """How many rows of a source table have no date in a field, so that no window ever has them.

    Raises:
        AccessError: BigQuery refuses or does not answer.
    """
    sql = (Path(__file__).parent / "undated.sql").read_text()
    config = bigquery.QueryJobConfig(maximum_bytes_billed=cloud.settings.maximum_bytes_billed)
    with bigquery_errors(cloud.settings, f"rows of {table_name(table)} without a date", remedy="run the same command again"):
        query = sql.format(table=quoted(table_name(table)), partition_field=f"`{field}`")
        (count,) = next(iter(cloud.warehouse.query(query, config).result(timeout=600)))
    return int(count)
