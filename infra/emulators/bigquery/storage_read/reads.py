"""Storage Read API: sessions that see one state of a table whatever is written meanwhile, and messages as small as BigQuery's."""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextvars import ContextVar

import grpc
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import types
from local_bigquery.catalog import tables
from local_bigquery.engine import database
from local_bigquery.engine import types as engine_types
from local_bigquery.grpc import read as original
from local_bigquery.models import TableFieldSchema
from local_bigquery.sql.translate import Context, translate
from sqlglot import exp

from bigquery.sql import ingestion
from bigquery.storage_read import restrictions
from bigquery.tables import partitions, versions
from bigquery.tables.partitions import Reference

original_create_session, original_split = original.create_session, original.split_stream

MESSAGE_ROWS = 10_240
"""Rows of a message: five of DuckDB's vectors, and about what BigQuery sends."""
MOST_STREAMS = 4
"""Streams of a session that leaves their number to the server."""

_snapshot_time: ContextVar[dt.datetime | None] = ContextVar("snapshot_time", default=None)


def create_session(request: types.CreateReadSessionRequest) -> types.ReadSession:
    """Open a session on a table, a table snapshot, or a query's result, as it is now or was at `snapshot_time`."""
    modifiers = request.read_session.table_modifiers
    try:
        token = _snapshot_time.set(modifiers.snapshot_time if "snapshot_time" in modifiers else None)
    except (ValueError, OverflowError) as error:
        raise original.StorageError(grpc.StatusCode.INVALID_ARGUMENT, f"Invalid snapshot_time: {error}") from error
    request.max_stream_count = request.max_stream_count or MOST_STREAMS
    try:
        return original_create_session(request)
    finally:
        _snapshot_time.reset(token)


def split_stream(request: types.SplitReadStreamRequest) -> types.SplitReadStreamResponse:
    """Two streams of one."""
    if not 0 <= request.fraction < 1:
        raise original.StorageError(grpc.StatusCode.INVALID_ARGUMENT, f"Invalid fraction {request.fraction}: it must be between 0 and 1")
    return original_split(request)


def query(path: str, options: types.ReadSession.TableReadOptions, data_format: types.DataFormat) -> tuple[str, list[TableFieldSchema]]:
    """What DuckDB runs for a session, and the fields that come out."""
    reference = original.table(path)
    if tables.load(*reference).type == "VIEW":
        raise original.StorageError(
            grpc.StatusCode.INVALID_ARGUMENT, "request failed: non-table entities cannot be read with the storage API"
        )
    pseudo = _wanted_pseudo_columns(reference, options.selected_fields)
    fields = [*tables.columns(*reference), *pseudo]
    project, dataset, table = reference
    context = Context(project, dataset)
    source_table = exp.table_(table, dataset, project, quoted=True)
    tree = exp.select("*", *(exp.column(field.name, quoted=True) for field in pseudo)).from_(source_table, copy=False)
    if options.row_restriction:
        tree = tree.where(restrictions.condition(options.row_restriction, reference, fields), copy=False)
    translate(tree, context)  # as the table is now: complains of the restriction, or of a partition filter that is missing
    if (snapshot_id := _snapshot(reference)) is not None:
        version = exp.HistoricalData(this="AT", kind="VERSION", expression=exp.Literal.number(snapshot_id))
        source_table.set("when", version)
    source, _ = translate(tree, context)
    selected = restrictions.selected(options.selected_fields, fields)
    with database.cursor() as cursor:
        relation = cursor.sql(f"SELECT * FROM ({source}) LIMIT 0")
    chosen = [(name, t) for name, t in zip(relation.columns, relation.types, strict=True) if name.casefold() in selected]
    columns = ", ".join(original._column(name, t, data_format) for name, t in chosen)
    return f"SELECT {columns} FROM ({source})", [engine_types.field(name, t) for name, t in chosen]


def _wanted_pseudo_columns(reference: Reference, selected: Sequence[str]) -> list[TableFieldSchema]:
    """Those that a session has only if it names them."""
    known, wanted = ingestion.pseudo_columns(partitions.of_table(reference)), {name.casefold() for name in selected}
    return [TableFieldSchema(name=name, type=kind) for name, kind in known.items() if name.casefold() in wanted]


def _snapshot(reference: Reference) -> int | None:
    """DuckLake's snapshot that the session sees. A query's result has none, since it never changes; neither has a view."""
    if reference[1] == tables.RESULTS or versions.version(reference) is None:
        return None
    return versions.snapshot_at(reference[0], _snapshot_time.get() or dt.datetime.now(dt.UTC))


def read_rows(request: types.ReadRowsRequest) -> Iterator[types.ReadRowsResponse]:
    """The rows of a stream from an offset on, streamed out of DuckDB: memory does not grow with their number."""
    stream = original._lookup(request.read_stream)
    if request.offset > stream.allocated:
        message = f"there was an error operating on '{request.read_stream}': offset {request.offset} has not been allocated yet"
        raise original.StorageError(grpc.StatusCode.FAILED_PRECONDITION, message)
    position = request.offset
    for batch in _batches(stream, position):
        after = position + batch.num_rows
        schema = original._schema(stream.avro, batch.schema) if position == request.offset else {}
        yield types.ReadRowsResponse(
            row_count=batch.num_rows, stats=original._progress(stream, position, after), **_rows(stream, batch), **schema
        )
        stream.allocated, position = max(stream.allocated, after), after


def _batches(stream: original.Stream, position: int) -> Iterator[pa.RecordBatch]:
    """What is left of a stream after `position` rows. DuckDB holds all rows of a query with LIMIT in memory, so this counts itself."""
    left = stream.end - stream.start - position
    with database.cursor() as cursor:
        for batch in cursor.sql(f"SELECT * FROM ({stream.query}) OFFSET {stream.start + position}").to_arrow_reader(MESSAGE_ROWS):
            if not left:
                return
            yield batch.slice(0, left)
            left -= min(left, batch.num_rows)


def _rows(stream: original.Stream, batch: pa.RecordBatch) -> dict[str, types.AvroRows | types.ArrowRecordBatch]:
    if stream.avro:
        return {"avro_rows": original._avro_rows(stream, batch)}
    return {"arrow_record_batch": types.ArrowRecordBatch(serialized_record_batch=batch.serialize().to_pybytes())}
