"""Query jobs: analysed first; what they cost, and the refusal of those that would cost more than `maximum_bytes_billed`."""

import dataclasses
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

import duckdb
from local_bigquery.engine.sessions import Session
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import query as original
from local_bigquery.models import JobConfigurationQuery, JobStatistics2, Table, TableFieldSchema, TableReference
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.failures import not_supported
from bigquery.jobs import views
from bigquery.sql import analysis, outcome
from bigquery.sql.types import typed
from bigquery.tables import catalogue, changes, sizes, versions

original_execute = original.execute
original_run = original._run
original_translate = original.translate

LEAST_BILLED_BYTES = 10 * 2**20
MEBIBYTE = 2**20
NOT_UNDERSTOOD = ("Syntax error", "Function not found", "Unrecognized name", "No matching signature")
"""What errors of the translation begin with. BigQuery has no such errors with a query that was analysed."""


@dataclass(frozen=True)
class Translation:
    """A query in DuckDB's SQL, with the values of its parameters and what was learnt on the way."""

    tree: object
    sql: str
    parameters: dict[str, object]
    context: Context


_translation: ContextVar[Translation | None] = ContextVar("translation", default=None)
"""Translating takes longer than most queries run, so what was needed to tell the cost is used again."""


_result: ContextVar[list[TableFieldSchema] | None] = ContextVar("result", default=None)
"""The columns that BigQuery gives for the query that runs, if it is one."""


def translate(tree: exp.Expression, context: Context) -> tuple[str, dict[str, object]]:
    """A statement in DuckDB's SQL, and the values of its parameters."""
    known = _translation.get()
    if known is None or known.tree is not tree:
        if isinstance(tree, exp.Create) and _is_view(tree) and (columns := _result.get()) is not None:
            return views.translate_create(tree, context, columns)
        return original_translate(tree, context)
    context.referenced |= known.context.referenced
    context.position = known.context.position
    return known.sql, known.parameters


def create(project: str, dataset: str, body: Table, translate: Callable[[str, str, str], str]) -> Table:
    """Make a table, or a view whose query BigQuery would run, as tables.insert asks.

    Raises:
        BigQueryError: BigQuery would refuse it, or the emulator cannot make it.
    """
    if body.view:
        default = {"projectId": project, "datasetId": dataset}
        analysed = analysis.analyse(JobConfigurationQuery(query=body.view.query, defaultDataset=default), project)
        return catalogue.create(project, dataset, body, lambda *_: views.translated(analysed, project, dataset))
    return catalogue.create(project, dataset, body, translate)


def execute(
    cursor: duckdb.DuckDBPyConnection,
    project: str,
    job_id: str | None,
    config: JobConfigurationQuery,
    dry_run: bool = False,
    session: Session | None = None,
) -> tuple[JobStatistics2, list[JobStatistics2], TableReference | None]:
    """Run a query job, or only tell its cost and its result's schema, if BigQuery would.

    Raises:
        BigQueryError: BigQuery would refuse it, or the emulator cannot run it.
    """
    if session or config.createSession:
        raise not_supported("sessions")
    if config.useLegacySql:
        raise not_supported("legacy SQL: set useLegacySql to false")
    analysed = analysis.analyse(config, project)
    if config.destinationTable:
        _refuse_duplicates(analysed.names)
    query, shown_types = analysed.translatable()
    text, columns = analysed.view or (None, analysed.result)
    token, types_token, text_token = _result.set(columns), typed.json_types.set(shown_types), views.text.set(text)
    try:
        return original_execute(cursor, project, job_id, config.replace(query=query), dry_run)
    except BigQueryError as error:
        if error.reason == "invalidQuery" and error.message.startswith(NOT_UNDERSTOOD):
            raise not_supported(f"this query ({error.message})") from error
        raise
    finally:
        _result.reset(token)
        typed.json_types.reset(types_token)
        views.text.reset(text_token)


def _refuse_duplicates(names: Sequence[str]) -> None:
    duplicates = sorted({name for name in names if [other.casefold() for other in names].count(name.casefold()) > 1})
    if duplicates:
        message = "Duplicate column names in the result are not supported when a destination table is present. Found duplicate(s): "
        raise BigQueryError("invalidQuery", message + ", ".join(duplicates))


def run(
    cursor: duckdb.DuckDBPyConnection,
    tree: exp.Expression,
    context: Context,
    destination: TableReference | None,
    config: JobConfigurationQuery,
    dry_run: bool,
    isolated: bool,
) -> JobStatistics2:
    """Run one statement, or only tell its cost and its result's schema.

    Raises:
        BigQueryError: it would be billed for more than `maximum_bytes_billed`.
    """
    try:
        return _run(cursor, tree, context, destination, config, dry_run, isolated)
    except (duckdb.ParserException, duckdb.BinderException, duckdb.NotImplementedException) as error:
        raise not_supported(f"this query ({str(error).splitlines()[0]})") from error


def _run(
    cursor: duckdb.DuckDBPyConnection,
    tree: exp.Expression,
    context: Context,
    destination: TableReference | None,
    config: JobConfigurationQuery,
    dry_run: bool,
    isolated: bool,
) -> JobStatistics2:
    source = _source(tree)
    if source is None:
        if not dry_run:
            changes.refuse_streamed(cursor, tree, context)
        return original_run(cursor, tree, context, destination, config, dry_run, isolated)
    if any(table.args.get("version") for table in source.find_all(exp.Table)):
        versions.settle()
    asked = dataclasses.replace(context, used=set(), referenced=set())
    sql, parameters = original_translate(source, asked)
    if isinstance(tree, exp.Query) and (columns := _result.get()) is not None:
        sql = outcome.shape(cursor, sql, columns)
    named, asked.referenced = asked.referenced, views.tables_behind(asked.referenced)
    views.require_filters(source, named)
    processed = sizes.read_by_query(cursor, sql, parameters, asked.referenced)
    billed = _billed(processed)
    if config.maximumBytesBilled and billed > int(config.maximumBytesBilled) and not dry_run:
        message = f"Query exceeded limit for bytes billed: {config.maximumBytesBilled}. {billed} or higher required."
        raise BigQueryError("bytesBilledLimitExceeded", message)
    token = _translation.set(Translation(source, sql, parameters, asked))
    try:
        statistics = original_run(cursor, tree, context, destination, config, dry_run, isolated)
    finally:
        _translation.reset(token)
    return statistics.replace(totalBytesProcessed=str(processed), totalBytesBilled=str(0 if dry_run else billed))


def _source(tree: exp.Expression) -> exp.Query | None:
    """The part of a statement that reads. A view reads nothing when it is made."""
    source = tree.expression if isinstance(tree, exp.Create | exp.Insert) and not _is_view(tree) else tree
    return source if isinstance(source, exp.Query) else None


def _is_view(tree: exp.Expression) -> bool:
    return isinstance(tree, exp.Create) and tree.args.get("kind") == "VIEW"


def _billed(processed: int) -> int:
    """BigQuery bills whole mebibytes, at least ten for a query that reads anything."""
    return max(-(-processed // MEBIBYTE) * MEBIBYTE, LEAST_BILLED_BYTES) if processed else 0
