"""Analysis of queries by ZetaSQL, Google's own analyzer: what BigQuery refuses is refused here, in its words, before DuckDB sees it."""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.message import Message
from local_bigquery.errors import BigQueryError
from local_bigquery.models import JobConfigurationQuery, QueryParameter
from local_bigquery.sql import params
from local_bigquery.sql.translate import Context
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto.options_pb2 import AnalyzerOptionsProto
from zetasql.wasi._pb2.zetasql.public import options_pb2
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_ast_pb2 import AnyResolvedStatementProto

from bigquery.failures import not_supported
from bigquery.sql import schemas
from bigquery.sql.analyzer import asking
from bigquery.sql.described import Described, catalogue_of, describe, is_there
from bigquery.sql.identifiers import Path, SplitQuery, altered_table, as_of_clauses, split_names
from bigquery.sql.language import language_options
from bigquery.sql.positions import offset_of, original_offset, place_of
from bigquery.sql.proven import refuse_unproven
from bigquery.sql.types.analysed import Analysed
from bigquery.sql.webassembly import Refusal

KEPT_ANALYSES = 64
REFUSED = re.compile(r"Code: (\d+), Message: (.*)", re.DOTALL)
PLACE = re.compile(r" \[at (\d+):(\d+)\]")
UNIMPLEMENTED = 12
"""ZetaSQL's code for what is not implemented: in this build of it, which tells nothing of BigQuery."""
SCRIPTS = "scripts: send one statement at a time, without DECLARE, SET, IF and the like"
INGESTION_TIMES = {"_PARTITIONTIME": "TIMESTAMP", "_PARTITIONDATE": "DATE"}
"""What a statement may partition a table by that has no such column."""
SYSTEM_VARIABLES = {"project_id": "STRING", "dataset_id": "STRING", "time_zone": "STRING"}


SUPPORTED = frozenset(
    {
        *("query", "insert", "update", "delete", "merge", "truncate", "export_data"),
        *("create_table", "create_table_as_select", "create_view", "create_schema", "create_snapshot_table"),
        *("alter_table", "alter_view", "alter_schema", "alter_table_set_options"),
        *("drop", "drop_snapshot_table", "drop_materialized_view"),
    }
)
"""Statements, by ZetaSQL's names of their kinds."""


def analyse(config: JobConfigurationQuery, project: str) -> Analysed:
    """Analyse the query of a job.

    Args:
        config: the query, its parameters, and its default dataset.
        project: the one of tables that name none, unless the default dataset has one.

    Raises:
        BigQueryError: BigQuery would refuse the query, or the emulator cannot tell.
    """
    default = config.defaultDataset
    names = (default and default.projectId) or project, default and default.datasetId
    context = Context(*names, *params.bind(config.queryParameters or []))
    sql = config.query or ""
    named = _named(sql)
    tables = [describe(path, context, named.clauses.get(path, ())) for path in named.paths]
    if named.altered and is_there(named.altered, context):
        tables.append(describe(named.altered, context))
    request = service.AnalyzeRequest(sql_statement=named.query.text, options=_options(config.queryParameters or []))
    try:
        return _analysed(sql, request.SerializeToString(deterministic=True), catalogue_of(tables).SerializeToString(deterministic=True))
    except Refusal as refusal:
        raise _explained(str(refusal), sql, named.query, tables) from refusal


@dataclass(frozen=True)
class _Named:
    """What the text of a query tells alone."""

    query: SplitQuery
    paths: list[Path]
    """The tables that it names, those that it defines itself aside."""
    clauses: dict[Path, set[str]]
    altered: Path | None


@functools.lru_cache(maxsize=KEPT_ANALYSES)
def _named(sql: str) -> _Named:
    parsed = _parse(sql)
    query = split_names(sql, parsed)
    return _Named(query, _paths(sql, query), as_of_clauses(sql, parsed), altered_table(sql, parsed))


@functools.lru_cache(maxsize=KEPT_ANALYSES)
def _analysed(sql: str, request: bytes, catalogue: bytes) -> Analysed:
    """The same queries come again and again: of a dry run, of another value of a parameter."""
    analysed = Analysed(sql, _named(sql).query, _resolved(service.AnalyzeRequest.FromString(request), catalogue))
    if analysed.kind not in SUPPORTED:
        raise not_supported(f"statements of the kind {analysed.kind.upper().replace('_', ' ')}")
    refuse_unproven(analysed.statement)
    return analysed


