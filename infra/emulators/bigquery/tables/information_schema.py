"""INFORMATION_SCHEMA.PARTITIONS with the bytes and the change time of each partition, and only for the table that is asked for."""

import datetime as dt
import json

from local_bigquery.catalog import metadata, tables
from local_bigquery.models import Table
from local_bigquery.sql.rules import information_schema as original
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.tables import listing
from bigquery.tables.partitions import Reference

COLUMNS = {
    "table_catalog": "STRING",
    "table_schema": "STRING",
    "table_name": "STRING",
    "partition_id": "STRING",
    "total_rows": "INT64",
    "total_logical_bytes": "INT64",
    "total_billable_bytes": "INT64",
    "last_modified_time": "TIMESTAMP",
    "storage_tier": "STRING",
}

Cell = str | int | None


def partitions(tree: exp.Expression, context: Context) -> exp.Expression:
    """A rule of translation: put the rows of the view in its place."""
    for table in list(tree.find_all(exp.Table)):
        view, project, scope = original._view(table) or ("", None, None)
        if view != "PARTITIONS":
            continue
        dataset = None if scope and scope.lower().startswith("region-") else scope or context.dataset_id
        found = _tables(project or context.project_id, dataset, _wanted(table, context))
        alias = exp.TableAlias(this=exp.to_identifier(table.alias or "partitions"))
        table.replace(exp.Subquery(this=_view([row for one in found for row in _rows(one)]), alias=alias))
    return tree


def _wanted(view: exp.Table, context: Context) -> str | None:
    """The one table whose partitions the query asks for. A dataset may hold hundreds, and each takes a look at its rows."""
    select = view.find_ancestor(exp.Select)
    where = select and select.args.get("where")
    for term in where.this.flatten() if where and isinstance(where.this, exp.And) else [where.this] if where else []:
        if isinstance(term, exp.EQ) and isinstance(term.this, exp.Column) and term.this.name.casefold() == "table_name":
            given = term.expression
            if isinstance(given, exp.Parameter):
                given = exp.maybe_parse(context.parameters.get(given.name, "NULL"), dialect="duckdb").find(exp.Literal)
            return given.name if isinstance(given, exp.Literal) else None
    return None


def _tables(project: str, dataset: str | None, wanted: str | None) -> list[Table]:
    if dataset and wanted:
        return metadata.existing(tables.load, [(project, dataset, wanted)])
    return original._tables(project, dataset)


def _rows(table: Table) -> list[list[Cell]]:
    """A table without partitions is one row whose partition_id is NULL; a view is none."""
    reference: Reference = tuple(original._identity(table))
    if table.type == "VIEW":
        return []
    if not table.timePartitioning:
        return [_row(reference, None, int(table.numRows), int(table.numBytes), int(table.lastModifiedTime))]
    return [_row(reference, m.id, m.rows, m.bytes, times.modified_ms) for m, times in listing.partition_facts(reference)]


def _row(reference: Reference, partition_id: str | None, rows: int, size: int, modified_ms: int) -> list[Cell]:
    modified = dt.datetime.fromtimestamp(modified_ms / 1000, dt.UTC).isoformat()
    return [*reference, partition_id, rows, size, size, modified, "ACTIVE"]


def _view(rows: list[list[Cell]]) -> exp.Select:
    """A query with these rows as one literal: an expression for each of thousands of cells takes a second to translate."""
    document = exp.Literal.string(json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows])).sql("duckdb")
    shape = exp.Literal.string(json.dumps([dict.fromkeys(COLUMNS, "VARCHAR")])).sql("duckdb")
    source: exp.Select = exp.maybe_parse(f"SELECT unnest(from_json({document}, {shape}), recursive := true)", dialect="duckdb")
    casts = (exp.alias_(exp.cast(exp.column(name), kind, dialect="bigquery"), name) for name, kind in COLUMNS.items())
    return exp.select(*casts).from_(source.subquery("v"))
