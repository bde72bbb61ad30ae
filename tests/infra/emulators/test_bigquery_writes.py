"""The Storage Write API of the BigQuery emulator, by Google's unmodified client: streams, offsets, schemas, errors."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import grpc
import pyarrow as pa
import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport
from google.cloud.bigquery_storage_v1.writer import AppendRowsStream
from google.protobuf import descriptor_pb2

from tests.infra.emulators.bigquery_process import PROJECT, BigQueryProcess, Dataset

ARROW = pa.schema([("day", pa.date32()), ("id", pa.int64()), ("amount", pa.float64()), ("note", pa.string())])
EXISTS, BEYOND, INVALID = grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.INVALID_ARGUMENT
Code = types.StorageError.StorageErrorCode


@pytest.fixture
def writer(bigquery_process: BigQueryProcess) -> Iterator[BigQueryWriteClient]:
    with grpc.insecure_channel(f"127.0.0.1:{bigquery_process.grpc_port}") as channel:
        yield BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel))


@pytest.fixture
def parent(dataset: Dataset) -> str:
    """A table that nobody else writes."""
    name = f"written_{uuid4().hex[:8]}"
    dataset.make(name)
    return f"projects/{PROJECT}/datasets/{dataset.name}/tables/{name}"


def append(stream: str, ids: Sequence[int], offset: int | None = None, schema: pa.Schema = ARROW, **more: Any) -> types.AppendRowsRequest:
    rows = [{"day": None, "id": number, "amount": 0.5, "note": "é", **more} for number in ids]
    request = types.AppendRowsRequest(write_stream=stream, offset=offset)
    request.arrow_rows.writer_schema.serialized_schema = schema.serialize().to_pybytes()
    batch = pa.Table.from_pylist(rows, schema=schema).combine_chunks().to_batches()[0]
    request.arrow_rows.rows.serialized_record_batch = batch.serialize().to_pybytes()
    return request


def send(writer: BigQueryWriteClient, *requests: types.AppendRowsRequest) -> list[types.AppendRowsResponse]:
    return list(writer.append_rows(iter(requests)))


def make(writer: BigQueryWriteClient, parent: str, kind: str) -> str:
    return str(writer.create_write_stream(parent=parent, write_stream=types.WriteStream(type_=kind)).name)


def written(dataset: Dataset, parent: str) -> list[int]:
    return [number for (number,) in dataset.query(f"SELECT id FROM `{dataset.table(parent.rpartition('/')[2])}` ORDER BY id")]


def details(response: types.AppendRowsResponse) -> list[int]:
    found = []
    for packed in response.error.details:
        error = types.StorageError.pb(types.StorageError())
        assert packed.Unpack(error)
        found.append(error.code)
    return found


def test_an_offset_is_written_once(writer: BigQueryWriteClient, dataset: Dataset, parent: str) -> None:
    stream = make(writer, parent, "COMMITTED")

    first, second, again, beyond = send(
        writer, append(stream, [1, 2], 0), append(stream, [3], 2), append(stream, [3], 2), append(stream, [9], 7)
    )

    assert (first.append_result.offset, second.append_result.offset) == (0, 2)
    assert (again.error.code, details(again)) == (EXISTS.value[0], [Code.OFFSET_ALREADY_EXISTS])
    assert (beyond.error.code, details(beyond)) == (BEYOND.value[0], [Code.OFFSET_OUT_OF_RANGE])
    assert written(dataset, parent) == [1, 2, 3]
    assert writer.finalize_write_stream(name=stream).row_count == 3
    (after,) = send(writer, append(stream, [4], 3))
    assert (after.error.code, details(after)) == (INVALID.value[0], [Code.STREAM_FINALIZED])


def test_rows_of_a_pending_stream_are_shown_by_its_commit(writer: BigQueryWriteClient, dataset: Dataset, parent: str) -> None:
    stream = make(writer, parent, "PENDING")
    send(writer, append(stream, [1], 0), append(stream, [2], 1))
    request = types.BatchCommitWriteStreamsRequest(parent=parent, write_streams=[stream])
    (early,) = writer.batch_commit_write_streams(request).stream_errors
    assert (early.code, written(dataset, parent)) == (Code.INVALID_STREAM_STATE, [])
    writer.finalize_write_stream(name=stream)

    assert not writer.batch_commit_write_streams(request).stream_errors
    assert written(dataset, parent) == [1, 2]
    assert writer.batch_commit_write_streams(request).stream_errors
    assert written(dataset, parent) == [1, 2]


def test_the_default_stream_takes_rows_without_offsets(writer: BigQueryWriteClient, dataset: Dataset, parent: str) -> None:
    fields = [
        descriptor_pb2.FieldDescriptorProto(name="id", number=1, type=3, label=1),
        descriptor_pb2.FieldDescriptorProto(name="note", number=2, type=9, label=1),
    ]
    template = types.AppendRowsRequest(write_stream=f"{parent}/streams/_default")
    template.proto_rows.writer_schema.proto_descriptor = descriptor_pb2.DescriptorProto(name="Row", field=fields)
    request = types.AppendRowsRequest()
    request.proto_rows.rows.serialized_rows.append(b"\x08\x07\x12\x01a")
    manager = AppendRowsStream(writer, template)
    assert not manager.send(request).result(30).error.code
    manager.close()
    assert written(dataset, parent) == [7]

    (refused,) = send(writer, append(f"{parent}/streams/_default", [8], 0))
    assert refused.error.code == INVALID.value[0]
    assert refused.error.message.startswith("Offset can not be specified for the default stream.")


@pytest.mark.parametrize("default", [True, False])
def test_what_does_not_fit_is_told_and_the_rest_is_written(
    writer: BigQueryWriteClient, dataset: Dataset, parent: str, *, default: bool
) -> None:
    stream = f"{parent}/streams/_default" if default else make(writer, parent, "COMMITTED")
    unknown = append(stream, [1], schema=ARROW.append(pa.field("colour", pa.string())), colour="red")

    extra, good = send(writer, unknown, append(stream, [2]))

    assert (extra.error.code, details(extra)) == (INVALID.value[0], [Code.SCHEMA_MISMATCH_EXTRA_FIELDS])
    assert ("Schema mismatch due to extra fields in user schema" if default else "Cannot add fields (field: colour)") in extra.error.message
    assert (good.error.code, written(dataset, parent)) == (0, [2])


def test_a_connection_without_a_schema_is_told_so(writer: BigQueryWriteClient, parent: str) -> None:
    request = append(f"{parent}/streams/_default", [1])
    request.arrow_rows.writer_schema = types.ArrowSchema()
    (refused,) = send(writer, request)
    assert refused.error.message.startswith("The first request of a connection must tell the schema of its rows")


def test_a_stream_that_nobody_made_is_refused(writer: BigQueryWriteClient, parent: str) -> None:
    with pytest.raises(GoogleAPICallError, match=f"Invalid stream name. Entity: {parent}/streams/none"):
        send(writer, append(f"{parent}/streams/none", [1], 0))


def test_appends_of_many_connections_take_each_offset_once(writer: BigQueryWriteClient, dataset: Dataset, parent: str) -> None:
    stream = make(writer, parent, "COMMITTED")
    answers: list[types.AppendRowsResponse] = []
    threads = [threading.Thread(target=lambda: answers.extend(send(writer, append(stream, [1], 0)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(answer.error.code for answer in answers) == [0] + [EXISTS.value[0]] * 7
    assert written(dataset, parent) == [1]


def test_json_stays_json_in_partitioned_tables_and_their_copies(dataset: Dataset) -> None:
    dataset.query("CREATE TABLE {dataset}.t PARTITION BY day AS SELECT DATE '2026-01-01' AS day, TO_JSON(STRUCT(1 AS a, 'b' AS c)) AS j")
    dataset.client.copy_table(dataset.table("t"), dataset.table("u")).result()
    for name in ("t", "u"):
        assert [field.field_type for field in dataset.client.get_table(dataset.table(name)).schema] == ["DATE", "JSON"]
        assert dataset.query(f"SELECT TO_JSON_STRING(t) FROM {{dataset}}.{name} AS t") == [('{"day":"2026-01-01","j":{"a":1,"c":"b"}}',)]
