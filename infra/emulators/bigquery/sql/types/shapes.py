"""What depends on the types of texts, numbers and structs alone, written into a query as ZetaSQL found it."""

import re
from collections.abc import Iterator, Sequence

from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeKind, TypeProto
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_ast_pb2 import ResolvedFunctionCallBaseProto, ResolvedLiteralProto

from bigquery.failures import not_supported
from bigquery.sql.resolved import messages, place, type_name
from bigquery.sql.types.edits import Edit, node_of, renamed, wrapped

FIELDS = "PERENNIAL_FIELDS_"
UNSIGNED = "PERENNIAL_UNSIGNED"
FINITE = "PERENNIAL_FINITE"
NOT_NAN = "PERENNIAL_NOT_NAN"
LOG = "PERENNIAL_LOG"
INT64 = "PERENNIAL_INT64"
ZERO = "PERENNIAL_ZERO"
CHECKS = (UNSIGNED, FINITE, NOT_NAN, LOG, INT64, ZERO)
"""Macros around an argument, that give it back or are an error."""
CASES = {"lower": "PERENNIAL_LOWER", "upper": "PERENNIAL_UPPER", "reverse": "PERENNIAL_REVERSE"}
"""Functions that are others for STRING, and not for BYTES."""
PLAIN = {"INT64", "BOOL", "STRING", "BYTES", "DATE", "DATETIME", "TIME", "TIMESTAMP", "NUMERIC", "BIGNUMERIC"}
"""Types whose values are equal in DuckDB where they are in BigQuery."""
OTHER_COMPARISONS = {"$in", "$in_array", "$case_with_value", "nullif"}
ELEMENT = re.compile(r"%[^A-Za-z%]*[A-Za-z%]")
UNSIGNED_ELEMENTS = ("x", "X", "o")
QUANTILES = ("percentile_cont", "percentile_disc", "approx_quantiles")
PADDED = re.compile(r"%[-+ #']*0")
LOGARITHMS = ("ln", "log", "log10")
DECIMALS = {"TYPE_NUMERIC", "TYPE_BIGNUMERIC"}


def edits(content: bytes, call: ResolvedFunctionCallBaseProto, name: str, kinds: Sequence[TypeProto]) -> Iterator[Edit]:
    """What is written otherwise of a call."""
    first = type_name(kinds[0]) if kinds else ""
    if first == "STRUCT" and name in ("$equal", "$not_equal"):
        yield from _fields(call, kinds[0])
    elif first == "STRUCT" and name in OTHER_COMPARISONS:
        raise not_supported(f"{name.removeprefix('$').upper()} of STRUCT: compare by =, or compare the fields")
    elif name in CASES and first == "STRING":
        yield renamed(content, call, name, CASES[name])
    elif name in QUANTILES and first == "FLOAT64":
        yield from wrapped(node_of(call.argument_list[0]), NOT_NAN)
    elif name == "format":
        yield from _numbers(call, kinds)
    elif name in LOGARITHMS and (first == "FLOAT64" or len(kinds) > 1):
        yield from (edit for argument in call.argument_list for edit in wrapped(node_of(argument), LOG))
    elif name == "bit_count" and first == "INT64":
        yield from wrapped(node_of(call.argument_list[0]), INT64)
    elif name == "to_json" and any(TypeKind.Name(one.type_kind) in DECIMALS for one, _ in messages(kinds[0]) if isinstance(one, TypeProto)):
        raise not_supported("TO_JSON of NUMERIC and BIGNUMERIC: cast them to STRING or FLOAT64")


def _fields(call: ResolvedFunctionCallBaseProto, kind: TypeProto) -> Iterator[Edit]:
    """Structs that are compared field by field: a NULL in one makes the comparison NULL, unless another field tells that they differ."""
    others = {type_name(field.field_type) for field in kind.struct_type.field} - PLAIN
    side = next((node for node in map(node_of, call.argument_list) if place(node)[1] > place(node)[0]), None)
    if others or side is None:
        raise not_supported(f"comparing STRUCTs of {', '.join(sorted(others)) or 'these types'}: compare their fields")
    yield from wrapped(side, f"{FIELDS}{len(kind.struct_type.field)}")


def _numbers(call: ResolvedFunctionCallBaseProto, kinds: Sequence[TypeProto]) -> Iterator[Edit]:
    """Numbers that DuckDB writes otherwise: the bits of negative ones to the base of 16 or 8, and zeros behind infinity."""
    template, *arguments = map(node_of, call.argument_list)
    if not isinstance(template, ResolvedLiteralProto):
        return
    elements = [element for element in ELEMENT.findall(template.value.value.string_value) if element[-1] != "%"]
    takers = [taker for element in elements for taker in (*("*" * element.count("*")), element)]
    for taker, argument, kind in zip(takers, arguments, kinds[1:], strict=False):
        if taker[-1] in UNSIGNED_ELEMENTS:
            yield from wrapped(argument, UNSIGNED)
        elif type_name(kind) == "FLOAT64" and taker[-1] != "t":
            yield from wrapped(argument, FINITE if PADDED.match(taker) else ZERO)
