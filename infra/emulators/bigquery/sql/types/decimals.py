"""Arithmetic of NUMERIC, written into a query as ZetaSQL found it: DuckDB divides, and takes a mean, by FLOAT64."""

from collections.abc import Iterator, Sequence

from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_ast_pb2 import ResolvedFunctionCallBaseProto

from bigquery.failures import not_supported
from bigquery.sql.resolved import expression_type, type_name
from bigquery.sql.types.edits import Edit, node_of, renamed, wrapped

QUOTIENT = "PERENNIAL_QUOTIENT"
SAFE_QUOTIENT = "PERENNIAL_SAFE_QUOTIENT"
MEAN = "PERENNIAL_MEAN"
TOTAL = "PERENNIAL_TOTAL"
MARKS = {QUOTIENT, MEAN, TOTAL}
AGGREGATES = {"avg": MEAN, "sum": TOTAL}
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
    if result != "NUMERIC":
        return
    if name == "$divide":
        yield from wrapped(call, QUOTIENT)
    elif name == "safe_divide":
        yield renamed(content, call, name, SAFE_QUOTIENT)
    elif name in AGGREGATES:
        yield from wrapped(node_of(call.argument_list[0]), AGGREGATES[name])
