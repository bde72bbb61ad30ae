"""What ZetaSQL tells of a query that BigQuery would run."""

import functools
import re
from dataclasses import dataclass

from google.protobuf.message import Message
from local_bigquery.models import TableFieldSchema
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_ast_pb2 import AnyResolvedStatementProto

from bigquery.sql.identifiers import SplitQuery
from bigquery.sql.outcome import name_columns
from bigquery.sql.positions import original_offset
from bigquery.sql.types.typed import write_types

DOMAIN_SCOPED = re.compile(r"`[a-z0-9.-]+:[^`]*`\.`")


@dataclass(frozen=True)
class Analysed:
    """A query that BigQuery would run."""

    sql: str
    query: SplitQuery
    statement: AnyResolvedStatementProto

    @functools.cached_property
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
