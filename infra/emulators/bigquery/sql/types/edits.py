"""Pieces of a query that are written otherwise, at the places where ZetaSQL found what they mean."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.message import Message
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_ast_pb2 import ResolvedFunctionCallBaseProto

from bigquery.failures import not_supported
from bigquery.sql.resolved import place

SAFE = re.compile(rb"SAFE\s*\.\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Edit:
    """A piece of a query, in bytes, and what stands there instead."""

    start: int
    end: int
    text: str

    @property
    def opens(self) -> bool:
        """Whether it begins a call around a value. Of several at one place, the first is the outermost."""
        return self.text.endswith("(")


def renamed(content: bytes, call: ResolvedFunctionCallBaseProto, name: str, other: str, *, may_be_safe: bool = False) -> Edit:
    """The name of a function replaced; `SAFE.` before it stays.

    Raises:
        BigQueryError: the call does not begin with the name: it is quoted, or SAFE.NAME, which is taken for none unless it may be.
    """
    start, _ = place(call)
    if may_be_safe and (safe := SAFE.match(content, start)):
        start = safe.end()
    end = start + len(name)
    if content[start:end].lower() != name.encode():
        raise not_supported(f"{name.upper()} of these types with SAFE before it, or in quotes: write {name.upper()}(…)")
    return Edit(start, end, other)


def wrapped(node: Message, name: str) -> Iterator[Edit]:
    """A value put into a call, if it stands in the query."""
    begin, end = place(node)
    if end > begin:
        yield from (Edit(begin, begin, f"{name}("), Edit(end, end, ")"))


def node_of(expression: Message) -> Message:
    """The node in a message that can be any of several."""
    while any(oneof.name == "node" for oneof in expression.DESCRIPTOR.oneofs):
        expression = getattr(expression, expression.WhichOneof("node"))
    return expression