def named_tables(sql: str) -> list[Path]:
    """The tables that a statement names, those that it defines itself aside; none if BigQuery would refuse it."""
    try:
        return _named(sql).paths
    except BigQueryError:
        return []


def _parse(sql: str) -> Message:
    request = service.ParseRequest(sql_statement=sql, options=language_options())
    try:
        return asking.ask("Parse", request, service.ParseResponse)
    except Refusal:
        _refuse_script(sql)
        try:
            resolve(sql)
        except Refusal as refusal:
            raise _explained(str(refusal), sql, SplitQuery(sql, ()), ()) from refusal
        raise


def _refuse_script(sql: str) -> None:
    request = service.ParseRequest(sql_statement=sql, options=language_options(), allow_script=True)
    try:
        script = asking.ask("Parse", request, service.ParseResponse)
    except Refusal:
        return
    if script.parsed_script.statement_list_node.statement_list:
        raise not_supported(SCRIPTS)
    raise BigQueryError("invalid", "Required parameter is missing: query")


def _paths(sql: str, query: SplitQuery) -> list[Path]:
    """The tables that a query names, those that it defines itself aside."""
    request = service.ExtractTableNamesFromStatementRequest(sql_statement=query.text, options=language_options())
    try:
        found = asking.ask("ExtractTableNamesFromStatement", request, service.ExtractTableNamesFromStatementResponse)
    except Refusal as refusal:
        raise _explained(str(refusal), sql, query, ()) from refusal
    return sorted({tuple(name.table_name_segment) for name in found.table_name})


def _resolved(request: service.AnalyzeRequest, catalogue: bytes) -> AnyResolvedStatementProto:
    with asking.in_use:
        request.registered_catalog_id = asking.catalogues.id_of(catalogue)
        return asking.ask("Analyze", request, service.AnalyzeResponse).resolved_statement


def _explained(refusal: str, sql: str, query: SplitQuery, tables: Sequence[Described]) -> BigQueryError:
    told = REFUSED.fullmatch(refusal)
    code, message = told.groups() if told else (UNIMPLEMENTED, refusal)
    message = PLACE.sub(lambda place: f" at [{_original_place(place, sql, query)}]", message)
    partial = [".".join(table.path[-2:]) for table in tables if table.is_partial]
    if partial:
        return not_supported(f"all of BigQuery's columns of {', '.join(partial)}: {message}")
    if message.startswith("Statement not supported"):
        return not_supported(SCRIPTS)
    if int(code) == UNIMPLEMENTED:
        return not_supported(f"this query ({message})")
    return BigQueryError("invalidQuery", message)


def _original_place(place: re.Match[str], sql: str, query: SplitQuery) -> str:
    line, column = (int(number) for number in place.groups())
    if query.insertions:
        line, column = place_of(sql, original_offset(offset_of(query.text, line, column), query.insertions))
    return f"{line}:{column}"


def _options(parameters: list[QueryParameter]) -> AnalyzerOptionsProto:
    positional = [schemas.parameter_type(parameter.parameterType) for parameter in parameters if not parameter.name]
    variables = (
        AnalyzerOptionsProto.SystemVariableProto(name_path=[name], type=schemas.scalar(kind)) for name, kind in SYSTEM_VARIABLES.items()
    )
    return AnalyzerOptionsProto(
        language_options=language_options(),
        default_timezone="UTC",
        parse_location_record_type=options_pb2.PARSE_LOCATION_RECORD_FULL_NODE_SCOPE,
        error_message_mode=options_pb2.ERROR_MESSAGE_ONE_LINE,
        parameter_mode=options_pb2.PARAMETER_POSITIONAL if positional else options_pb2.PARAMETER_NAMED,
        query_parameters=schemas.named_parameters(parameters),
        positional_query_parameters=positional,
        system_variables=variables,
        ddl_pseudo_columns=[
            AnalyzerOptionsProto.QueryParameterProto(name=name, type=schemas.scalar(kind)) for name, kind in INGESTION_TIMES.items()
        ],
    )


def resolve(sql: str) -> AnyResolvedStatementProto:
    """The tree of a query that names no table.

    Raises:
        Refusal: BigQuery would refuse it.
    """
    return _resolved(service.AnalyzeRequest(sql_statement=sql, options=_options([])), b"")


def warm_up() -> None:
    """Make the machine ready, which takes half a second, before somebody waits for it."""
    with asking.in_use:
        resolve("SELECT 1")
