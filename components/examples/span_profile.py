"""The profile of a span's rows, taken as they pass by: those with label 1 apart from the others, so that a label's leak can be seen."""

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from components.model import Model
from components.snapshot.profile import ColumnProfile, Level, Part, add_tables
from components.snapshot.profiling import profile_batch


class SpanProfiler:
    """Profiles every batch that passes through it."""

    def __init__(self, model: Model, span: date, fingerprint: str) -> None:
        self._model = model
        self._parts = {level: Part(level, span, fingerprint) for level in (Level.NEGATIVE, Level.POSITIVE)}
        self.profiles: dict[Part, dict[str, ColumnProfile]] = {}

    def batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The same batch, whose rows are profiled now. Keys and spans say nothing about the rows."""
        columns = batch.drop_columns([self._model.rows.key, self._model.rows.span])
        is_positive = pc.equal(batch.column(self._model.rows.label).cast(pa.float64()), 1.0)
        for level, chosen in ((Level.POSITIVE, is_positive), (Level.NEGATIVE, pc.invert(is_positive))):
            rows = columns.filter(chosen)
            if rows.num_rows:
                part, table = self._parts[level], profile_batch(rows)
                before = self.profiles.get(part)
                self.profiles[part] = table if before is None else add_tables([before, table])
        return batch
