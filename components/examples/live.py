"""Rows of source.sql that nobody kept: the query is run again, and no row is refused, since bad ones are what is looked for."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient

from components.examples.read import examples_fingerprint
from components.examples.rows import read_session
from components.examples.span_profile import SpanProfiler
from components.model.folder import Model
from components.profiles.profile import ColumnProfile, Part
from components.settings import Settings
from components.snapshot.arrow_stream import read_batches
from components.snapshot.bigquery_errors import answers
from components.snapshot.document import Snapshot
from components.snapshot.source import rows_parameters, rows_query
from components.snapshot.window import Window


def profile_rows(
    client: bigquery.Client, reader: BigQueryReadClient, settings: Settings, model: Model, snapshot: Snapshot, *, table: str
) -> dict[Part, dict[str, ColumnProfile]]:
    """The profiles of the rows of every span, by label.

    Args:
        client: of BigQuery.
        reader: of its Storage Read API.
        settings: name the project and the limit of bytes.
        model: whose source.sql it is.
        snapshot: the window.
        table: what `{source}` stands for: the window's table snapshot, or the source table itself.

    Raises:
        SourceError: source.sql does not run on the table.
        AccessError: BigQuery refuses or does not answer.
    """
    profilers = {span: SpanProfiler(model, span, examples_fingerprint(model, snapshot, span)) for span in snapshot.spans}
    window = Window(snapshot.spans, snapshot.partitions[0].day, snapshot.partitions[-1].day)
    for span, rows in stream_any_rows(client, reader, settings, model, window, table=table):
        if span in profilers:
            profilers[span].batch(rows)
    return {part: table for profiler in profilers.values() for part, table in profiler.profiles.items()}


def stream_any_rows(
    client: bigquery.Client, reader: BigQueryReadClient, settings: Settings, model: Model, window: Window, *, table: str
) -> Iterator[tuple[date, pa.RecordBatch]]:
    """The rows of source.sql on a table, whatever is in them, in batches of one span each.

    Raises:
        SourceError: source.sql does not run on the table.
        AccessError: BigQuery refuses or does not answer.
    """
    config = bigquery.QueryJobConfig(query_parameters=rows_parameters(window), maximum_bytes_billed=settings.maximum_bytes_billed)
    with answers(settings, f"source.sql of model {model.name!r} does not run on {table}", remedy="correct it, or the table"):
        job = client.query(rows_query(model, table), config)
        job.result(timeout=3600)
        for batch in read_batches(reader, read_session(reader, settings, job)):
            yield from _by_span(batch, model.rows.span)


def _by_span(batch: pa.RecordBatch, column: str) -> Iterator[tuple[date, pa.RecordBatch]]:
    days = np.asarray(batch.column(column).cast(pa.date32()).cast(pa.int32()).fill_null(0))
    for day in np.unique(days).tolist():
        yield pc.cast(pa.scalar(day, pa.int32()), pa.date32()).as_py(), batch.filter(pa.array(days == day))
