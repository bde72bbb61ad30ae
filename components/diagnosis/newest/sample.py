"""Some rows of many, as they pass by: those whose keys have the smallest hashes, so that whoever reads again gets the same ones."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.examples.read import split_buckets

BUCKETS = 2**62
"""As good as every key has one of its own."""


@dataclass(frozen=True, eq=False)
class Sample:
    """What was kept."""

    rows: pa.Table
    total: int
    """Rows that there were."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing was left out."""
        return bool(self.rows.num_rows == self.total)


class Sampler:
    """Keeps at most `limit` rows, and never holds more than twice as many and a batch."""

    def __init__(self, key: str, limit: int) -> None:
        self._key, self._limit = key, limit
        self._batches: list[pa.RecordBatch] = []
        self._hashes: list[np.ndarray] = []
        self._total = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """The next rows."""
        self._total += batch.num_rows
        self._batches.append(batch)
        self._hashes.append(key_hashes(batch.column(self._key)))
        if sum(map(len, self._hashes)) > 2 * self._limit:
            self._cut()

    def sample(self, schema: pa.Schema | None = None) -> Sample:
        """What was kept of all of them. `schema` is that of no rows at all."""
        if sum(map(len, self._hashes)) > self._limit:
            self._cut()
        empty = schema or pa.schema([])
        return Sample(pa.Table.from_batches(self._batches) if self._batches else empty.empty_table(), self._total)

    def _cut(self) -> None:
        hashes = np.concatenate(self._hashes)
        kept = np.sort(np.argsort(hashes, kind="stable")[: self._limit])
        rows = pa.Table.from_batches(self._batches).take(pa.array(kept)).combine_chunks()
        self._batches, self._hashes = rows.to_batches(), [hashes[kept]]


def key_hashes(keys: pa.Array) -> np.ndarray:
    """int64 [rows]; a key's is the same wherever it is computed."""
    return split_buckets(key_texts(keys), BUCKETS)


def key_texts(keys: pa.Array) -> pa.StringArray:
    """As text, a NULL as an empty one: no key is refused here."""
    return pc.fill_null(keys.cast(pa.string()), "")
