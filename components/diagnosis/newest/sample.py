"""Sample rows from a stream: those whose keys have the smallest hashes, so that reading again gives the same sample."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.examples.keys import split_buckets

HASH_BUCKETS = 2**62
"""So many that practically every key has a bucket of its own."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A sample of rows."""

    rows: pa.Table
    total: int
    """The number of rows that it was drawn from."""

    @property
    def is_whole(self) -> bool:
        """Whether the sample holds every row."""
        return bool(self.rows.num_rows == self.total)


class Sampler:
    """Keeps at most `limit` rows, and never holds more than twice as many and a batch."""

    def __init__(self, key: str, limit: int) -> None:
        self._key, self._limit = key, limit
        self._batches: list[pa.RecordBatch] = []
        self._hashes: list[np.ndarray] = []
        self._total = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the next rows of the stream."""
        self._total += batch.num_rows
        self._batches.append(batch)
        self._hashes.append(_key_hashes(batch.column(self._key)))
        if sum(map(len, self._hashes)) > 2 * self._limit:
            self._cut()

    def sample(self, schema: pa.Schema | None = None) -> Sample:
        """The sample of all rows so far. `schema` is the schema of an empty one."""
        if sum(map(len, self._hashes)) > self._limit:
            self._cut()
        empty = schema or pa.schema([])
        return Sample(pa.Table.from_batches(self._batches) if self._batches else empty.empty_table(), self._total)

    def _cut(self) -> None:
        hashes = np.concatenate(self._hashes)
        kept = np.sort(np.argsort(hashes, kind="stable")[: self._limit])
        rows = pa.Table.from_batches(self._batches).take(pa.array(kept)).combine_chunks()
        self._batches, self._hashes = rows.to_batches(), [hashes[kept]]


def _key_hashes(keys: pa.Array) -> np.ndarray:
    """Hash keys to int64 [rows]; the hash of a key is the same on every machine."""
    return split_buckets(key_texts(keys), HASH_BUCKETS)


def key_texts(keys: pa.Array) -> pa.StringArray:
    """Keys as text; a NULL is the empty text, since diagnosis refuses no key."""
    return pc.fill_null(keys.cast(pa.string()), "")
