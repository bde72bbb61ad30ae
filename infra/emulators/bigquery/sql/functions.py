"""SQL functions that local-bigquery runs once a row in Python, made fast: whole columns at a time, in C."""

import datetime as dt
import json
import re
import zoneinfo
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from importlib.resources import files
from typing import Any

import duckdb
import farmhash
import pyarrow as pa
from duckdb.func import ARROW, SPECIAL
from duckdb.sqltypes import BIGINT, BLOB, TIMESTAMP, TIMESTAMP_TZ, VARCHAR
from local_bigquery.sql import native

from bigquery.sql.analyzer import reference

original_register = native.register

EXACT = Context(prec=100)
NINTH = Decimal("1e-9")
BEYOND_NUMERIC = Decimal("1e29")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
OFFSET = re.compile(r"([+-])(\d{1,2})(?::?(\d\d))?")
TEXT = (files("bigquery.sql") / "text.sql").read_text()


def farm_fingerprint(values: pa.ChunkedArray) -> pa.Array:
    """BigQuery's FARM_FINGERPRINT: the 64 bits of FarmHash's Fingerprint64, read as a signed number. DuckDB leaves out the NULLs."""
    unsigned = pa.array(map(farmhash.fingerprint64, values.to_pylist()), pa.uint64(), size=len(values))
    return unsigned.view(pa.int64())


def lower(values: pa.ChunkedArray) -> pa.Array:
    """Texts in small letters, by Unicode's mappings of one character to several and of the sigma that ends a word."""
    return pa.array(map(str.lower, values.to_pylist()), pa.string(), size=len(values))


def upper(values: pa.ChunkedArray) -> pa.Array:
    """Texts in capitals, as above."""
    return pa.array(map(str.upper, values.to_pylist()), pa.string(), size=len(values))


def json_in_order(values: pa.ChunkedArray) -> pa.Array:
    """JSON with the keys of its objects in their order, of two that are the same the first, and its numbers as FLOAT64 and INT64 are."""
    written = (
        json.dumps(json.loads(value, object_pairs_hook=_in_order), ensure_ascii=False, separators=(",", ":"))
        for value in values.to_pylist()
    )
    return pa.array(written, pa.string(), size=len(values))


def reverse(values: pa.ChunkedArray) -> pa.Array:
    """Texts backwards, code point by code point, where DuckDB keeps an accent behind its letter."""
    return pa.array((value[::-1] for value in values.to_pylist()), pa.string(), size=len(values))


def _product(one: Decimal, other: Decimal) -> Decimal:
    return _rounded(EXACT.multiply(one, other), f"{one:f} * {other:f}")


def _quotient(one: Decimal, other: Decimal) -> Decimal:
    return _rounded(EXACT.divide(one, _divisor(one, other)), f"{one:f} / {other:f}")


def _whole_quotient(one: Decimal, other: Decimal) -> Decimal:
    return _rounded(EXACT.divide_int(one, _divisor(one, other)), f"DIV({one:f}, {other:f})")


def _sum(one: Decimal, other: Decimal) -> Decimal:
    return _rounded(EXACT.add(one, other), f"{one:f} + {other:f}")


def _difference(one: Decimal, other: Decimal) -> Decimal:
    return _rounded(EXACT.subtract(one, other), f"{one:f} - {other:f}")


def _divisor(one: Decimal, other: Decimal) -> Decimal:
    if not other:
        raise ValueError(f"division by zero: {one.normalize():f} / 0")
    return other


def _rounded(result: Decimal, operation: str) -> Decimal:
    """A NUMERIC: rounded half away from zero at the ninth digit behind the point."""
    result = result.quantize(NINTH, ROUND_HALF_UP, EXACT)
    if result.copy_abs() >= BEYOND_NUMERIC:
        raise ValueError(f"numeric overflow: {operation}")
    return result


Columns = Callable[[pa.ChunkedArray, pa.ChunkedArray], pa.Array]
OPERATIONS = (_product, _quotient, _whole_quotient, _sum, _difference)


