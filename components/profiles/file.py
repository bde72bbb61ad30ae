"""Write profiles to one Parquet file, a row for each column of each key, and read them back."""

from collections import defaultdict
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.files import replacing
from components.profiles.profile import ColumnProfile, ProfileKey, Profiles

COUNTS_BY_VALUE = pa.map_(pa.string(), pa.int64())
ARRAY = pa.list_(pa.int64())
PROFILE_SCHEMA = pa.schema(
    [
        ("population", pa.string()),
        ("day", pa.date32()),
        ("fingerprint", pa.string()),
        ("column", pa.string()),
        ("type", pa.string()),
        *((name, pa.int64()) for name in ("rows", "nulls", "numbers", "texts", "nans", "infinities", "times")),
        *((name, pa.float64()) for name in ("low", "high", "total")),
        ("keys", ARRAY),
        ("counts", ARRAY),
        ("values", COUNTS_BY_VALUE),
        ("others", pa.int64()),
        ("non_numeric_samples", COUNTS_BY_VALUE),
        ("longest", pa.int64()),
        ("damaged", pa.int64()),
        ("hours", ARRAY),
        ("weekdays", ARRAY),
        ("forms", COUNTS_BY_VALUE),
        ("pairs", pa.int64()),
        ("twins", pa.int64()),
    ]
)
FIELDS = tuple(field.name for field in fields(ColumnProfile))
ARRAYS = ("keys", "counts", "hours", "weekdays")
MAPS = ("values", "non_numeric_samples", "forms")


def write_profiles(profiles: Profiles, path: Path) -> None:
    """Replace the file in one step: a reader sees the old file or the new one, never a part."""
    rows = [
        {"population": key.population, "day": key.day, "fingerprint": key.fingerprint, "column": name} | _stored(column)
        for key, table in profiles.items()
        for name, column in table.items()
    ]
    with replacing(path) as draft:
        pq.write_table(pa.Table.from_pylist(rows, PROFILE_SCHEMA), draft, compression="zstd")


def _stored(column: ColumnProfile) -> dict[str, object]:
    values = {name: getattr(column, name) for name in FIELDS}
    return values | {name: values[name].tolist() for name in ARRAYS} | {name: list(values[name].items()) for name in MAPS}


def read_profiles(path: Path) -> dict[ProfileKey, dict[str, ColumnProfile]]:
    """What `write_profiles` wrote; nothing if there is no file."""
    if not path.is_file():
        return {}
    with pq.ParquetFile(path) as file:  # `read_table` imports pandas, half a second
        table = _completed(file.read()).cast(PROFILE_SCHEMA).combine_chunks()
    columns = {name: _column(table.column(name), name) for name in PROFILE_SCHEMA.names}
    profiles: defaultdict[ProfileKey, dict[str, ColumnProfile]] = defaultdict(dict)
    for row in range(table.num_rows):
        key = ProfileKey(columns["population"][row], columns["day"][row], columns["fingerprint"][row])
        profiles[key][columns["column"][row]] = ColumnProfile(**{name: columns[name][row] for name in FIELDS})
    return dict(profiles)


def _completed(table: pa.Table) -> pa.Table:
    """The table with the facts that profiles of an earlier format lack: none of them."""
    for field in PROFILE_SCHEMA:
        if field.name not in table.column_names:
            none: list[object] = [[] if field.type == COUNTS_BY_VALUE else 0] * table.num_rows
            table = table.append_column(field, pa.array(none, field.type))
    return table.select(PROFILE_SCHEMA.names)


def _column(column: pa.ChunkedArray, name: str) -> list[Any]:
    """A column's values: of lists of numbers views into one array, since millions of Python's integers would take seconds."""
    array = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    if name in ARRAYS:
        numbers, ends = _view(array.values, np.int64), _view(array.offsets, np.int32)
        return [numbers[start:end] for start, end in pairwise(ends)]
    if name in MAPS:
        return [dict(pairs) for pairs in array.to_pylist()]
    return list(array.to_pylist())


def _view(numbers: pa.Array, dtype: type[np.integer[Any]]) -> np.ndarray:
    """Arrow's numbers where they are; its own conversion imports pandas, half a second."""
    if not len(numbers):
        return np.zeros(0, dtype)
    return np.frombuffer(numbers.buffers()[1], dtype)[numbers.offset : numbers.offset + len(numbers)]
