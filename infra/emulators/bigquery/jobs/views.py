"""Views: their text as somebody wrote it, columns of BigQuery's types, and the tables that are behind them."""

from collections.abc import Iterable, Sequence
from contextvars import ContextVar

from local_bigquery.catalog import ddl, metadata, names
from local_bigquery.engine import database
from local_bigquery.errors import BigQueryError
from local_bigquery.models import Table, TableFieldSchema
from local_bigquery.sql.translate import Context, parse, translate
from sqlglot import exp

from bigquery.sql import analysis, outcome
from bigquery.sql.analysis import Analysed
from bigquery.sql.described import INFORMATION_SCHEMA, reference_of
from bigquery.sql.types import typed
from bigquery.tables.partitions import Reference

original_definition = ddl._definition

PLACE = "SELECT 1 AS perennial_query_of_the_view"

text: ContextVar[str | None] = ContextVar("text", default=None)
"""The query of the view that is being made, as it was written."""


def definition(tree: exp.Create, project: str, dataset: str) -> dict[str, object]:
    """What the resource of a table says of where its rows come from."""
    found: dict[str, object] = original_definition(tree, project, dataset)
    written = text.get()
    return {**found, "view": {"query": written, "useLegacySql": False}} if written and "view" in found else found


def translate_create(tree: exp.Create, context: Context, columns: Sequence[TableFieldSchema]) -> tuple[str, dict[str, object]]:
    """CREATE VIEW in DuckDB's SQL, so that the view's columns have BigQuery's types."""
    query, values = translate(tree.expression, context)
    with database.cursor() as cursor:
        query = outcome.shape(cursor, query, columns)
    around = tree.copy()
    around.set("expression", parse(PLACE)[0])
    if isinstance(around.this, exp.Schema):  # the names of the columns, which the query has now
        around.set("this", around.this.this)
    statement, _ = translate(around, context)
    return statement.replace(PLACE, query), values


def translated(analysed: Analysed, project: str, dataset: str) -> str:
    """The query of a view in DuckDB's SQL, with columns of BigQuery's types."""
    query, types = analysed.translatable()
    token = typed.json_types.set(types)
    try:
        sql, _ = translate(parse(query)[0], Context(project, dataset))
    finally:
        typed.json_types.reset(token)
    with database.cursor() as cursor:
        return outcome.shape(cursor, sql, analysed.result or [])


def tables_behind(references: Iterable[Reference]) -> set[Reference]:
    """Tables, with those that views among them read in their place, however deep."""
    found: set[Reference] = set()
    waiting, seen = list(references), set[Reference]()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        stored = metadata.load(Table, *one)
        if stored is None or not stored.view:
            found.add(one)
            continue
        paths = analysis.named_tables(stored.view.query)
        waiting += [reference_of(path, *one[:2]) for path in paths if INFORMATION_SCHEMA not in (name.upper() for name in path[:-1])]
    return found


def refuse(reference: Reference) -> None:
    """Refuse a view where only a table will do.

    Raises:
        BigQueryError: it is one.
    """
    stored = metadata.load(Table, *reference)
    if stored and stored.view:
        message = f"Using table {names.label(*reference)} is not allowed for this operation because of its type."
        raise BigQueryError("invalid", f"{message} Try using a different table that is of type TABLE.")