def of_decimals(operation: Callable[[Decimal, Decimal], Decimal]) -> tuple[Columns, Columns]:
    """An operation of two columns of NUMERIC, and the same that is NULL where it is an error, or one of both is NULL."""

    def attempt(one: Decimal | None, other: Decimal | None) -> Decimal | None:
        try:
            return None if one is None or other is None else operation(one, other)
        except ValueError:
            return None

    def by_row(function: Callable[[Any, Any], Decimal | None]) -> Columns:
        return lambda ones, others: pa.array(map(function, ones.to_pylist(), others.to_pylist()), pa.decimal128(38, 9), size=len(ones))

    return by_row(operation), by_row(attempt)


def from_local(clocks: pa.ChunkedArray, zones: pa.ChunkedArray) -> pa.Array:
    """The moments of local times. One that a zone has twice, when its clocks go back, is the first of both; DuckDB takes the second."""
    microseconds = clocks.cast(pa.int64()).to_pylist()
    moments = (clock - _offset(clock, zone) for clock, zone in zip(microseconds, zones.to_pylist(), strict=True))
    return pa.array(moments, pa.int64(), size=len(clocks)).cast(pa.timestamp("us", "UTC"))


def _offset(clock: int, zone: str) -> int:
    """Microseconds that a zone is ahead of UTC."""
    if told := OFFSET.fullmatch(zone):
        minutes = int(told[2]) * 60 + int(told[3] or 0)
        return (-minutes if told[1] == "-" else minutes) * 60_000_000
    try:
        local = (EPOCH + dt.timedelta(microseconds=clock)).replace(tzinfo=zoneinfo.ZoneInfo(zone))
    except OverflowError as error:
        raise ValueError("A date out of the range 0001-01-01 to 9999-12-31 causes overflow") from error
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"Invalid time zone: {zone}") from error
    return (local.utcoffset() or dt.timedelta()) // dt.timedelta(microseconds=1)


def _in_order(pairs: list[tuple[str, object]]) -> dict[str, object]:
    return dict(sorted(dict(reversed(pairs)).items()))


def zone_name(seconds: float, zone: str) -> str:
    """How %Z of FORMAT_TIMESTAMP shows a zone at a moment: UTC, UTC-8, UTC+0530."""
    offset = OFFSET.fullmatch(zone)
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        sign = offset[1]
    else:
        moment = EPOCH + dt.timedelta(seconds=seconds)
        shift = int((moment.astimezone(zoneinfo.ZoneInfo(zone)).utcoffset() or dt.timedelta()).total_seconds())
        minutes, sign = abs(shift) // 60, "-" if shift < 0 else "+"
    hours, rest = divmod(minutes, 60)
    return "UTC" if not minutes else f"UTC{sign}{hours:02}{rest:02}" if rest else f"UTC{sign}{hours}"


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the functions callable that the macros of local-bigquery call, ours under its names."""
    original_register(connection)
    connection.create_function("_json_in_order", json_in_order, [VARCHAR], VARCHAR, type=ARROW)
    numeric = duckdb.decimal_type(38, 9)
    for operation in OPERATIONS:
        name, (exact, attempt) = operation.__name__, of_decimals(operation)
        connection.create_function(name, exact, [numeric, numeric], numeric, type=ARROW)
        connection.create_function(f"_try{name}", attempt, [numeric, numeric], numeric, type=ARROW, null_handling=SPECIAL)
    connection.create_function("_from_local", from_local, [TIMESTAMP, VARCHAR], TIMESTAMP_TZ, type=ARROW)
    reference.register(connection)
    connection.create_function("_reverse", reverse, [VARCHAR], VARCHAR, type=ARROW)
    connection.create_function("_lower", lower, [VARCHAR], VARCHAR, type=ARROW)
    connection.create_function("_upper", upper, [VARCHAR], VARCHAR, type=ARROW)
    connection.create_function("_farm_fingerprint", farm_fingerprint, [BLOB], BIGINT, type=ARROW)
    connection.execute(TEXT)
