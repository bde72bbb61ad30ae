"""Committed streams of the Storage Write API, by Google's client: exactly once, also across a crash."""

import contextlib
import datetime as dt
from collections.abc import Iterator

import grpc
import pyarrow as pa
import pytest
from google.api_core.exceptions import InvalidArgument
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport

from tests.infra.emulators.bigquery_process import PROJECT, BigQueryProcess, Dataset

PARENT = f"projects/{PROJECT}/datasets/written/tables/rows"
SCHEMA = pa.schema([("day", pa.date32()), ("id", pa.int64()), ("note", pa.string())])
DAY = dt.date(2026, 1, 2)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryProcess]:
    with BigQueryProcess(tmp_path_factory.mktemp("written")).running() as process:
        client = process.client()
        client.create_dataset("written")
        Dataset(client, "written").make("rows")
        yield process


@contextlib.contextmanager
def writer(emulator: BigQueryProcess) -> Iterator[BigQueryWriteClient]:
    with grpc.insecure_channel(f"127.0.0.1:{emulator.grpc_port}") as channel:
        yield BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel))


def create(client: BigQueryWriteClient) -> str:
    return str(client.create_write_stream(parent=PARENT, write_stream=types.WriteStream(type_="COMMITTED")).name)


def append(
    client: BigQueryWriteClient, stream: str, ids: list[int], offset: int | None, schema: pa.Schema = SCHEMA
) -> types.AppendRowsResponse:
    values = {"day": [DAY] * len(ids), "id": ids, "note": ["n"] * len(ids), "more": ids}
    batch = pa.record_batch([pa.array(values[field.name], field.type) for field in schema], schema=schema)
    request = types.AppendRowsRequest(write_stream=stream, offset=offset)
    request.arrow_rows.writer_schema.serialized_schema = schema.serialize().to_pybytes()
    request.arrow_rows.rows.serialized_record_batch = batch.serialize().to_pybytes()
    return next(iter(client.append_rows(iter([request]))))


def ids(emulator: BigQueryProcess) -> list[int]:
    return [row.id for row in emulator.client().query("SELECT id FROM written.rows ORDER BY id").result()]


def storage_code(answer: types.AppendRowsResponse) -> str:
    error = types.StorageError.pb(types.StorageError())
    assert answer.error.details[0].Unpack(error)
    return str(types.StorageError.StorageErrorCode(error.code).name)


def test_rows_are_taken_once_at_their_offset_also_after_a_crash(emulator: BigQueryProcess) -> None:
    with writer(emulator) as client:
        stream = create(client)
        assert append(client, stream, [1, 2], 0).append_result.offset == 0
        assert append(client, stream, [3], 2).append_result.offset == 2
        again, beyond = append(client, stream, [3], 2), append(client, stream, [9], 7)
        assert (again.error.code, storage_code(again)) == (6, "OFFSET_ALREADY_EXISTS")
        assert again.error.message == "The offset is within stream, expected offset 3, received 2"
        assert (beyond.error.code, storage_code(beyond)) == (11, "OFFSET_OUT_OF_RANGE")
    emulator.kill()
    emulator.start()
    with writer(emulator) as client:
        assert append(client, stream, [3], 2).error.code == 6
        assert append(client, stream, [4], 3).append_result.offset == 3
        assert client.finalize_write_stream(name=stream).row_count == 4
        assert storage_code(append(client, stream, [5], 4)) == "STREAM_FINALIZED"
    assert ids(emulator) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "field", [pa.field("more", pa.int64()), pa.field("note", pa.int64())], ids=["a column that is not there", "a column of another type"]
)
def test_rows_of_another_schema_are_refused_whole(emulator: BigQueryProcess, field: pa.Field) -> None:
    before = ids(emulator)
    schema = pa.schema([SCHEMA.field("day"), SCHEMA.field("id"), field])
    with writer(emulator) as client:
        stream = create(client)
        values = {"day": [DAY], "id": [100], field.name: [1]}
        batch = pa.record_batch([pa.array(values[f.name], f.type) for f in schema], schema=schema)
        request = types.AppendRowsRequest(write_stream=stream, offset=0)
        request.arrow_rows.writer_schema.serialized_schema = schema.serialize().to_pybytes()
        request.arrow_rows.rows.serialized_record_batch = batch.serialize().to_pybytes()
        answer = next(iter(client.append_rows(iter([request]))))
        assert (answer.error.code, storage_code(answer)) == (3, "SCHEMA_MISMATCH_EXTRA_FIELDS")
        assert append(client, stream, [200], 0).append_result.offset == 0
    assert ids(emulator) == [*before, 200]


def test_a_request_is_as_large_as_bigquery_takes_it(emulator: BigQueryProcess) -> None:
    with writer(emulator) as client:
        stream = create(client)
        with pytest.raises(InvalidArgument, match=r"AppendRows request too large: \d+ limit 10485760"):
            append(client, stream, list(range(700_000)), 0)
        assert append(client, stream, list(range(300, 300_300)), 0).append_result.offset == 0
