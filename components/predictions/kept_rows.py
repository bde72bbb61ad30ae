"""Rows whose label is known with what was predicted of them, kept for their intervals: in memory while they are few, then on disk."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.evaluation.chance.by_key import with_key_intervals
from components.evaluation.metric import Metric
from components.evaluation.split_scores import RowCollector, SplitRows
from components.examples.keys import buckets_of, key_hashes
from components.measurement.slices import SliceKey, Slices
from components.measurement.sums import ScoredRows, StockOnlyError
from components.model.folder import Model
from components.predictions.gathered import gather_intervals

VERSION = "predicted"
MOST_ROWS = 65_536
"""In memory."""
FILES = 32
"""Of more rows: all rows of a key are in one of them, and one of them is in memory at a time."""


@dataclass
class KeptRows:
    """Takes batches of rows, and gives metrics the intervals that keys give."""

    model: Model
    folder: Path
    """Which belongs to them alone."""
    _slices: Slices | None = None
    """None where TFMA alone can tell them: then all rows are the only slice."""
    _batches: list[np.ndarray] = field(default_factory=list)
    _rows: int = 0
    _is_on_disk: bool = False

    def __post_init__(self) -> None:
        with suppress(StockOnlyError):
            self._slices = Slices([[], *(list(names) for names in self.model.evaluation.slices)])

    def add(self, rows: pa.Table, scores: np.ndarray) -> None:
        """Add rows: key, label and slices; and what is predicted of them, float32 [rows, outputs]."""
        labels = np.asarray(rows.column(self.model.rows.label).combine_chunks().cast(pa.float64()))
        numbers = self._numbers(rows)
        has_keys = self.model.rows.key in rows.column_names
        keys = (
            key_hashes(rows.column(self.model.rows.key).combine_chunks()) if has_keys else np.arange(self._rows, self._rows + len(labels))
        )
        width = scores.shape[1]
        kept = np.empty(len(labels), [("label", "f8"), ("key", "i8"), ("slices", "i4", (len(numbers),)), ("scores", "f4", (width,))])
        kept["label"], kept["key"], kept["slices"], kept["scores"] = labels, keys, np.transpose(numbers), scores
        self._rows += len(labels)
        self._batches.append(kept)
        if self._is_on_disk or self._rows > MOST_ROWS:
            self._write()

    def with_intervals(self, metrics: Sequence[Metric]) -> tuple[Metric, ...]:
        """The metrics with their intervals by key."""
        if not self._is_on_disk:
            return with_key_intervals(metrics, self._split_rows(np.concatenate(self._batches)), VERSION, self.model.task)
        return gather_intervals(metrics, self._parts, FILES, VERSION, self.model.task)

    def _numbers(self, rows: pa.Table) -> list[np.ndarray]:
        """The slice of each row for each specification, of which the first is all rows."""
        if self._slices is not None:
            try:
                return self._slices.number({name: rows.column(name).combine_chunks() for name in self._slices.features}, rows.num_rows)
            except StockOnlyError:
                self._slices = None
        return [np.zeros(rows.num_rows, np.int64)] * (1 + len(self.model.evaluation.slices))

    def _write(self) -> None:
        kept = np.concatenate(self._batches)
        files = buckets_of(kept["key"], FILES)
        order = np.argsort(files, kind="stable")
        for number, part in enumerate(np.split(kept[order], np.searchsorted(files[order], np.arange(1, FILES)))):
            with self._file(number).open("ab") as file:
                part.tofile(file)
        self._batches, self._is_on_disk = [kept[:0]], True

    def _file(self, number: int) -> Path:
        return self.folder / str(number)

    def _split_rows(self, kept: np.ndarray) -> SplitRows:
        keys: list[SliceKey] = [()] if self._slices is None else self._slices.keys
        collector = RowCollector()
        specs = kept["slices"][:, :1] if self._slices is None else kept["slices"]
        scored = ScoredRows(kept["label"], kept["scores"], np.ones(len(kept)), {})
        collector.add({VERSION: scored}, list(specs.T))
        return collector.rows(kept["key"], keys, [VERSION])

    def _parts(self) -> Iterator[SplitRows]:
        """The rows of each file that has some."""
        for number in range(FILES):
            found = np.fromfile(self._file(number), self._batches[0].dtype)
            if len(found):
                yield self._split_rows(found)
