"""Query jobs: analysed first; what they cost, and the refusal of those that would cost more than `maximum_bytes_billed`."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass

import duckdb
from local_bigquery.catalog import tables
from local_bigquery.engine import database
from local_bigquery.engine.sessions import Session
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import query as original
from local_bigquery.models import DatasetReference, JobConfigurationQuery, JobStatistics2, Table, TableFieldSchema, TableReference
from local_bigquery.sql import params, script
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.failures import not_supported
from bigquery.jobs import views
from bigquery.sql import analysis, outcome
from bigquery.sql.types import typed
from bigquery.tables import catalogue, changes, sizes, versions

original_run = original._run
original_translate = original.translate

LEAST_BILLED_BYTES = 10 * 2**20
MEBIBYTE = 2**20
NOT_UNDERSTOOD = ("Syntax error", "Function not found", "Unrecognized name", "No matching signature")
"""What errors of the translation begin with. BigQuery has no such errors with a query that was analysed."""


Outcome = tuple[JobStatistics2, list[JobStatistics2], TableReference | None]
"""What there is to tell of a job, of its children, and where its result is."""


@dataclass(frozen=True)
class Translation:
    """A query in DuckDB's SQL, with the values of its parameters and what was learnt on the way."""

    tree: exp.Query
    sql: str
    parameters: dict[str, object]
    context: Context


_translation: ContextVar[Translation | None] = ContextVar("translation", default=None)
"""Translating takes longer than most queries run, so what was needed to tell the cost is used again."""


_result: ContextVar[list[TableFieldSchema] | None] = ContextVar("result", default=None)
"""The columns that BigQuery gives for the query that runs, if it is one."""


def translate(tree: exp.Expr, context: Context) -> tuple[str, dict[str, object]]:
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
) -> Outcome:
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
    query, shown_types = analysed.translatable
    text, columns = analysed.view or (None, analysed.result)
    token, types_token, text_token = _result.set(columns), typed.json_types.set(shown_types), views.text.set(text)
    try:
        return _execute(cursor, project, job_id, config.replace(query=query), dry_run)
    except BigQueryError as error:
        if error.reason == "invalidQuery" and error.message.startswith(NOT_UNDERSTOOD):
            raise not_supported(f"this query ({error.message})") from error
        raise
    finally:
        _result.reset(token)
        typed.json_types.reset(types_token)
        views.text.reset(text_token)


def _execute(cursor: duckdb.DuckDBPyConnection, project: str, job_id: str | None, config: JobConfigurationQuery, dry_run: bool) -> Outcome:
    """As local-bigquery does it for a query without a session: there are no tables of an earlier query to be looked for."""
    default = config.defaultDataset or DatasetReference()
    system = {"current_job_id": job_id, "script.job_id": job_id, "session_id": None, "time_zone": "UTC"}
    context = Context(default.projectId or project, default.datasetId, *params.bind(config.queryParameters or []), system=system)
    database.attach(context.project_id)
    statements = script.parse_script(config.query or "")
    found: Outcome = original._execute(cursor, project, job_id, config, dry_run, False, context, statements)
    return found


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
    sql, values = original_translate(source, asked)
    translation, shaped = Translation(source, sql, values, asked), None
    with _one_state(cursor) if _only_reads(tree, destination) else nullcontext():
        if isinstance(tree, exp.Query) and (columns := _result.get()) is not None:
            shaped = outcome.shape(cursor, translation.sql, columns)
            translation = dataclasses.replace(translation, sql=shaped.sql)
        processed = _processed(cursor, translation)
        billed = _billed(processed)
        if config.maximumBytesBilled and billed > int(config.maximumBytesBilled) and not dry_run:
            message = f"Query exceeded limit for bytes billed: {config.maximumBytesBilled}. {billed} or higher required."
            raise BigQueryError("bytesBilledLimitExceeded", message)
        token, shape_token = _translation.set(translation), outcome.known.set(shaped)
        try:
            statistics = original_run(cursor, tree, context, destination, config, dry_run, isolated)
        finally:
            _translation.reset(token)
            outcome.known.reset(shape_token)
    return statistics.replace(totalBytesProcessed=str(processed), totalBytesBilled=str(0 if dry_run else billed))


def _only_reads(tree: exp.Expression, destination: TableReference | None) -> bool:
    return isinstance(tree, exp.Query) and (destination is None or destination.datasetId == tables.RESULTS)


@contextmanager
def _one_state(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """A transaction, so that the newest snapshot is looked up once and not by each of four statements."""
    cursor.execute("BEGIN")
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):
            cursor.execute("ROLLBACK")
        raise
    cursor.execute("COMMIT")


def _processed(cursor: duckdb.DuckDBPyConnection, translation: Translation) -> int:
    """Bytes that the query would read, in tables and in those behind views, which it then refers to."""
    context = translation.context
    named, context.referenced = context.referenced, views.tables_behind(context.referenced)
    views.require_filters(translation.tree, named)
    return sizes.read_by_query(cursor, translation.sql, translation.parameters, context.referenced)


def _source(tree: exp.Expression) -> exp.Query | None:
    """The part of a statement that reads. A view reads nothing when it is made."""
    source = tree.expression if isinstance(tree, exp.Create | exp.Insert) and not _is_view(tree) else tree
    return source if isinstance(source, exp.Query) else None


def _is_view(tree: exp.Expression) -> bool:
    return isinstance(tree, exp.Create) and tree.args.get("kind") == "VIEW"


def _billed(processed: int) -> int:
    """BigQuery bills whole mebibytes, at least ten for a query that reads anything."""
    return max(-(-processed // MEBIBYTE) * MEBIBYTE, LEAST_BILLED_BYTES) if processed else 0
