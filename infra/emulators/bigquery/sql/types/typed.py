"""What depends on types, written into a query as ZetaSQL found it, before it is translated by its text alone.

`TO_JSON_STRING`, for one, shows a NUMERIC, a TIMESTAMP and a number above 2^53 each in its own way, also inside of structs.
"""

import math
import re
from collections.abc import Iterator
from contextvars import ContextVar

from google.protobuf.message import Message
from local_bigquery.errors import BigQueryError
from sqlglot import exp
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_ast_pb2 import (
    ResolvedAggregateHavingModifierProto,
    ResolvedCastProto,
    ResolvedFunctionCallBaseProto,
    ResolvedLiteralProto,
    ResolvedSubqueryExprProto,
    ResolvedUnpivotScanProto,
)

from bigquery.failures import not_supported
from bigquery.sql.analyzer.reference import COMPUTED
from bigquery.sql.resolved import PREFIX, expression_type, messages, place, type_name
from bigquery.sql.types import decimals, literals, moments, orders, shapes
from bigquery.sql.types.edits import Edit, node_of, renamed, wrapped

JSON = "PERENNIAL_JSON_"
FLOAT = "PERENNIAL_FLOAT"
LEAST = "PERENNIAL_LEAST"
MIN = "PERENNIAL_MIN"
QUOTED = "PERENNIAL_QUOTED"
JOINED = "PERENNIAL_JOINED"
TEXT_OF_JSON = "PERENNIAL_TEXT_OF_JSON"
ARITHMETIC = "PERENNIAL_ARITHMETIC"
SUMMED = "PERENNIAL_SUMMED"
ROUND = "PERENNIAL_ROUND"
TRUNC = "PERENNIAL_TRUNC"
DAY = "PERENNIAL_DAY"
EXACT = "PERENNIAL_EXACT"
NO_TEXT = "PERENNIAL_NO_TEXT"
FLOATING = "PERENNIAL_"
"""Names of functions that stand for others in a query on its way to DuckDB; rules.py puts DuckDB's in their place."""
MARKS = {FLOAT, ARITHMETIC, SUMMED, DAY, EXACT, moments.FOUR_DIGITS, *moments.CHECKS, *shapes.CHECKS, *decimals.MARKS}
"""Those that stand around a value."""
PATHS = ("json_value", "json_query", "json_extract", "json_extract_scalar")
"""Functions that read JSON at a path."""
ARRAY_PATHS = ("json_value_array", "json_query_array", "json_extract_array", "json_extract_string_array")
"""Functions that read an array of JSON at a path."""
JSON_PATH = r"""\$(?:\.[^.\[\]'"*$\\]+|\."(?:[^"\\]|\\.)*"|\[\d+\]{})*"""
STANDARD_PATH = re.compile(JSON_PATH.format(""))
LEGACY_PATH = re.compile(JSON_PATH.format(r"|\['(?:[^'\\]|\\.)*'\]"))
"""That of the functions JSON_EXTRACT…"""
COMPARISONS = {"$equal", "$not_equal", "$less", "$less_or_equal", "$greater", "$greater_or_equal", "$between", "$in"}
EQUALITIES = {"$case_with_value": slice(1, -1, 2), "$in_array": slice(1, 2), "nullif": slice(1, 2)}
"""Functions that compare their first argument with others: which ones. NaN equals itself in DuckDB, and nothing in BigQuery."""
OPERATORS = {"$add", "$subtract", "$multiply", "$divide"}
RENAMED = {"least": LEAST, "min": MIN} | {
    name: f"{FLOATING}{name.upper()}" for name in ("round", "trunc", "safe_add", "safe_subtract", "safe_multiply", "safe_divide")
}
ROUNDING = ("round", "trunc")
"""Functions that may be told a number of digits."""
DATES = {"DATE", "DATETIME", "TIMESTAMP"}
MOMENTS = ("datetime", "timestamp")
"""Functions that may be of a text."""
ZONED = {"date", "datetime", "timestamp", "$extract_date", "$extract_datetime"}
"""Functions by which a zone may lead out of the calendar."""
json_types: ContextVar[tuple[TypeProto, ...]] = ContextVar("json_types", default=())
"""Of the query that runs, the types of what is shown as JSON."""
EXACT_INTEGER = 2**53
"""Numbers up to it are numbers in JSON, and texts beyond."""
NUMBER = "IF({value} = TRUNC({value}) AND ABS({value}) <= {exact}, {text}, {quoted})"
SHOWN = {
    "INT64": "IF({value} BETWEEN -{exact} AND {exact}, {text}, {quoted})",
    "NUMERIC": NUMBER,
    "BIGNUMERIC": NUMBER,
    "FLOAT64": "CASE WHEN IS_NAN({value}) THEN '\"NaN\"' WHEN IS_INF({value}) THEN IF({value} > 0, '\"Infinity\"', '\"-Infinity\"') "
    "WHEN {value} = 0 THEN '0' ELSE REGEXP_REPLACE({text}, r'\\.0$', '') END",
    "BOOL": "{text}",
    "STRING": f"{QUOTED}({{value}})",
    "BYTES": "CONCAT('\"', TO_BASE64({value}), '\"')",
    "DATE": "{quoted}",
    "TIME": "{quoted}",
    "DATETIME": "REPLACE({quoted}, ' ', 'T')",
    "JSON": "{text}",
    "TIMESTAMP": "REPLACE(REPLACE({quoted}, ' ', 'T'), '+00', 'Z')",
}
"""How values of types without parts are shown as JSON, in BigQuery's SQL."""


