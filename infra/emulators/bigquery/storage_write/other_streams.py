"""Pending, buffered and default streams of the Storage Write API, and rows as protocol buffers: appends never interleave, and what is
wrong with one is told as a StorageError, as BigQuery does. These streams live in the process: after a restart their names are unknown.
"""

import threading
from collections.abc import Callable, Iterator

import grpc
from google.cloud.bigquery_storage_v1 import types
from google.rpc import status_pb2
from local_bigquery.catalog import tables
from local_bigquery.grpc import write as original
from local_bigquery.models import TableFieldSchema

from bigquery.storage_write.decoding import readable

Rows = list[dict[str, object]]
Decoder = Callable[[types.AppendRowsRequest, list[TableFieldSchema]], Rows]
Code = types.StorageError.StorageErrorCode

DEFAULT = "/streams/_default"
DETAILS = {
    grpc.StatusCode.ALREADY_EXISTS.value[0]: Code.OFFSET_ALREADY_EXISTS,
    grpc.StatusCode.OUT_OF_RANGE.value[0]: Code.OFFSET_OUT_OF_RANGE,
}
_appending = threading.Lock()
"""Held while rows are written and the length of their stream changes."""


def append(requests: Iterator[types.AppendRowsRequest]) -> Iterator[types.AppendRowsResponse]:
    """Answer a connection. It names its stream and the schema of its rows once; errors of one append leave it open."""
    name: str = ""
    decode: Decoder | None = None
    for request in requests:
        name = request.write_stream or name
        stream = original._stream(name)
        with readable("the schema of the rows"):
            decode = original._decoder(request) or decode
        with _appending:
            response = _append(request, stream, decode)
        response.write_stream = name
        yield response


def _append(request: types.AppendRowsRequest, stream: original.Stream, decode: Decoder | None) -> types.AppendRowsResponse:
    offset = request.offset if "offset" in request else None
    if decode is None:
        return _refused(stream, "The first request of a connection must tell the schema of its rows: writer_schema is missing.")
    if offset is not None and stream.name.endswith(DEFAULT):
        return _refused(stream, "Offset can not be specified for the default stream.")
    fields = tables.columns(*stream.table)
    with readable("a row"):
        rows = decode(request, fields)
    known = {field.name.casefold() for field in fields}
    if any(key.casefold() not in known for row in rows for key in row):
        return _refused(stream, "Schema mismatch due to extra fields in user schema", Code.SCHEMA_MISMATCH_EXTRA_FIELDS)
    was_finalized = stream.finalized
    response: types.AppendRowsResponse = original._append(stream, rows, offset)
    if code := response.error.code:
        detail = Code.STREAM_FINALIZED if was_finalized else DETAILS.get(code)
        response.error = _status(stream, response.error.message, detail, code)
    return response


def _refused(stream: original.Stream, message: str, detail: int | None = None) -> types.AppendRowsResponse:
    return types.AppendRowsResponse(error=_status(stream, message, detail, grpc.StatusCode.INVALID_ARGUMENT.value[0]))


def _status(stream: original.Stream, message: str, detail: int | None, code: int) -> status_pb2.Status:
    status = status_pb2.Status(code=code, message=f"{message} Entity: {stream.name}")
    if detail is not None:
        error = types.StorageError(code=detail, entity=stream.name, error_message=message)
        status.details.add().Pack(types.StorageError.pb(error))
    return status


def commit(request: types.BatchCommitWriteStreamsRequest) -> types.BatchCommitWriteStreamsResponse:
    """Show the rows of pending streams, once."""
    request.write_streams = list(dict.fromkeys(request.write_streams))  # a stream that is named twice would be written twice
    with _appending:
        return original.commit(request)
