"""Profile the rows of a span while they are written, each label's apart, so that a leak of the label can be found.

Numbers have no labels to tell apart: the rows above their median are one part, and the others are the other. It is the median of the
span's first rows, of all where there are no more, and does not depend on how rows come in batches.
"""

from datetime import date

import numpy as np
import pyarrow as pa

from components.model.folder import Model
from components.profiles.profile import ColumnProfile, ProfileKey, label_population
from components.profiles.profiler import Profiler

MEDIAN_ROWS = 100_000
"""So many rows of a span of numbers are kept until their median is known."""


class SpanProfiler:
    """Profiles the batches of a span as they pass through it."""

    def __init__(self, model: Model, span: date, fingerprint: str) -> None:
        self._model = model
        self._parts = [ProfileKey(label_population(part), span, fingerprint) for part in range(model.task.populations)]
        self._profilers: dict[ProfileKey, Profiler] = {}
        self._median: float | None = None
        self._waiting: list[pa.RecordBatch] = []
        """Rows whose part is not known before the median is."""

    def batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Profile a batch without its key and span, and return it unchanged."""
        if self._model.task.is_regression and self._median is None:
            self._waiting.append(batch)
            if sum(one.num_rows for one in self._waiting) >= MEDIAN_ROWS:
                self._profile_waiting()
        else:
            self._add(batch)
        return batch

    @property
    def profiles(self) -> dict[ProfileKey, dict[str, ColumnProfile]]:
        """Those of all batches so far. The median does not change once they have been asked for."""
        if self._waiting:
            self._profile_waiting()
        return {part: profiler.profile() for part, profiler in self._profilers.items()}

    def _profile_waiting(self) -> None:
        numbers = np.concatenate([_numbers_of(batch, self._model) for batch in self._waiting])[:MEDIAN_ROWS]
        known = numbers[np.isfinite(numbers)]
        self._median = float(np.median(known)) if len(known) else 0.0
        waiting, self._waiting = self._waiting, []
        for batch in waiting:
            self._add(batch)

    def _add(self, batch: pa.RecordBatch) -> None:
        columns = batch.drop_columns([self._model.rows.key, self._model.rows.span])
        populations = self._populations(batch)
        for place in range(len(self._parts) - 1, -1, -1):
            rows = columns.filter(pa.array(populations == place))
            if rows.num_rows:
                profiler = self._profilers.setdefault(self._parts[place], Profiler(self._model.checks.cluster or ""))
                profiler.add(rows)

    def _populations(self, batch: pa.RecordBatch) -> np.ndarray:
        """The part that each row is in, int64 [rows]."""
        if self._median is None:
            return labels_of(batch, self._model)
        return (_numbers_of(batch, self._model) > self._median).astype(np.int64)


def _numbers_of(batch: pa.RecordBatch, model: Model) -> np.ndarray:
    """The labels of a regression, float64 [rows]; NaN where there is none."""
    return np.asarray(batch.column(model.rows.label).cast(pa.float64(), safe=False).fill_null(np.nan))


def labels_of(batch: pa.RecordBatch, model: Model) -> np.ndarray:
    """The place of each row's label among the model's, int64 [rows]; 0 for one that is not there, and for every number."""
    if model.task.is_regression:
        return np.zeros(batch.num_rows, np.int64)
    labels = np.asarray(batch.column(model.rows.label).cast(pa.float64(), safe=False).fill_null(0))
    return np.where(model.task.are_labels(labels), labels, 0).astype(np.int64)
