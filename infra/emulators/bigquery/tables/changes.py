"""UPDATE, DELETE, MERGE and TRUNCATE, which BigQuery refuses over rows that are still in the streaming buffer."""

import duckdb
from local_bigquery.catalog import names
from local_bigquery.errors import BigQueryError
from local_bigquery.sql.translate import Context, translate
from sqlglot import exp

from bigquery.failures import not_supported
from bigquery.sql import ingestion
from bigquery.sql.ingestion import WHOLE
from bigquery.tables import partitions, streaming
from bigquery.tables.partitions import Reference
from bigquery.tables.streaming import Streamed


def refuse_streamed(cursor: duckdb.DuckDBPyConnection, tree: exp.Expression, context: Context) -> None:
    """Refuse a statement that would change streamed rows.

    BigQuery does not say which rows a MERGE may meet; here it may meet none in the buffer, unless it only inserts.

    Raises:
        BigQueryError: it would.
    """
    target = tree.find(exp.Table)
    if not isinstance(tree, exp.Update | exp.Delete | exp.Merge | exp.TruncateTable) or target is None:
        return
    reference: Reference = tuple(names.reference(target, context.project_id, context.dataset_id or ""))
    streamed = streaming.buffer.of(reference)
    if streamed and partitions.is_by_ingestion(reference) and any(_is_time(column) for column in tree.find_all(exp.Column)):
        raise not_supported(
            "UPDATE and DELETE by the time of ingestion while rows are in the streaming buffer: wait until they have left it"
        )
    if streamed and _meets(cursor, tree, context, streamed):
        kind = "TRUNCATE TABLE" if isinstance(tree, exp.TruncateTable) else "UPDATE or MERGE or DELETE"
        table = ".".join(reference)
        raise BigQueryError(
            "invalidQuery", f"{kind} statement over table {table} would affect rows in the streaming buffer, which is not supported"
        )


def _is_time(column: exp.Column) -> bool:
    return column.name.upper() in ingestion.NAMES


def _meets(cursor: duckdb.DuckDBPyConnection, tree: exp.Expression, context: Context, streamed: list[Streamed]) -> bool:
    if isinstance(tree, exp.TruncateTable):
        return True
    if isinstance(tree, exp.Merge):
        return any(when.args.get("matched") or when.args.get("source") for when in tree.args["whens"].expressions)
    where = tree.args.get("where")
    if where is None:
        return False  # refused for that
    target = (tree.this or tree.args["tables"][0]).copy()
    target.meta[WHOLE] = True
    row = exp.column("rowid", table=target.alias_or_name)
    within = exp.or_(*(row.copy().between(one.first_row, one.end_row - 1) for one in streamed))
    query = exp.select("1").from_(target).where(where.this.copy(), within).limit(1)
    if source := tree.args.get("from_"):
        query = query.join(source.this.copy(), join_type="cross")
    sql, parameters = translate(query, context)
    return cursor.execute(sql, parameters).fetchone() is not None
