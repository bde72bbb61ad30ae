"""Analysis of queries by ZetaSQL, Google's own analyzer: what BigQuery refuses is refused here, in its words, before DuckDB sees it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message
from local_bigquery.errors import BigQueryError
from local_bigquery.models import JobConfigurationQuery, QueryParameter, TableFieldSchema
from local_bigquery.sql import params
from local_bigquery.sql.translate import Context
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto.options_pb2 import AnalyzerOptionsProto
from zetasql.wasi._pb2.zetasql.public import options_pb2
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_ast_pb2 import AnyResolvedStatementProto

from bigquery.failures import not_supported
from bigquery.sql import schemas
from bigquery.sql.analyzer import asking
from bigquery.sql.described import Described, catalogue_of, describe, is_there
from bigquery.sql.identifiers import Path, SplitQuery, altered_table, as_of_clauses, split_names
from bigquery.sql.language import language_options
from bigquery.sql.outcome import name_columns
from bigquery.sql.positions import offset_of, original_offset, place_of
from bigquery.sql.proven import refuse_unproven
from bigquery.sql.types.typed import write_types
from bigquery.sql.webassembly import Refusal

REFUSED = re.compile(r"Code: (\d+), Message: (.*)", re.DOTALL)
PLACE = re.compile(r" \[at (\d+):(\d+)\]")
UNIMPLEMENTED = 12
"""ZetaSQL's code for what is not implemented: in this build of it, which tells nothing of BigQuery."""
SCRIPTS = "scripts: send one statement at a time, without DECLARE, SET, IF and the like"
DOMAIN_SCOPED = re.compile(r"`[a-z0-9.-]+:[^`]*`\.`")
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


@dataclass(frozen=True)
class Analysed:
    """A query that BigQuery would run."""

    sql: str
    query: SplitQuery
    statement: AnyResolvedStatementProto

    def translatable(self) -> tuple[str, tuple[TypeProto, ...]]:
        """The query as sqlglot understands it, and types that its text names.

        sqlglot knows no types, and takes the dots of a project's domain for those that part names.
        """
        text, types = write_types(self.query.text, self.statement)
        return (text if text != self.query.text or DOMAIN_SCOPED.search(text) else self.sql), types

    @property
    def names(self) -> list[str]:
        """The names that the query itself gives to the columns of its result."""
        return [column.name for column in self.statement.resolved_query_stmt_node.output_column_list if not column.name.startswith("$")]

    @property
    def result(self) -> list[TableFieldSchema] | None:
        """The columns of what the query gives, if it is a query."""
        if not self.statement.HasField("resolved_query_stmt_node"):
            return None
        return name_columns(self.statement.resolved_query_stmt_node.output_column_list)

    @property
    def view(self) -> tuple[str, list[TableFieldSchema]] | None:
        """The query of the view that the statement makes, as it was written, and the columns of the view."""
        if self.kind != "create_view":
            return None
        made = self.statement.resolved_create_statement_node.resolved_create_view_base_node.resolved_create_view_stmt_node.parent
        start = original_offset(self.query.text.rindex(made.sql), self.query.insertions)
        return self.sql[start:].rstrip("; \n\t"), name_columns(made.output_column_list)

    @property
    def kind(self) -> str:
        """What kind of statement it is: `query`, `create_table_as_select` and so on."""
        message: Message = self.statement
        name = ""
        while any(oneof.name == "node" for oneof in message.DESCRIPTOR.oneofs) and message.WhichOneof("node"):
            name = message.WhichOneof("node")
            message = getattr(message, name)
        return name.removeprefix("resolved_").removesuffix("_node").removesuffix("_stmt")


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
    parsed = _parse(sql)
    query, clauses = split_names(sql, parsed), as_of_clauses(sql, parsed)
    tables = [describe(path, context, clauses.get(path, ())) for path in _paths(sql, query)]
    if (altered := altered_table(sql, parsed)) and is_there(altered, context):
        tables.append(describe(altered, context))
    analysed = Analysed(sql, query, _resolve(sql, query, tables, config.queryParameters or []))
    if analysed.kind not in SUPPORTED:
        raise not_supported(f"statements of the kind {analysed.kind.upper().replace('_', ' ')}")
    refuse_unproven(analysed.statement)
    return analysed


def named_tables(sql: str) -> list[Path]:
    """The tables that a statement names, those that it defines itself aside; none if BigQuery would refuse it."""
    try:
        return _paths(sql, split_names(sql, _parse(sql)))
    except BigQueryError:
        return []


def _parse(sql: str) -> Message:
    request = service.ParseRequest(sql_statement=sql, options=language_options())
    try:
        return asking.ask("Parse", request, service.ParseResponse)
    except Refusal:
        _refuse_script(sql)
        _resolve(sql, SplitQuery(sql, ()), (), ())  # refuses it again, and says where
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


def _resolve(sql: str, query: SplitQuery, tables: Sequence[Described], parameters: Iterable[QueryParameter]) -> AnyResolvedStatementProto:
    request = service.AnalyzeRequest(sql_statement=query.text, options=_options(list(parameters)))
    try:
        with asking.in_use:
            request.registered_catalog_id = asking.catalogues.id_of(catalogue_of(tables))
            return asking.ask("Analyze", request, service.AnalyzeResponse).resolved_statement
    except Refusal as refusal:
        raise _explained(str(refusal), sql, query, tables) from refusal


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


def resolve_expression(expression: str) -> AnyResolvedStatementProto:
    """The tree of an expression that names no table."""
    sql = f"SELECT {expression}"
    return _resolve(sql, SplitQuery(sql, ()), (), ())


def warm_up() -> None:
    """Make the machine ready, which takes half a second, before somebody waits for it."""
    with asking.in_use:
        _resolve("SELECT 1", SplitQuery("SELECT 1", ()), (), ())
