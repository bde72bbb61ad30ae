"""Literals written into a query as ZetaSQL has read them, where sqlglot or DuckDB read them otherwise."""

import re
from collections.abc import Iterator

from google.protobuf.message import Message
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeKind
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_ast_pb2 import ResolvedLiteralProto

from bigquery.failures import not_supported
from bigquery.sql.resolved import messages, place
from bigquery.sql.types.edits import Edit

TEXT_BEGINS = re.compile(rb"[rR]?['\"]")
UNREAD = re.compile(rb"(?<!\\)(?:\\\\)*\\[xXuU0-7?`\"]")
"""An escape that sqlglot does not know."""
FOLDED_CAST = re.compile(rb"(?:SAFE_)?CAST\b", re.IGNORECASE)
NUMERIC_UNITS = 10**9
LARGE_OR_SMALL = re.compile(r"[\[:,]-?[\d.]+e[+-]|^-?[\d.]+e[+-]")
"""A number in JSON that ZetaSQL writes with its exponent, and DuckDB otherwise."""
ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\0": "\\000"})


def edits(content: bytes, literal: ResolvedLiteralProto) -> Iterator[Edit]:
    """What is written otherwise of a literal.

    Raises:
        BigQueryError: nobody knows how.
    """
    start, end = place(literal)
    value = literal.value.value
    is_cast = bool(FOLDED_CAST.match(content[start:end]))
    if literal.value.type.type_kind == TypeKind.Value("TYPE_BYTES"):
        if value.HasField("bytes_value") and (is_cast or content[start : start + 1].lower() in (b"b", b"r")):
            yield Edit(start, end, f"FROM_HEX('{value.bytes_value.hex()}')")
    elif any(_is_binary(part) for part, _ in messages(value)):
        raise not_supported("bytes above 127 in an array or a struct of literals: write FROM_HEX in it")
    elif value.HasField("json_value"):
        yield from _json(content, literal)
    elif is_cast and value.HasField("numeric_value"):
        yield from _numeric(literal)
    elif is_cast and value.HasField("string_value"):
        yield Edit(start, end, f"'{value.string_value.translate(ESCAPES)}'")
    elif b"\\" in content[start:end]:
        yield from _escaped(content, literal)


def _json(content: bytes, literal: ResolvedLiteralProto) -> Iterator[Edit]:
    """JSON as ZetaSQL has read it: the keys of objects in their order, each once."""
    (start, end), text = place(literal), literal.value.value.json_value
    if content[start:end][:4].upper() == b"JSON" and "\\" in text:
        raise not_supported("this escape in a literal that is no STRING: write the character, or cast or parse a STRING")
    if content[start:end][:4].upper() == b"JSON":
        if LARGE_OR_SMALL.search(text):
            raise not_supported("JSON with numbers as large or small as 1e16 and 1e-5")
        yield Edit(start, end, f"JSON '{text.translate(ESCAPES)}'")


def _numeric(literal: ResolvedLiteralProto) -> Iterator[Edit]:
    """What ZetaSQL has cast already: it takes 0.1 for a FLOAT64, and DuckDB for a decimal number."""
    units = int.from_bytes(literal.value.value.numeric_value, "little", signed=True)
    whole, rest = divmod(abs(units), NUMERIC_UNITS)
    yield Edit(*place(literal), f"NUMERIC '{'-' if units < 0 else ''}{whole}.{rest:09}'")


def _escaped(content: bytes, literal: ResolvedLiteralProto) -> Iterator[Edit]:
    """A text with its escapes read. sqlglot and local-bigquery each read some of them, and some of what the other has read."""
    start, end = place(literal)
    is_text = literal.value.type.type_kind == TypeKind.Value("TYPE_STRING")
    if is_text and TEXT_BEGINS.match(content[start:end]):
        text = literal.value.value.string_value.translate(ESCAPES)
        yield Edit(start, end, f"'{text}'")
    elif not is_text and UNREAD.search(content[start:end]):
        raise not_supported("this escape in a literal that is no STRING: write the character, or cast or parse a STRING")


def _is_binary(value: Message) -> bool:
    return isinstance(value, ValueProto) and not value.bytes_value.isascii()
