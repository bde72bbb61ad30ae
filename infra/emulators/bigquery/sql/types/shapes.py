"""What depends on the types of texts, numbers and structs alone, written into a query as ZetaSQL found it."""

import re
from collections.abc import Iterator, Sequence

from zetasql.wasi._pb2.zetasql.public.functions.datetime_pb2 import DateTimestampPart
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeKind, TypeProto
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_ast_pb2 import ResolvedFunctionCallBaseProto, ResolvedLiteralProto

from bigquery.failures import not_supported
from bigquery.sql.resolved import messages, place, type_name
from bigquery.sql.types.edits import Edit, node_of, renamed, wrapped

FIELDS = "PERENNIAL_FIELDS_"
UNSIGNED = "PERENNIAL_UNSIGNED"
FINITE = "PERENNIAL_FINITE"
FOUR_DIGITS = "PERENNIAL_FOUR_DIGITS"
CASES = {"lower": "PERENNIAL_LOWER", "upper": "PERENNIAL_UPPER"}
"""Functions that are others for STRING, and not for BYTES."""
PLAIN = {"INT64", "BOOL", "STRING", "BYTES", "DATE", "DATETIME", "TIME", "TIMESTAMP", "NUMERIC", "BIGNUMERIC"}
"""Types whose values are equal in DuckDB where they are in BigQuery."""
OTHER_COMPARISONS = {"$in", "$in_array", "$case_with_value", "nullif"}
ELEMENT = re.compile(r"%[^A-Za-z%]*[A-Za-z%]")
UNSIGNED_ELEMENTS = ("x", "X", "o")
PADDED = re.compile(r"%[-+ #']*0")
ZONED_PARTS = {"DAY", "MONTH", "QUARTER", "YEAR"}
DECIMALS = {"TYPE_NUMERIC", "TYPE_BIGNUMERIC"}


def edits(content: bytes, call: ResolvedFunctionCallBaseProto, name: str, kinds: Sequence[TypeProto]) -> Iterator[Edit]:
    """What is written otherwise of a call."""
    first = type_name(kinds[0]) if kinds else ""
    if first == "STRUCT" and name in ("$equal", "$not_equal"):
        yield from _fields(call, kinds[0])
    elif first == "STRUCT" and name in OTHER_COMPARISONS:
        raise not_supported(f"{name.removeprefix('$').upper()} of STRUCT: compare by =, or compare the fields")
    elif first == "STRING" and name in CASES:
        yield renamed(content, call, name, CASES[name])
    elif name == "format":
        yield from _numbers(call, kinds)
    elif name.startswith("format_") and name != "format_time":
        _check_zone(call)
        yield from wrapped(node_of(call.argument_list[1]), FOUR_DIGITS)
    elif name == "timestamp_trunc" and len(kinds) > 2:
        _check_part(call)
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
        elif type_name(kind) == "FLOAT64" and PADDED.match(taker):
            yield from wrapped(argument, FINITE)


def _check_zone(call: ResolvedFunctionCallBaseProto) -> None:
    """DuckDB knows no names for zones that are given as numbers."""
    template, *zones = (node_of(argument) for place, argument in enumerate(call.argument_list) if place != 1)
    names = [zone.value.value.string_value if isinstance(zone, ResolvedLiteralProto) else "+" for zone in zones]
    if isinstance(template, ResolvedLiteralProto) and "%Z" in template.value.value.string_value and any(name[:1] in "+-" for name in names):
        raise not_supported("FORMAT_TIMESTAMP %Z of a zone that is no name: write %z")


def _check_part(call: ResolvedFunctionCallBaseProto) -> None:
    """DuckDB counts the hours of all zones from those of UTC, and has no weeks and years of ISO in a zone."""
    part = node_of(call.argument_list[1])
    name = DateTimestampPart.Name(part.value.value.enum_value) if isinstance(part, ResolvedLiteralProto) else "this"
    if name not in ZONED_PARTS and not name.startswith("WEEK"):
        raise not_supported(f"TIMESTAMP_TRUNC to {name} in a zone: take DATETIME(…) of it, and DATETIME_TRUNC")
