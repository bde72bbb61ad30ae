"""SQL functions that local-bigquery runs once a row in Python, made fast: whole columns at a time, in C."""

import datetime as dt
import json
import re
import zoneinfo
from decimal import ROUND_HALF_UP, Context, Decimal
from importlib.resources import files

import duckdb
import farmhash
import pyarrow as pa
from duckdb.func import ARROW
from duckdb.sqltypes import BIGINT, BLOB, VARCHAR
from local_bigquery.sql import native

original_register = native.register

EXACT = Context(prec=100)
NINTH = Decimal("1e-9")
BEYOND_NUMERIC = Decimal("1e29")
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


def quotient(ones: pa.ChunkedArray, others: pa.ChunkedArray) -> pa.Array:
    """NUMERIC divided by NUMERIC, rounded half away from zero at the ninth digit behind the point."""
    pairs = zip(ones.to_pylist(), others.to_pylist(), strict=True)
    return pa.array((_quotient(one, other) for one, other in pairs), pa.decimal128(38, 9), size=len(ones))


def _quotient(one: Decimal, other: Decimal) -> Decimal:
    if not other:
        raise ValueError(f"division by zero: {one.normalize():f} / 0")
    result = EXACT.divide(one, other).quantize(NINTH, ROUND_HALF_UP, EXACT)
    if result.copy_abs() >= BEYOND_NUMERIC:
        raise ValueError(f"numeric overflow: {one:f} / {other:f}")
    return result


def _in_order(pairs: list[tuple[str, object]]) -> dict[str, object]:
    return dict(sorted(dict(reversed(pairs)).items()))


def zone_name(seconds: float, zone: str) -> str:
    """How %Z of FORMAT_TIMESTAMP shows a zone at a moment: UTC, UTC-8, UTC+0530."""
    offset = OFFSET.fullmatch(zone)
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        sign = offset[1]
    else:
        moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
        shift = int((moment.astimezone(zoneinfo.ZoneInfo(zone)).utcoffset() or dt.timedelta()).total_seconds())
        minutes, sign = abs(shift) // 60, "-" if shift < 0 else "+"
    hours, rest = divmod(minutes, 60)
    return "UTC" if not minutes else f"UTC{sign}{hours:02}{rest:02}" if rest else f"UTC{sign}{hours}"


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the functions callable that the macros of local-bigquery call, ours under its names."""
    original_register(connection)
    connection.execute(TEXT)
    connection.create_function("_json_in_order", json_in_order, [VARCHAR], VARCHAR, type=ARROW)
    numeric = duckdb.decimal_type(38, 9)
    connection.create_function("_quotient", quotient, [numeric, numeric], numeric, type=ARROW)
    connection.create_function("_reverse", reverse, [VARCHAR], VARCHAR, type=ARROW)
    connection.create_function("_lower", lower, [VARCHAR], VARCHAR, type=ARROW)
    connection.create_function("_upper", upper, [VARCHAR], VARCHAR, type=ARROW)
    connection.create_function("_farm_fingerprint", farm_fingerprint, [BLOB], BIGINT, type=ARROW)
