"""Profile the rows of a span while they are written, each label's apart, so that a leak of the label can be found."""

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
        self._parts = [ProfileKey(label_population(label), span, fingerprint) for label in range(len(model.label_names))]
        self.profiles: dict[ProfileKey, dict[str, ColumnProfile]] = {}

    def batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Profile a batch without its key and span, and return it unchanged."""
        columns, cluster = batch.drop_columns([self._model.rows.key, self._model.rows.span]), self._model.checks.cluster or ""
        labels = labels_of(batch, self._model)
        for label in range(len(self._model.label_names) - 1, -1, -1):
            rows = columns.filter(pa.array(labels == label))
            if rows.num_rows:
                part, table = self._parts[label], profile_batch(rows, cluster)
                before = self.profiles.get(part)
                self.profiles[part] = table if before is None else sum_profiles([before, table])
        return batch


def labels_of(batch: pa.RecordBatch, model: Model) -> np.ndarray:
    """The label of each row, int64 [rows]; 0 for a label that is not one of the model's."""
    labels = np.asarray(batch.column(model.rows.label).cast(pa.float64(), safe=False).fill_null(0))
    is_known = np.isin(labels, np.arange(len(model.label_names)))
    return np.where(is_known, labels, 0).astype(np.int64)