def write_types(query: str, statement: Message) -> tuple[str, tuple[TypeProto, ...]]:
    """The query with names that tell types, and the types of the arguments of `PERENNIAL_JSON_0` and so on."""
    content, types = query.encode(), list[TypeProto]()
    edits = [*orders.edits(content, statement), *_edits(content, statement, types)]
    inwards = sorted(enumerate(edits), key=lambda placed: (placed[1].start, placed[1].end, placed[0] if placed[1].opens else -placed[0]))
    for _, edit in reversed(inwards):
        content = content[: edit.start] + edit.text.encode() + content[edit.end :]
    return content.decode(), tuple(types)


def _edits(content: bytes, statement: Message, types: list[TypeProto]) -> Iterator[Edit]:
    for message, _ in messages(statement):
        if isinstance(message, ResolvedFunctionCallBaseProto):
            yield from _function(content, message, types)
        elif isinstance(message, ResolvedCastProto):
            moments.check_cast(message)
            if (kind := type_name(expression_type(message.expr))) != "STRING":
                is_exact = (kind, type_name(message.parent.type)) == ("FLOAT64", "NUMERIC")
                yield from wrapped(node_of(message.expr), EXACT if is_exact else NO_TEXT)
        elif isinstance(message, ResolvedLiteralProto):
            yield from literals.edits(content, message)
        else:
            _refuse(message)


def _refuse(message: Message) -> None:
    """Refuse what DuckDB does otherwise.

    Raises:
        BigQueryError: it is.
    """
    if isinstance(message, ResolvedSubqueryExprProto) and message.HasField("in_expr"):
        if type_name(expression_type(message.in_expr)) == "FLOAT64":
            raise not_supported("IN of FLOAT64 and a query: join them, or compare by EXISTS")
    elif isinstance(message, ResolvedAggregateHavingModifierProto):
        if type_name(expression_type(message.having_expr)) == "FLOAT64":
            raise not_supported("ANY_VALUE with HAVING MAX or MIN of FLOAT64: cast it to NUMERIC")
    elif isinstance(message, ResolvedUnpivotScanProto) and any(not one.value.value.HasField("string_value") for one in message.label_list):
        raise not_supported("UNPIVOT with numbers AS names: write texts")


def _function(content: bytes, call: ResolvedFunctionCallBaseProto, types: list[TypeProto]) -> Iterator[Edit]:
    name = call.function.name.removeprefix(PREFIX).lower()
    kinds = [expression_type(argument) for argument in call.argument_list]
    has_floats = any(type_name(kind) == "FLOAT64" for kind in kinds)
    for module in (decimals, moments, shapes):
        yield from module.edits(content, call, name, kinds)
    if name in COMPARISONS and has_floats:
        begin, stop = next((found for found in map(place, map(node_of, call.argument_list)) if found[1] > found[0]), (0, 0))
        if not stop:
            raise not_supported("JOIN USING a column of FLOAT64: write ON a.x = b.x")
        yield from (Edit(begin, begin, f"{FLOAT}("), Edit(stop, stop, ")"))
    elif name in EQUALITIES and type_name(kinds[0]) == "FLOAT64" and any(map(_may_be_nan, call.argument_list[EQUALITIES[name]])):
        raise not_supported(f"{name.removeprefix('$').upper()} of FLOAT64 with values that may be NaN: compare them by =")
    elif name == "to_json_string":
        if len(kinds) > 1:
            raise not_supported("TO_JSON_STRING with pretty_print")
        yield renamed(content, call, name, f"{JSON}{len(types)}")
        types.append(kinds[0])
    elif name.upper() in COMPUTED:
        yield renamed(content, call, name, f"{FLOATING}{name.upper()}", may_be_safe=True)
    elif name in (*PATHS, *ARRAY_PATHS):
        yield from _path(call, kinds, name)
    elif name in MOMENTS and kinds and type_name(kinds[0]) in DATES:
        yield from wrapped(node_of(call.argument_list[0]), NO_TEXT)
        yield from _overflowing(content, call, name, has_floats)
    else:
        yield from _overflowing(content, call, name, has_floats)


