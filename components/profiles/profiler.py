"""Profile rows that come in batches as if they came at once: how they are cut into batches does not change what is known of clusters."""

from datetime import date

import pyarrow as pa

from components.profiles.profile import ColumnProfile, sum_profiles
from components.profiles.profiling import profile_batch

MOST_VALUES = 5_000_000
"""So many values are held at once, 40 MB of numbers. Of more, a cluster counts once for each part."""


class Profiler:
    """The profile of rows of one day or span, to which batches are added.

    Rows are held until `profile` is asked for, so that all rows of a cluster are known together; without clusters none are.
    """

    def __init__(self, cluster: str = "", day: date | None = None) -> None:
        """Begin without rows.

        Args:
            cluster: as for `profile_batch`.
            day: as for `profile_batch`.
        """
        self._cluster, self._day = cluster, day
        self._held: list[pa.RecordBatch] = []
        self._profiled: dict[str, ColumnProfile] | None = None
        self.rows = 0
        """Added so far."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows of the same columns."""
        self._held.append(batch)
        self.rows += batch.num_rows
        has_clusters = self._cluster in batch.schema.names
        if not has_clusters or sum(one.num_rows for one in self._held) * batch.num_columns > MOST_VALUES:
            self._profile_held()

    def profile(self) -> dict[str, ColumnProfile]:
        """The profile of all rows so far; empty without any."""
        if self._held:
            self._profile_held()
        return self._profiled or {}

    def _profile_held(self) -> None:
        rows = pa.Table.from_batches(self._held).combine_chunks().to_batches()
        profiled = profile_batch(rows[0] if rows else self._held[0], self._cluster, self._day)
        self._profiled = profiled if self._profiled is None else sum_profiles([self._profiled, profiled])
        self._held = []
