"""Arithmetic of NUMERIC and INT64, written into a query as ZetaSQL found it: DuckDB has FLOAT64 for some, and overflows in others."""

from collections.abc import Iterator, Sequence

from google.protobuf.message import Message
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_ast_pb2 import ResolvedFunctionCallBaseProto, ResolvedLiteralProto

from bigquery.failures import not_supported
from bigquery.sql.resolved import expression_type, type_name
from bigquery.sql.types.edits import Edit, node_of, renamed, wrapped

QUOTIENT = "PERENNIAL_QUOTIENT"
PRODUCT = "PERENNIAL_PRODUCT"
MEAN = "PERENNIAL_MEAN"
TOTAL = "PERENNIAL_TOTAL"
OPERATORS = {"$divide": QUOTIENT, "$multiply": PRODUCT}
MARKS = {QUOTIENT, PRODUCT, MEAN, TOTAL}
AGGREGATES = {"avg": MEAN, "sum": TOTAL}
CALLS = {
    "div": "PERENNIAL_WHOLE_QUOTIENT",
    "safe_add": "PERENNIAL_TRY_SUM",
    "safe_subtract": "PERENNIAL_TRY_DIFFERENCE",
    "safe_multiply": "PERENNIAL_TRY_PRODUCT",
    "safe_divide": "PERENNIAL_TRY_QUOTIENT",
}
"""Functions of two NUMERIC, and what they are called that compute them by Python."""
NEGATE = "PERENNIAL_NEGATE"
INT64_CALLS = {name: f"PERENNIAL_INT64_{name.upper()}" for name in ("safe_add", "safe_subtract", "safe_multiply", "safe_negate", "mod")}
INT64 = frozenset(INT64_CALLS.values())
"""Macros, of INT64 only."""
ORIGINALS = {called: name for name, called in [*CALLS.items(), *INT64_CALLS.items()]} | {NEGATE: "safe_negate"}
"""The functions that these stand for."""
COMPUTED = {
    "$add",
    "$subtract",
    "$multiply",
    "$divide",
    "safe_add",
    "safe_subtract",
    "safe_multiply",
    "safe_divide",
    "avg",
    "sum",
    "pow",
    "sqrt",
}
"""Functions whose results may have more digits than DuckDB has for BIGNUMERIC."""


def edits(content: bytes, call: ResolvedFunctionCallBaseProto, name: str, kinds: Sequence[TypeProto]) -> Iterator[Edit]:
    """What is written otherwise of a call.

    Raises:
        BigQueryError: it computes with BIGNUMERIC.
    """
    result = type_name(expression_type(call)) if kinds else ""
    if result == "BIGNUMERIC" and name in COMPUTED:
        raise not_supported(f"{name.removeprefix('$').upper()} of BIGNUMERIC: cast to NUMERIC")
    if result == "NUMERIC" and name in OPERATORS:
        yield from wrapped(call, OPERATORS[name])
    elif result == "NUMERIC" and name in CALLS:
        yield renamed(content, call, name, CALLS[name])
    elif result == "NUMERIC" and name in AGGREGATES:
        yield from wrapped(node_of(call.argument_list[0]), AGGREGATES[name])
    elif result == "INT64" and name in INT64_CALLS and not (name == "mod" and _is_positive(call.argument_list[1])):
        yield renamed(content, call, name, INT64_CALLS[name])
    elif name == "safe_negate":
        yield renamed(content, call, name, NEGATE)


def _is_positive(argument: Message) -> bool:
    literal = node_of(argument)
    return isinstance(literal, ResolvedLiteralProto) and literal.value.value.int64_value > 0
