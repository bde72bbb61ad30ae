"""Names in a query. BigQuery reads `project.dataset.table` between one pair of backticks as three names, and ZetaSQL as one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.message import Message
from zetasql.wasi._pb2.zetasql.parser.parse_tree_pb2 import (
    ASTAlterTableStatementProto,
    ASTIdentifierProto,
    ASTPathExpressionProto,
    ASTTablePathExpressionProto,
)

from bigquery.sql.positions import Insertion

DOMAIN = re.compile(r"[^:`]*:")
"""The domain of a project's name such as `example.com:project`, whose dots part nothing."""
QUOTED_DOT = "`.`"

Path = tuple[str, ...]
"""Names that stand for a table: the table's own, below its dataset's and its project's if they are given."""

Kind = TypeVar("Kind", bound=Message)


@dataclass(frozen=True)
class SplitQuery:
    """A query whose every name stands between backticks of its own."""

    text: str
    insertions: tuple[Insertion, ...]


def split_names(query: str, parsed: Message) -> SplitQuery:
    """Part the names that stand together between one pair of backticks, in the paths of a parsed query."""
    dots = sorted(set(_dots(query.encode(), parsed)))
    if not dots:
        return SplitQuery(query, ())
    content = query.encode()
    dots = [len(content[:dot].decode()) for dot in dots]  # from bytes to characters
    parts = [query[start + 1 : end] for start, end in zip([-1, *dots], [*dots, len(query)], strict=True)]
    insertions = tuple(Insertion(dot, len(QUOTED_DOT) - 1) for dot in dots)
    return SplitQuery(QUOTED_DOT.join(parts), insertions)


def as_of_clauses(query: str, parsed: Message) -> dict[Path, set[str]]:
    """The tables that a parsed query reads as they were, with what it says of when: `FOR SYSTEM_TIME AS OF …`."""
    content = query.encode()
    found: dict[Path, set[str]] = {}
    for table in _messages(parsed, ASTTablePathExpressionProto):
        if table.HasField("for_system_time"):
            location = table.for_system_time.parent.parse_location_range
            found.setdefault(_path(content, table.path_expr), set()).add(content[location.start : location.end].decode())
    return found


def altered_table(query: str, parsed: Message) -> Path | None:
    """The table that a parsed statement alters, if that is what it does. The columns that it says must fit those of the table."""
    found = (altered.parent.path for altered in _messages(parsed, ASTAlterTableStatementProto))
    return next((_path(query.encode(), path) for path in found), None)


def _path(content: bytes, path: ASTPathExpressionProto) -> Path:
    return tuple(part for name in path.names for part in _parts(content, name))


def _parts(content: bytes, name: ASTIdentifierProto) -> list[str]:
    if not any(_dots_of(content, name)):
        return [name.id_string]
    domain = DOMAIN.match(name.id_string)
    first, *others = name.id_string[domain.end() if domain else 0 :].split(".")
    return [(domain[0] if domain else "") + first, *others]


def _dots(content: bytes, parsed: Message) -> Iterator[int]:
    """Offsets, in bytes, of the dots that part names."""
    for path in _messages(parsed, ASTPathExpressionProto):
        for name in path.names:
            yield from _dots_of(content, name)


def _dots_of(content: bytes, name: ASTIdentifierProto) -> Iterator[int]:
    if not name.is_quoted:
        return
    location = name.parent.parent.parse_location_range
    start = location.start + 1
    written = content[start : location.end - 1].decode()
    if not all(written.split(".")):
        return
    domain = DOMAIN.match(written)
    for position, character in enumerate(written):
        if character == "." and position >= (domain.end() if domain else 0):
            yield start + len(written[:position].encode())


def _messages(message: Message, kind: type[Kind]) -> Iterator[Kind]:
    """Every message of a kind inside of a message."""
    if isinstance(message, kind):
        yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for one in value if field.is_repeated else [value]:
            yield from _messages(one, kind)
