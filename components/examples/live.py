"""Run source.sql again over a window whose rows were not kept. Invalid rows are kept too: diagnosis looks for them."""

from collections.abc import Iterator
from datetime import date

import pyarrow as pa
from google.cloud import bigquery

from components.cloud import Cloud
from components.examples.read import examples_fingerprint
from components.examples.span_profile import SpanProfiler
from components.google import table_name
from components.model.folder import Model
from components.profiles.profile import ColumnProfile, ProfileKey
from components.snapshot.arrow_stream import split_by_day, stream_table
from components.snapshot.document import Snapshot
from components.snapshot.query import query_errors, rows_parameters, rows_query
from components.snapshot.window import Window


def profile_rows(cloud: Cloud, model: Model, snapshot: Snapshot, *, table: str) -> dict[ProfileKey, dict[str, ColumnProfile]]:
    """Profile the rows of every span, by label.

    Args:
        cloud: the services.
        model: the model whose source.sql is run.
        snapshot: the window.
        table: what `{source}` stands for: the window's table snapshot, or the source table itself.

    Raises:
        SourceError: source.sql does not run on the table.
        AccessError: BigQuery refuses or does not answer.
    """
    profilers = {span: SpanProfiler(model, span, examples_fingerprint(model, snapshot, span)) for span in snapshot.spans}
    for span, rows in stream_any_rows(cloud, model, snapshot.window, table=table):
        if span in profilers:
            profilers[span].batch(rows)
    return {part: table for profiler in profilers.values() for part, table in profiler.profiles.items()}


def stream_any_rows(cloud: Cloud, model: Model, window: Window, *, table: str) -> Iterator[tuple[date, pa.RecordBatch]]:
    """Stream the rows of source.sql on a table, valid or not, in batches of one span each.

    Raises:
        SourceError: source.sql does not run on the table.
        AccessError: BigQuery refuses or does not answer.
    """
    config = bigquery.QueryJobConfig(query_parameters=rows_parameters(window), maximum_bytes_billed=cloud.settings.maximum_bytes_billed)
    with query_errors(cloud.settings, model, table):
        job = cloud.warehouse.query(rows_query(model, table), config)
        job.result(timeout=3600)
        for batch in stream_table(cloud, table_name(job.destination)):
            yield from split_by_day(batch, model.rows.span)