def _overflowing(content: bytes, call: ResolvedFunctionCallBaseProto, name: str, has_floats: bool) -> Iterator[Edit]:
    """What is beyond FLOAT64 or the calendar. A quotient of whole numbers cannot be."""
    if name in OPERATORS:
        result = type_name(expression_type(call))
        if result in DATES or (result == "FLOAT64" and has_floats):
            yield from wrapped(call, DAY if result in DATES else ARITHMETIC)
    elif name in ZONED and len(call.argument_list) > 1 and type_name(expression_type(call.argument_list[0])) in DATES:
        yield from wrapped(call, DAY)
    elif name in RENAMED and has_floats and (name not in ROUNDING or len(call.argument_list) > 1):
        yield renamed(content, call, name, RENAMED[name])
    elif name in ("sum", "avg") and has_floats:
        yield from wrapped(node_of(call.argument_list[0]), SUMMED)


def _path(call: ResolvedFunctionCallBaseProto, kinds: list[TypeProto], name: str) -> Iterator[Edit]:
    """A text that is no JSON has nothing at any path.

    Raises:
        BigQueryError: the path is none.
    """
    value, *paths = map(node_of, call.argument_list)
    for path in paths:
        if isinstance(path, ResolvedLiteralProto):
            _check_path(path.value.value.string_value, LEGACY_PATH if "extract" in name else STANDARD_PATH)
    if type_name(kinds[0]) == "STRING":
        yield from wrapped(value, TEXT_OF_JSON)


def _check_path(path: str, pattern: re.Pattern[str]) -> None:
    if not path.startswith("$"):
        raise BigQueryError("invalidQuery", "JSONPath must start with '$'")
    if pattern.fullmatch(path):
        return
    if "\\" in path or "[-" in path:
        raise not_supported(f"the JSONPath {path}")
    if "*" in path or ".." in path:
        raise BigQueryError("invalidQuery", f"Unsupported operator in JSONPath: {path}")
    raise BigQueryError("invalidQuery", f"Invalid token in JSONPath at: {path}")


def _may_be_nan(argument: Message) -> bool:
    literal = node_of(argument)
    numbers = [part.double_value for part, _ in messages(literal) if isinstance(part, ValueProto) and part.HasField("double_value")]
    return not isinstance(literal, ResolvedLiteralProto) or any(map(math.isnan, numbers))


def json_text(value: str, kind: TypeProto) -> str:
    """An expression of BigQuery's SQL: the JSON of a value of a type.

    Raises:
        BigQueryError: the emulator does not know how BigQuery shows the type.
    """
    name = type_name(kind).partition("<")[0]
    if name == "STRUCT":
        shown = _struct(value, kind)
    elif name == "ARRAY":
        shown = f"CONCAT('[', IFNULL({JOINED}({value}, {json_text('element', kind.array_type.element_type)}), ''), ']')"
    elif name in SHOWN:
        text = f"CAST({value} AS STRING)"
        shown = SHOWN[name].format(value=value, text=text, quoted=f"CONCAT('\"', {text}, '\"')", exact=EXACT_INTEGER)
    else:
        raise not_supported(f"TO_JSON_STRING of {name}")
    return f"IF({value} IS NULL, 'null', {shown})"


def _struct(value: str, kind: TypeProto) -> str:
    parts = []
    for field in kind.struct_type.field:
        if not field.field_name:
            raise not_supported("TO_JSON_STRING of a struct with fields without names")
        name = exp.Literal.string(f'"{field.field_name}":').sql("bigquery")
        parts.append(f"{name}, {json_text(f'{value}.`{field.field_name}`', field.field_type)}")
    between = ", ',', ".join(parts) or "''"
    return f"CONCAT('{{', {between}, '}}')"
