"""Profile the rows of a span while they are written, each label's apart, so that a leak of the label can be found.

Numbers have no labels to tell apart: the rows above their median are one part, and the others are the other.
"""

from datetime import date

import numpy as np
import pyarrow as pa

from components.model.folder import Model
from components.profiles.profile import ColumnProfile, ProfileKey, label_population, sum_profiles
from components.profiles.profiling import profile_batch


class SpanProfiler:
    """Profiles the batches of a span as they pass through it."""

    def __init__(self, model: Model, span: date, fingerprint: str) -> None:
        self._model = model
        self._parts = [ProfileKey(label_population(part), span, fingerprint) for part in range(model.task.populations)]
        self.profiles: dict[ProfileKey, dict[str, ColumnProfile]] = {}

    def batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Profile a batch without its key and span, and return it unchanged."""
        columns, cluster = batch.drop_columns([self._model.rows.key, self._model.rows.span]), self._model.checks.cluster or ""
        populations = _populations(batch, self._model)
        for place in range(len(self._parts) - 1, -1, -1):
            rows = columns.filter(pa.array(populations == place))
            if rows.num_rows:
                part, table = self._parts[place], profile_batch(rows, cluster)
                before = self.profiles.get(part)
                self.profiles[part] = table if before is None else sum_profiles([before, table])
        return batch


def _populations(batch: pa.RecordBatch, model: Model) -> np.ndarray:
    """The part that each row is in, int64 [rows]."""
    if not model.task.is_regression:
        return labels_of(batch, model)
    numbers = np.asarray(batch.column(model.rows.label).cast(pa.float64(), safe=False).fill_null(np.nan))
    known = numbers[np.isfinite(numbers)]
    return (numbers > (np.median(known) if len(known) else 0)).astype(np.int64)


def labels_of(batch: pa.RecordBatch, model: Model) -> np.ndarray:
    """The place of each row's label among the model's, int64 [rows]; 0 for one that is not there, and for every number."""
    if model.task.is_regression:
        return np.zeros(batch.num_rows, np.int64)
    labels = np.asarray(batch.column(model.rows.label).cast(pa.float64(), safe=False).fill_null(0))
    return np.where(model.task.are_labels(labels), labels, 0).astype(np.int64)
