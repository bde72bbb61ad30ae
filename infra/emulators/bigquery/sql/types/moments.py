"""What depends on the parts and the zones of moments, written into a query as ZetaSQL found it."""

import re
from collections.abc import Iterator, Sequence

from google.protobuf.message import Message
from local_bigquery.errors import BigQueryError
from zetasql.wasi._pb2.zetasql.public.functions.datetime_pb2 import DateTimestampPart
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_ast_pb2 import (
    ResolvedCastProto,
    ResolvedFunctionCallBaseProto,
    ResolvedFunctionCallProto,
    ResolvedLiteralProto,
)

from bigquery.failures import not_supported
from bigquery.sql.resolved import PREFIX, expression_type, place, type_name
from bigquery.sql.types.edits import Edit, node_of, wrapped

FOUR_DIGITS = "PERENNIAL_FOUR_DIGITS"
WHOLE_MINUTES = "PERENNIAL_WHOLE_MINUTES"
WHOLE_SECONDS = "PERENNIAL_WHOLE_SECONDS"
CHECKS = (WHOLE_MINUTES, WHOLE_SECONDS)
"""Macros around an argument, that give it back or are an error."""
SPLIT_SECOND = re.compile(r"%E[\d*]+S")
ZONED_PARTS = {"DAY", "MONTH", "QUARTER", "YEAR"}
LONG_PARTS = {"MONTH", "QUARTER", "YEAR"}
MONTHS = slice(12, 16)
"""Where an INTERVAL has its months, of 16 bytes."""
OF_TIME = re.compile(r"HH|MI|SS|FF|TZ|[AP]\.?M\.?", re.IGNORECASE)
"""Elements of a format that no DATE has."""


def edits(content: bytes, call: ResolvedFunctionCallBaseProto, name: str, kinds: Sequence[TypeProto]) -> Iterator[Edit]:
    """What is written otherwise of a call."""
    if name == "string" and len(kinds) > 1:
        yield from _in_zone(content, call)
    elif name.startswith("format_") and name != "format_time":
        yield from _moment(content, call)
    elif name == "timestamp_trunc" and len(kinds) > 2:
        _check_part(call)
    elif name in ("$add", "$subtract") and type_name(expression_type(call)) == "TIMESTAMP":
        for argument, kind in zip(call.argument_list, kinds, strict=True):
            if type_name(kind) == "INTERVAL":
                _check_interval(node_of(argument))


def check_cast(cast: ResolvedCastProto) -> None:
    """Refuse a DATE that is cast by a format with elements that it has not.

    Raises:
        BigQueryError: it is.
    """
    template = node_of(cast.format) if cast.HasField("format") else None
    text = template.value.value.string_value if isinstance(template, ResolvedLiteralProto) else ""
    if (found := OF_TIME.search(text)) and type_name(expression_type(cast.expr)) == "DATE":
        raise not_supported(f"{found[0]} in the format of a DATE")


def _moment(content: bytes, call: ResolvedFunctionCallBaseProto) -> Iterator[Edit]:
    """A day or a moment that is formatted."""
    template, moment, *zones = map(node_of, call.argument_list)
    text = template.value.value.string_value if isinstance(template, ResolvedLiteralProto) else ""
    if "%s" in text and SPLIT_SECOND.search(text):
        raise not_supported("%s beside fractions of a second")
    yield from wrapped(moment, FOUR_DIGITS)
    if "%s" in text:
        yield from wrapped(moment, WHOLE_SECONDS)
    elif zones:
        yield from _in_zone(content, call, 1)


def _in_zone(content: bytes, call: ResolvedFunctionCallBaseProto, argument: int = 0) -> Iterator[Edit]:
    """A moment whose zone is told with it."""
    moment, zone = map(node_of, call.argument_list[argument : argument + 2])
    (start, end), (zone_start, zone_end) = place(moment), place(zone)
    is_offset = isinstance(zone, ResolvedLiteralProto) and zone.value.value.string_value[:1] in ("+", "-")
    if end > start and zone_end > zone_start and not is_offset:
        yield from (Edit(start, start, f"{WHOLE_MINUTES}("), Edit(end, end, f", {content[zone_start:zone_end].decode()})"))


def _check_part(call: ResolvedFunctionCallBaseProto) -> None:
    """DuckDB counts the hours of all zones from those of UTC, and has no weeks and years of ISO in a zone."""
    part = node_of(call.argument_list[1])
    name = DateTimestampPart.Name(part.value.value.enum_value) if isinstance(part, ResolvedLiteralProto) else "this"
    zone = node_of(call.argument_list[2])
    is_offset = isinstance(zone, ResolvedLiteralProto) and zone.value.value.string_value[:1] in ("+", "-")
    if name not in ZONED_PARTS and (is_offset or not name.startswith("WEEK")):
        raise not_supported(f"TIMESTAMP_TRUNC to {name} in a zone: take DATETIME(…) of it, and DATETIME_TRUNC")


def _check_interval(interval: Message) -> None:
    """Months and years have no fixed length, and cannot be added to a TIMESTAMP."""
    is_long = False
    if isinstance(interval, ResolvedFunctionCallProto):
        interval = interval.parent
    if isinstance(interval, ResolvedLiteralProto):
        is_long = any(interval.value.value.interval_value[MONTHS])
    elif isinstance(interval, ResolvedFunctionCallBaseProto) and interval.function.name.removeprefix(PREFIX).lower() == "$interval":
        part = node_of(interval.argument_list[1])
        is_long = isinstance(part, ResolvedLiteralProto) and DateTimestampPart.Name(part.value.value.enum_value) in LONG_PARTS
    else:
        raise not_supported("TIMESTAMP with an INTERVAL that is computed: write INTERVAL n DAY")
    if is_long:
        message = "TIMESTAMP +/- INTERVAL is not supported for intervals with non-zero MONTH or YEAR part."
        raise BigQueryError("invalidQuery", message)
