"""Marks around FLOAT64 that rows are ordered by: NaN comes first in BigQuery, after NULL, and last in DuckDB."""

import re
from collections.abc import Iterator

from google.protobuf.message import Message
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_ast_pb2 import ResolvedOrderByItemProto

from bigquery.sql.resolved import expression_type, messages, place, type_name
from bigquery.sql.types.edits import Edit

ORDERED = "PERENNIAL_ORDERED"
"""A function that stands around such a value in a query on its way to DuckDB."""
DIRECTION = re.compile(rb"\s*(?:\b(?:ASC|DESC)\b)?\s*(?:\bNULLS\s+(?:FIRST|LAST)\b)?\s*$", re.IGNORECASE)


def edits(content: bytes, statement: Message) -> Iterator[Edit]:
    """The marks, to be written before all others."""
    for message, _ in messages(statement):
        if isinstance(message, ResolvedOrderByItemProto) and type_name(expression_type(message.column_ref)) == "FLOAT64":
            start, stop = place(message)
            direction = DIRECTION.search(content[start:stop])
            end = start + direction.start() if direction else stop
            if end > start:
                yield Edit(start, start, f"{ORDERED}(")
                yield Edit(end, end, f"{_name(content[start:end], message)})")


def _name(value: bytes, item: ResolvedOrderByItemProto) -> str:
    """A second argument: the name of a column that is told by its place, as far as it has one."""
    name = item.column_ref.column.name
    return "" if not value.strip().isdigit() or name.startswith("$") else f", `{name}`"
