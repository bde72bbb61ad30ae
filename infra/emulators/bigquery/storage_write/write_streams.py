"""Committed streams of the Storage Write API: rows and the stream's length are one transaction, so that a crash leaves both or neither.

Pending, buffered and default streams, and rows as protocol buffers, are local-bigquery's own, in memory. A committed stream is found again
after a restart, and an offset that was taken before is taken still.
"""

import contextlib
import itertools
import threading
from collections.abc import Iterator

import grpc
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import types
from google.protobuf import timestamp_pb2
from google.rpc import status_pb2
from local_bigquery.catalog import tables
from local_bigquery.catalog.tables import INGESTION_TIME
from local_bigquery.engine import database
from local_bigquery.engine.database import quote
from local_bigquery.errors import BigQueryError
from local_bigquery.grpc import write as original
from local_bigquery.grpc.read import StorageError

from bigquery.jobs import writes
from bigquery.storage_write import other_streams
from bigquery.storage_write.decoding import arrow_rows, arrow_schema
from bigquery.tables import partitions, streaming

original_create, original_stream, original_finalize = original.create, original._stream, original.finalize

STREAMS, APPENDS = "__write_streams", "__write_appends"
REQUEST_BYTES = 10 << 20
"""Of an append. Google's documents say 10 MB, the newest 20 MB; the service's own error names this number."""
Code = types.StorageError.StorageErrorCode
_appending = threading.RLock()


