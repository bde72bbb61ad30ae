"""Stream training rows from BigQuery, and refuse rows that no model can be trained on."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from google.cloud import bigquery

from components.cloud import Cloud
from components.errors import SourceError
from components.google import table_name
from components.model.folder import Model
from components.snapshot.arrow_stream import split_by_day, stream_table
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.document import Snapshot
from components.snapshot.query import rows_parameters, rows_query
from components.snapshot.window import Window, span_history_start, span_label_end

CELL_CHARACTERS = 80
"""How many characters of a cell an error shows."""


def stream_rows(
    cloud: Cloud,
    model: Model,
    snapshot: Snapshot,
    spans: tuple[date, ...],
) -> Iterator[tuple[date, pa.RecordBatch]]:
    """Stream the rows of `spans` in batches of one span each, in the order of span and key: memory does not grow with their number.

    The order makes examples the same byte for byte.

    Raises:
        SourceError: a row has no key or span, a key twice, an unknown label, or a number that is not finite.
        AccessError: BigQuery refuses or does not answer.
    """
    first = max(snapshot.partitions[0].day, span_history_start(model, spans[0]))
    window = Window(spans, first, span_label_end(model, spans[-1]))
    config = bigquery.QueryJobConfig(query_parameters=rows_parameters(window), maximum_bytes_billed=cloud.settings.maximum_bytes_billed)
    with bigquery_errors(
        cloud.settings,
        f"rows of model {model.name!r} from {snapshot.snapshot_table}",
        remedy="correct source.sql, or run the same command again",
    ):
        job = cloud.warehouse.query(rows_query(model, snapshot.snapshot_table), config)
        job.result(timeout=3600)
        check = RowCheck(model)
        for batch in stream_table(cloud, table_name(job.destination)):
            if batch.num_rows:
                check.batch(batch)
                yield from split_by_day(batch, model.rows.span)


class RowCheck:
    """Refuses rows that no model can be trained on. It remembers the last key across batches."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._last: tuple[object, object] | None = None

    def batch(self, batch: pa.RecordBatch) -> None:
        """Check the next batch, which has at least one row.

        Raises:
            SourceError: names the column, the value, the key and the span of the first row that is wrong.
        """
        rows = self._model.rows
        for name in (rows.key, rows.span):
            self._refuse(batch, name, batch.column(name).is_null(), "every row needs one")
        self._refuse(batch, rows.label, batch.column(rows.label).is_null(), "every row needs one", remedy=self._late)
        self._check_keys(batch)
        for name in batch.schema.names:
            if pa.types.is_floating(batch.schema.field(name).type) or pa.types.is_decimal(batch.schema.field(name).type):
                values = batch.column(name).fill_null(0)
                self._refuse(batch, name, pc.invert(pc.is_finite(values.cast(pa.float64()))), "which is not finite")
                self._refuse(batch, name, pc.invert(pc.is_finite(values.cast(pa.float32()))), "too large for the float32 of an example")
        task, labels = self._model.task, np.asarray(batch.column(rows.label).cast(pa.float64(), safe=False))
        self._refuse(batch, rows.label, pa.array(~task.are_labels(labels)), f"a label must be {task.accepted_label}")

    @property
    def _late(self) -> str:
        delay, label = self._model.rows.label_delay_days, self._model.rows.label
        return (
            f"if it is known later, raise rows.label_delay_days of model.toml, which is {delay}; "
            f"if it never is, leave such rows out (WHERE {label} IS NOT NULL)"
        )

    def _refuse(
        self, batch: pa.RecordBatch, name: str, wrong: pa.Array, why: str, *, remedy: str = "mend the source or source.sql"
    ) -> None:
        index = pc.index(wrong, True).as_py()
        if index < 0:
            return
        rows = self._model.rows
        value, key, span = (_shown(batch.column(column)[index].as_py()) for column in (name, rows.key, rows.span))
        raise SourceError(
            f"column {name!r} of source.sql of model {self._model.name!r} is {value} ({why}) for {rows.key} {key} in span {span}: {remedy}"
        )

    def _check_keys(self, batch: pa.RecordBatch) -> None:
        spans, keys = batch.column(self._model.rows.span), batch.column(self._model.rows.key)
        pairs = (spans[0].as_py(), keys[0].as_py()), (spans[-1].as_py(), keys[-1].as_py())
        repeats = pc.and_(pc.equal(keys[1:], keys[:-1]), pc.equal(spans[1:], spans[:-1]))
        wrong = pa.concat_arrays([pa.array([pairs[0] == self._last]), repeats])
        self._refuse(batch, self._model.rows.key, wrong, "a key must be unique in its span, and it is there twice")
        self._last = pairs[1]


def _shown(value: object) -> str:
    """A cell for a sentence: short and on one line."""
    text = "NULL" if value is None else repr(value) if isinstance(value, str | bytes) else str(value)
    return text if len(text) <= CELL_CHARACTERS else f"{text[:CELL_CHARACTERS]}…"
