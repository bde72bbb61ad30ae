"""Tables that are partitioned by when their rows are loaded: the pseudo columns _PARTITIONTIME and _PARTITIONDATE.

DuckDB keeps the time in a column of the table, which a query sees only where it names one of them, and `SELECT *` never.
"""

from collections.abc import Mapping

from local_bigquery.catalog.tables import INGESTION_TIME
from local_bigquery.sql.rules import partitions as local_ingestion
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.failures import not_supported
from bigquery.tables import partitions, streaming
from bigquery.tables.partitions import Partitioning, Unit

INGESTION_DATE = "_PARTITIONDATE"
NAMES = (INGESTION_TIME, INGESTION_DATE)
HIDDEN = exp.column(INGESTION_TIME, quoted=True)
WHOLE = "perennial_whole"
"""The mark of a table whose hidden column and row ids a statement of ours needs."""


def pseudo_columns(partitioning: Partitioning | None) -> Mapping[str, str]:
    """The types of the pseudo columns of a table, by name: the date only if partitions are days, as BigQuery has it."""
    if partitioning is None or not partitioning.is_by_ingestion:
        return {}
    return {INGESTION_TIME: "TIMESTAMP"} | ({INGESTION_DATE: "DATE"} if partitioning.unit is Unit.DAY else {})


def hide_ingestion_time(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A rule of translation: rows have the time only in a SELECT that names it, and NULL while they are in the streaming buffer.

    Raises:
        BigQueryError: the statement writes rows into such a table, or copies a query's result into a new one.
    """
    if isinstance(tree, exp.Create) and local_ingestion._ingestion_partitioned(tree) and isinstance(tree.expression, exp.Query):
        raise not_supported("a query's rows in a new table that is partitioned by ingestion time")
    found = [table for table in tree.find_all(exp.Table) if _is_by_ingestion(table)]
    if isinstance(tree, exp.Insert | exp.Merge) and any(table in (tree.this, tree.this.this) for table in found):
        raise not_supported("INSERT and MERGE into a table that is partitioned by ingestion time: load rows by a job")
    within = [(table, select) for table in found if (select := table.find_ancestor(exp.Select))]
    naming = {id(select) for _, select in within if any(column.name.upper() in NAMES for column in select.find_all(exp.Column))}
    for table, select in within:
        if id(select) in naming:
            _hide_from_stars(select)
            _hide_streamed(table)
        else:
            _hide(table)
    return tree


def _is_by_ingestion(table: exp.Table) -> bool:
    if not (table.catalog and table.db) or not isinstance(table.this, exp.Identifier) or table.meta.get(WHOLE):
        return False
    return partitions.is_by_ingestion((table.catalog, table.db, table.name))


def _hide_from_stars(select: exp.Select) -> None:
    for star in [*select.expressions, *(column.this for column in select.expressions if isinstance(column, exp.Column))]:
        left_out = star.args.get("except_") or []
        if isinstance(star, exp.Star) and not any(one.name == INGESTION_TIME for one in left_out):
            star.set("except_", [*left_out, HIDDEN.copy()])


def _hide(table: exp.Table) -> None:
    alias, inner = table.alias_or_name, table.copy()
    inner.set("alias", None)
    table.replace(exp.select(exp.Star(except_=[HIDDEN.copy()])).from_(inner, copy=False).subquery(alias, copy=False))


def _hide_streamed(table: exp.Table) -> None:
    streamed = streaming.buffer.of((table.catalog, table.db, table.name))
    if streamed:
        alias, inner = table.alias_or_name, table.copy()
        inner.set("alias", None)
        is_stored: exp.Expression = exp.maybe_parse(streaming.outside(streamed), dialect="duckdb")
        moment = exp.alias_(exp.case().when(is_stored, HIDDEN.copy()), INGESTION_TIME, quoted=True)
        rows = exp.select(exp.Star(replace=[moment])).from_(inner, copy=False)
        table.replace(rows.subquery(alias, copy=False))
