"""Rows with what was predicted of them, in a file: written as they come, and read again as often as they are asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

SCORES = "perennial_scores"


@dataclass
class RowFile:
    """Batches of rows, none of which is kept in memory."""

    path: Path
    rows: int = 0
    """So many were written."""
    _writer: pa.ipc.RecordBatchStreamWriter | None = None

    def add(self, rows: pa.RecordBatch, scores: np.ndarray) -> None:
        """Write rows and their scores, float32 [rows, outputs]."""
        if not rows.num_rows:
            return
        numbers = pa.array(np.ascontiguousarray(scores, np.float32).reshape(-1))
        batch = rows.append_column(SCORES, pa.FixedSizeListArray.from_arrays(numbers, scores.shape[1]))
        if self._writer is None:
            self._writer = pa.ipc.new_stream(str(self.path), batch.schema)
        self._writer.write_batch(batch)
        self.rows += rows.num_rows

    def batches(self) -> Iterator[tuple[pa.Table, np.ndarray]]:
        """What was written. Nothing is to be added after that."""
        if self._writer is None:
            return
        self._writer.close()
        with pa.OSFile(str(self.path)) as file, pa.ipc.open_stream(file) as batches:
            for batch in batches:
                column = batch.column(SCORES)
                scores = np.asarray(column.flatten()).reshape(batch.num_rows, column.type.list_size)
                yield pa.Table.from_batches([batch]).drop_columns([SCORES]), scores