class _Refused(Exception):
    """An append that is answered with an error."""

    def __init__(self, code: grpc.StatusCode, storage_code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.storage_code, self.message = code, storage_code, message


def create(request: types.CreateWriteStreamRequest) -> types.WriteStream:
    """Create a stream; a committed one is remembered."""
    answer = original_create(request)
    if request.write_stream.type_ == original.Type.COMMITTED:
        stream = original._streams[answer.name]
        project = _require_tables(answer.name)
        statement = f"INSERT INTO {_name(project, STREAMS)} VALUES ({_literal(answer.name)}, {stream.created.ToMicroseconds()})"
        _write(statement)
    return answer


def stream(name: str) -> original.Stream:
    """A stream by its name, also one that was created before a restart."""
    with _appending:
        if name not in original._streams and (found := _remembered(name)):
            original._streams[name] = found
        return original_stream(name)


def append(requests: Iterator[types.AppendRowsRequest]) -> Iterator[types.AppendRowsResponse]:
    """Append rows. Stream and schema are told in the first request of a connection."""
    requests = map(_no_larger, requests)
    first = next(requests, None)
    if first is None:
        return
    found = stream(first.write_stream)
    everything = itertools.chain([first], requests)
    if found.type != original.Type.COMMITTED or first.write_stream.endswith("/_default") or "arrow_rows" not in first:
        yield from other_streams.append(everything)
        return
    schema: pa.Schema | None = None
    for request in everything:
        if serialized := request.arrow_rows.writer_schema.serialized_schema:
            schema = arrow_schema(serialized)
        yield _answer(found, request, schema)


def _no_larger(request: types.AppendRowsRequest) -> types.AppendRowsRequest:
    if (size := types.AppendRowsRequest.pb(request).ByteSize()) > REQUEST_BYTES:
        raise StorageError(grpc.StatusCode.INVALID_ARGUMENT, f"AppendRows request too large: {size} limit {REQUEST_BYTES}")
    return request


def _answer(found: original.Stream, request: types.AppendRowsRequest, schema: pa.Schema | None) -> types.AppendRowsResponse:
    answer = types.AppendRowsResponse(write_stream=found.name)
    try:
        rows = arrow_rows(request.arrow_rows.rows.serialized_record_batch, schema)
        offset = _append(found, rows, request.offset if "offset" in request else None)
        answer.append_result = types.AppendRowsResponse.AppendResult(offset=offset)
    except (_Refused, BigQueryError) as error:
        code, storage_code = grpc.StatusCode.INVALID_ARGUMENT, int(Code.SCHEMA_MISMATCH_EXTRA_FIELDS)
        if isinstance(error, _Refused):
            code, storage_code = error.code, error.storage_code
        text = error.message
        status = status_pb2.Status(code=code.value[0], message=text)
        status.details.add().Pack(types.StorageError.pb(types.StorageError(code=storage_code, entity=found.name, error_message=text)))
        answer.error = status
    return answer


def _append(found: original.Stream, rows: pa.Table, offset: int | None) -> int:
    """Put rows at the end of a stream, and say at which offset."""
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    with _appending:
        if found.finalized:
            raise _Refused(invalid, Code.STREAM_FINALIZED, f"Stream has been finalized and cannot be appended: {found.name}")
        position = f"expected offset {found.count}, received {offset}"
        if offset is not None and offset < found.count:
            raise _Refused(grpc.StatusCode.ALREADY_EXISTS, Code.OFFSET_ALREADY_EXISTS, f"The offset is within stream, {position}")
        if offset is not None and offset > found.count:
            raise _Refused(grpc.StatusCode.OUT_OF_RANGE, Code.OFFSET_OUT_OF_RANGE, f"The offset is beyond stream, {position}")
        if INGESTION_TIME in rows.column_names:
            raise _Refused(invalid, Code.SCHEMA_MISMATCH_EXTRA_FIELDS, "Schema mismatch due to extra fields in user schema")
        partitioning = partitions.of_table(found.table)
        is_by_ingestion = partitioning is not None and partitioning.is_by_ingestion
        held = streaming.entering(found.table) if is_by_ingestion else contextlib.nullcontext()
        with database.writing(*found.table), held, database.cursor() as writer:
            writer.register("incoming", partitioning.loaded(rows, None) if partitioning else rows)
            writes.evolve(writer, found.table, writer.sql("SELECT * FROM incoming"), [], "")
            writes._commit(
                writer,
                f"INSERT INTO {tables.name(*found.table)} BY NAME SELECT * FROM incoming",
                f"INSERT INTO {_name(found.table[0], APPENDS)} VALUES ({_literal(found.name)}, {found.count + len(rows)}, false)",
            )
        found.count += len(rows)
        return found.count - len(rows)


def finalize(request: types.FinalizeWriteStreamRequest) -> types.FinalizeWriteStreamResponse:
    """Close a stream for good."""
    with _appending:
        answer = original_finalize(request)
        found = stream(request.name)
        if found.type == original.Type.COMMITTED:
            _write(f"INSERT INTO {_name(found.table[0], APPENDS)} VALUES ({_literal(found.name)}, {found.count}, true)")
    return answer


def _remembered(name: str) -> original.Stream | None:
    path, _, _ = name.rpartition("/streams/")
    table = original.table(path)
    if not tables.exists(*table):
        return None
    project = _require_tables(name)
    created = database.fetch(f"SELECT created FROM {_name(project, STREAMS)} WHERE name = ?", [name])
    if not created:
        return None
    query = f"SELECT coalesce(max(length), 0), coalesce(bool_or(finalized), false) FROM {_name(project, APPENDS)} WHERE name = ?"
    ((length, is_finalized),) = database.fetch(query, [name])
    moment = timestamp_pb2.Timestamp()
    moment.FromMicroseconds(created[0][0])
    kind = original.Type.COMMITTED
    return original.Stream(name, table, kind, moment, count=length, finalized=is_finalized, committed=moment)


def _require_tables(name: str) -> str:
    """Have the tables of the streams of a project, which is given back. They lie in DuckLake's own schema, which is never listed."""
    project = original.table(name.rpartition("/streams/")[0])[0]
    _write(
        f"CREATE TABLE IF NOT EXISTS {_name(project, STREAMS)} (name VARCHAR, created BIGINT)",
        f"CREATE TABLE IF NOT EXISTS {_name(project, APPENDS)} (name VARCHAR, length BIGINT, finalized BOOLEAN)",
    )
    return str(project)


def _write(*statements: str) -> None:
    with database.cursor() as writer:
        writes._commit(writer, *statements)


def _name(project: str, table: str) -> str:
    return f"{quote(project)}.main.{quote(table)}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
