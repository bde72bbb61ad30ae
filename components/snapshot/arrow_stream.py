"""Rows of BigQuery tables as Arrow, streamed through the Storage Read API."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from google.api_core.exceptions import DeadlineExceeded, ServiceUnavailable
from google.api_core.retry import Retry, if_exception_type
from google.cloud.bigquery_storage_v1 import types

from components.cloud import Cloud
from components.google import split_table

STREAM_SECONDS = 3600.0
"""For all rows of a stream."""


def stream_table(
    cloud: Cloud, table: str, *, columns: Sequence[str] = (), restriction: str = "", as_of: datetime | None = None
) -> Iterator[pa.RecordBatch]:
    """Stream the rows of a table in batches. Errors of BigQuery's client are not translated.

    The session has one stream: only one keeps the order of the rows of a query's result.

    Args:
        cloud: the services.
        table: `project.dataset.table`.
        columns: the columns to read; all of them if empty.
        restriction: a condition on the rows, in SQL; all rows if empty.
        as_of: reads the table as it was at this instant.
    """
    project, dataset, name = split_table(table)
    patience = cloud.settings.answer_timeout_seconds  # the library tries for ten minutes
    session = cloud.reader.create_read_session(
        parent=f"projects/{cloud.settings.project}",
        read_session=types.ReadSession(
            table=f"projects/{project}/datasets/{dataset}/tables/{name}",
            data_format=types.DataFormat.ARROW,
            table_modifiers=types.ReadSession.TableModifiers(snapshot_time=as_of) if as_of else None,
            read_options=types.ReadSession.TableReadOptions(selected_fields=columns, row_restriction=restriction),
        ),
        max_stream_count=1,
        retry=Retry(predicate=if_exception_type(DeadlineExceeded, ServiceUnavailable), timeout=2 * patience),
        timeout=patience,
    )
    if not session.streams:  # the table has no rows
        return
    schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
    for stream in session.streams:
        for message in cloud.reader.read_rows(stream.name, timeout=STREAM_SECONDS):
            yield pa.ipc.read_record_batch(pa.py_buffer(message.arrow_record_batch.serialized_record_batch), schema)


def split_by_day(batch: pa.RecordBatch, column: str) -> Iterator[tuple[date, pa.RecordBatch]]:
    """Split a batch by the day of its column `column`, days ascending; the rows of a day keep their order.

    Rows without a date are given as those of 1 January 1970.
    """
    days = np.asarray(batch.column(column).cast(pa.date32()).cast(pa.int32()).fill_null(0))
    if (np.diff(days) < 0).any():
        order = np.argsort(days, kind="stable")
        batch, days = batch.take(pa.array(order)), days[order]
    distinct, starts = np.unique(days, return_index=True)
    edges = [*starts.tolist(), len(days)]
    for day, (start, end) in zip(distinct.tolist(), pairwise(edges), strict=True):
        yield pc.cast(pa.scalar(day, pa.int32()), pa.date32()).as_py(), batch.slice(start, end - start)
