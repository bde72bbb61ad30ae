"""SQL functions that local-bigquery runs once a row in Python, made fast: whole columns at a time, in C."""

from importlib.resources import files

import duckdb
import farmhash
import pyarrow as pa
from duckdb.func import ARROW
from duckdb.sqltypes import BIGINT, BLOB
from local_bigquery.sql import native

original_register = native.register

TEXT = (files("bigquery.sql") / "text.sql").read_text()


def farm_fingerprint(values: pa.ChunkedArray) -> pa.Array:
    """BigQuery's FARM_FINGERPRINT: the 64 bits of FarmHash's Fingerprint64, read as a signed number. DuckDB leaves out the NULLs."""
    unsigned = pa.array(map(farmhash.fingerprint64, values.to_pylist()), pa.uint64(), size=len(values))
    return unsigned.view(pa.int64())


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the functions callable that the macros of local-bigquery call, ours under its names."""
    original_register(connection)
    connection.execute(TEXT)
    connection.create_function("_farm_fingerprint", farm_fingerprint, [BLOB], BIGINT, type=ARROW)
