"""Rows of a view as it is now: the Storage Read API reads none, so that the result of a query is streamed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from google.cloud import bigquery

from components.cloud import Cloud
from components.google import quoted, table_name
from components.snapshot.arrow_stream import stream_table

SECONDS = 3600


def rows_query(view: str, condition: str, columns: Sequence[str] = ()) -> str:
    """The query of rows of a view.

    Args:
        view: `project.dataset.view`.
        condition: which rows, in SQL.
        columns: of which columns; all of them if empty.
    """
    sql = Path(__file__).with_name("rows.sql").read_text()
    return sql.format(columns=", ".join(f"`{column}`" for column in columns) or "*", view=quoted(view), condition=condition)


def stream_view(cloud: Cloud, view: str, *, columns: Sequence[str], condition: str) -> Iterator[pa.RecordBatch]:
    """Stream rows of a view in batches. Errors of BigQuery's client are not translated.

    Args:
        cloud: the services.
        view: `project.dataset.view`.
        columns: the columns to read.
        condition: which rows, in SQL.
    """
    config = bigquery.QueryJobConfig(maximum_bytes_billed=cloud.settings.maximum_bytes_billed)
    job = cloud.warehouse.query(rows_query(view, condition, columns), config, timeout=60)
    job.result(timeout=SECONDS)
    yield from stream_table(cloud, table_name(job.destination))
