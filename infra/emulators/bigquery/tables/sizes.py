"""How many bytes BigQuery would count for a table, by partition and column, and so what a query would be billed for."""

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
from local_bigquery.catalog import tables
from local_bigquery.engine import database
from local_bigquery.engine.database import quote

from bigquery.tables import partitions, versions
from bigquery.tables.partitions import Partitioning, Reference, Unit
from bigquery.tables.versions import Version

WIDTHS = {"boolean": 1, "interval": 16}
"""Bytes of a value, by DuckDB's name of the type; 8 where it is not listed (cloud.google.com/bigquery/pricing#data)."""


@dataclass(frozen=True)
class Measured:
    """Rows and bytes of one partition, or of a whole table that has none (`id` is None then)."""

    id: str | None
    rows: int
    column_bytes: dict[str, int]

    @property
    def bytes(self) -> int:
        """Of all columns."""
        return sum(self.column_bytes.values())


def measure(reference: Reference, condition: str = "true") -> tuple[Measured, ...]:
    """Rows and bytes of each partition as the table is now, of those rows for which a DuckDB condition holds; nothing for a view."""
    version = versions.version(reference)
    return _measure(reference, partitions.of_table(reference), version, condition) if version and version.has_files else ()


@functools.lru_cache(maxsize=256)
def _measure(reference: Reference, partitioning: Partitioning | None, version: Version, condition: str) -> tuple[Measured, ...]:
    """Scans the table, once for each of its states: that is what `version` is for."""
    name = tables.name(*reference)
    with database.cursor() as cursor:
        relation = cursor.sql(f"SELECT * FROM {name} LIMIT 0")
        kinds = {c: t for c, t in zip(relation.columns, relation.types, strict=True) if c != tables.INGESTION_TIME}
        sizes = ", ".join(f"coalesce(sum({_size(quote(c), t)}), 0)" for c, t in kinds.items())
        partition_id = partitioning.id_of_row() if partitioning else "NULL"
        query = f"SELECT {partition_id}, count(*), [{sizes}] FROM {name} WHERE {condition} GROUP BY 1 ORDER BY 1"
        rows = cursor.execute(query).fetchall()
    return tuple(Measured(i, n, dict(zip(kinds, map(int, b), strict=True))) for i, n, b in rows)


def _size(value: str, kind: Any) -> str:
    """A DuckDB expression: the logical bytes of one value of a DuckDB type. NULL has none."""
    match kind.id:
        case "varchar":
            size = f"2 + strlen({value})"
        case "blob":
            size = f"2 + octet_length({value})"
        case "decimal":
            size = "16" if kind.children[1][1] <= 9 else "32"
        case "list" | "array":
            size = f"list_sum(list_transform({value}, lambda item: {_size('item', kind.children[0][1])}))"
        case "struct":
            size = " + ".join(_size(f"{value}.{quote(name)}", child) for name, child in kind.children)
        case other:
            size = str(WIDTHS.get(other, 8))
    return f"CASE WHEN {value} IS NULL THEN 0 ELSE {size} END"


def read_by_query(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, object], read: set[Reference]) -> int:
    """Bytes that a query of DuckDB would read: the columns it scans, in the partitions that its filters leave.

    Args:
        cursor: where the query will run.
        sql: the query in DuckDB's SQL.
        parameters: values of its parameters.
        read: the tables that it names.
    """
    if not read:
        return 0
    plan = json.loads(cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters).fetchall()[0][1])
    by_name = {table.casefold(): (project, dataset, table) for project, dataset, table in read}
    return sum(_scanned_bytes(scan, by_name[name]) for scan in _scans(plan) if (name := scan["Table"].casefold()) in by_name)


def _scans(plan: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in plan:
        if node["name"].strip() == "DUCKLAKE_SCAN":
            yield node["extra_info"]
        yield from _scans(node["children"])


def _scanned_bytes(scan: dict[str, Any], reference: Reference) -> int:
    filters = [text.removeprefix("optional: ") for text in _listed(scan.get("Filters"))]
    wanted = {column.casefold() for column in _listed(scan.get("Projections"))}
    measured = measure(reference)
    read = _read_partitions(reference, filters, measured)
    return sum(
        size
        for partition in measured
        if read is None or partition.id in read
        for column, size in partition.column_bytes.items()
        if column.casefold() in wanted or any(_mentions(text, column) for text in filters)
    )


def _read_partitions(reference: Reference, filters: list[str], measured: tuple[Measured, ...]) -> set[str] | None:
    """Ids of the partitions in which some row passes the filters on the partitioning column; None means all."""
    partitioning = partitions.of_table(reference)
    if partitioning is None:
        return None
    pruning = [f"({text})" for text in filters if _mentions(text, partitioning.field)]
    if not pruning:
        return None
    query = f"SELECT DISTINCT {partitioning.id_of_row()} FROM {_values(reference, partitioning, measured)} WHERE {' AND '.join(pruning)}"
    try:
        return {partition_id for (partition_id,) in database.fetch(query)}
    except duckdb.Error:  # a plan may show a filter that is no SQL, such as the one a join makes up as it runs
        return None


def _values(reference: Reference, partitioning: Partitioning, measured: tuple[Measured, ...]) -> str:
    """Where the values of the partitioning column are. One day a partition, the partitions' ids tell, and no row need be read."""
    by_day = any(field.name == partitioning.field and field.type == "DATE" for field in tables.columns(*reference))
    if not by_day or partitioning.unit is not Unit.DAY:
        return str(tables.name(*reference))
    ids = [partition.id for partition in measured]
    return f"(SELECT CAST(try_strptime(id, '%Y%m%d') AS DATE) AS {quote(partitioning.field)} FROM unnest({ids}) AS partition(id))"


def _mentions(text: str, column: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(column)}(?!\w)", text, re.IGNORECASE) is not None


def _listed(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []
