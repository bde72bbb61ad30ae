"""Views: their text as somebody wrote it, columns of BigQuery's types, and the tables that are behind them."""

from collections.abc import Iterable, Sequence
from contextvars import ContextVar

from local_bigquery.catalog import ddl, metadata, names
from local_bigquery.catalog.options import DAY_MS
from local_bigquery.engine import database
from local_bigquery.errors import BigQueryError
from local_bigquery.models import Dataset, Table, TableFieldSchema
from local_bigquery.sql.translate import Context, parse, translate
from sqlglot import exp

from bigquery.sql import analysis, outcome
from bigquery.sql.described import INFORMATION_SCHEMA, reference_of
from bigquery.sql.types import typed
from bigquery.sql.types.analysed import Analysed
from bigquery.tables.partitions import Reference

original_definition = ddl._definition

PLACE = "SELECT 1 AS perennial_query_of_the_view"

text: ContextVar[str | None] = ContextVar("text", default=None)
"""The query of the view that is being made, as it was written."""


def definition(tree: exp.Create, project: str, dataset: str) -> dict[str, object]:
    """What the resource of a table says of where its rows come from."""
    found: dict[str, object] = original_definition(tree, project, dataset) | _expiring(tree, project, dataset)
    written = text.get()
    return {**found, "view": {"query": written, "useLegacySql": False}} if written and "view" in found else found


def _expiring(tree: exp.Create, project: str, dataset: str) -> dict[str, object]:
    """The partitioning of a table, whose partitions expire as `partition_expiration_days` says, else by the dataset's default."""
    partitioned = tree.find(exp.PartitionedByProperty)
    layout: dict[str, dict[str, object]] = ddl._partitioning(partitioned) if partitioned else {}
    if "timePartitioning" not in layout:
        return {}
    option = next((one for one in tree.find_all(exp.Property) if one.name.lower() == "partition_expiration_days"), None)
    target = tree.find(exp.Table)
    stored = metadata.load(Dataset, project, target.db if target and target.db else dataset)
    after = stored.defaultPartitionExpirationMs if stored else None
    if option is not None:
        days = option.args["value"]
        after = None if isinstance(days, exp.Null) else str(int(float(days.name) * DAY_MS))
    return {"timePartitioning": {**layout["timePartitioning"], **({"expirationMs": after} if after else {})}}


def translate_create(tree: exp.Create, context: Context, columns: Sequence[TableFieldSchema]) -> tuple[str, dict[str, object]]:
    """CREATE VIEW in DuckDB's SQL, so that the view's columns have BigQuery's types."""
    query, values = translate(tree.expression, context)
    with database.cursor() as cursor:
        query = outcome.shape(cursor, query, columns).sql
    around = tree.copy()
    around.set("expression", parse(PLACE)[0])
    if isinstance(around.this, exp.Schema):  # the names of the columns, which the query has now
        around.set("this", around.this.this)
    statement, _ = translate(around, context)
    return statement.replace(PLACE, query), values


def translated(analysed: Analysed, project: str, dataset: str) -> str:
    """The query of a view in DuckDB's SQL, with columns of BigQuery's types."""
    query, types = analysed.translatable
    token = typed.json_types.set(types)
    try:
        sql, _ = translate(parse(query)[0], Context(project, dataset))
    finally:
        typed.json_types.reset(token)
    with database.cursor() as cursor:
        return outcome.shape(cursor, sql, analysed.result or []).sql


def tables_behind(references: Iterable[Reference]) -> set[Reference]:
    """Tables, with those that views among them read in their place, however deep."""
    return _walk(references)[0]


def _walk(references: Iterable[Reference]) -> tuple[set[Reference], list[str]]:
    """The tables that are read, and the queries of the views on the way."""
    found, texts = set[Reference](), list[str]()
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
        texts.append(stored.view.query)
        paths = analysis.named_tables(stored.view.query)
        waiting += [reference_of(path, *one[:2]) for path in paths if INFORMATION_SCHEMA not in (name.upper() for name in path[:-1])]
    return found, texts


def require_filters(query: exp.Query, named: Iterable[Reference]) -> None:
    """Refuse a query that reads, by a view, all partitions of a table that requires a filter.

    Args:
        query: what is asked.
        named: the tables and views that it names.

    Raises:
        BigQueryError: neither the query nor a view has a condition on the column that such a table is partitioned on.
    """
    known = set(named)
    behind, texts = _walk(known)
    hidden = [(one, metadata.load(Table, *one)) for one in behind - known]
    for (project, dataset, name), stored in hidden:
        if stored is None or not stored.requirePartitionFilter or not stored.timePartitioning:
            continue
        field = stored.timePartitioning.field or "_PARTITIONTIME"
        trees = [query, *(tree for text in texts for tree in parse(text))]
        conditions = (column for tree in trees for where in tree.find_all(exp.Where) for column in where.find_all(exp.Column))
        if field.casefold() not in {column.name.casefold() for column in conditions}:
            message = f"Cannot query over table '{project}.{dataset}.{name}' without a filter over column(s) '{field}'"
            raise BigQueryError("invalidQuery", f"{message} that can be used for partition elimination")


def refuse(reference: Reference) -> None:
    """Refuse a view where only a table will do.

    Raises:
        BigQueryError: it is one.
    """
    stored = metadata.load(Table, *reference)
    if stored and stored.view:
        message = f"Using table {names.label(*reference)} is not allowed for this operation because of its type."
        raise BigQueryError("invalid", f"{message} Try using a different table that is of type TABLE.")
