"""What a session of BigQuery's Storage Read API gives, as Arrow."""

from collections.abc import Iterator

import pyarrow as pa
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, types


def read_batches(reader: BigQueryReadClient, session: types.ReadSession) -> Iterator[pa.RecordBatch]:
    """The batches of all streams, one after the other; none where the session has no stream, and so no row."""
    if not session.streams:
        return
    schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
    for stream in session.streams:
        for message in reader.read_rows(stream.name):
            yield pa.ipc.read_record_batch(pa.py_buffer(message.arrow_record_batch.serialized_record_batch), schema)
