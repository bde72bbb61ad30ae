"""SQL functions that local-bigquery runs once a row in Python, made fast: whole columns at a time, in C."""

import json
from importlib.resources import files

import duckdb
import farmhash
import pyarrow as pa
from duckdb.func import ARROW
from duckdb.sqltypes import BIGINT, BLOB, VARCHAR
from local_bigquery.sql import native

original_register = native.register

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


def _in_order(pairs: list[tuple[str, object]]) -> dict[str, object]:
    return dict(sorted(dict(reversed(pairs)).items()))


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the functions callable that the macros of local-bigquery call, ours under its names."""
    original_register(connection)
    connection.execute(TEXT)
    connection.create_function("_json_in_order", json_in_order, [VARCHAR], VARCHAR, type=ARROW)
    connection.create_function("_lower", lower, [VARCHAR], VARCHAR, type=ARROW)
    connection.create_function("_upper", upper, [VARCHAR], VARCHAR, type=ARROW)
    connection.create_function("_farm_fingerprint", farm_fingerprint, [BLOB], BIGINT, type=ARROW)
