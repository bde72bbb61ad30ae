"""No call to the emulator of BigQuery's Storage APIs ends in an error of its own, without an answer, or with its process."""

from collections.abc import Iterator
from typing import Any

import grpc
import pyarrow as pa
import pytest
from google.cloud.bigquery_storage_v1 import types
from google.protobuf import descriptor_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.infra.emulators.bigquery_process import PROJECT, BigQueryProcess, Dataset, rows_of

effort = settings(max_examples=100, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
READ, WRITE = ("/google.cloud.bigquery.storage.v1.BigQuery" + word for word in ("Read/", "Write/"))
TABLE = f"projects/{PROJECT}/datasets/there/tables/t"
ANSWER_SECONDS = 60
BROKEN = {"INTERNAL", "UNKNOWN", "DEADLINE_EXCEEDED", "UNAVAILABLE"}
KINDS = [
    (READ + "CreateReadSession", types.CreateReadSessionRequest),
    (READ + "ReadRows", types.ReadRowsRequest),
    (READ + "SplitReadStream", types.SplitReadStreamRequest),
    (WRITE + "CreateWriteStream", types.CreateWriteStreamRequest),
    (WRITE + "AppendRows", types.AppendRowsRequest),
    (WRITE + "GetWriteStream", types.GetWriteStreamRequest),
    (WRITE + "FinalizeWriteStream", types.FinalizeWriteStreamRequest),
    (WRITE + "BatchCommitWriteStreams", types.BatchCommitWriteStreamsRequest),
    (WRITE + "FlushRows", types.FlushRowsRequest),
]


class Hostile:
    """The emulator, and names of streams of each kind that it has given."""

    def __init__(self, emulator: BigQueryProcess, channel: grpc.Channel) -> None:
        self.emulator, self.channel = emulator, channel
        self.names = [
            "",
            "x",
            "/",
            "\0",
            TABLE,
            f"{TABLE}/streams/_default",
            f"projects/{PROJECT}/datasets/there/tables/no/streams/_default",
        ]
        session = types.CreateReadSessionRequest(parent=f"projects/{PROJECT}", read_session={"table": TABLE, "data_format": "ARROW"})
        self.names += [stream.name for stream in types.ReadSession.deserialize(self.answer(KINDS[0][0], session)).streams]
        for kind in ("COMMITTED", "PENDING", "BUFFERED"):
            request = types.CreateWriteStreamRequest(parent=TABLE, write_stream={"type_": kind})
            self.names.append(types.WriteStream.deserialize(self.answer(KINDS[3][0], request)).name)

    def answer(self, path: str, *messages: Any) -> bytes:
        """The last message that comes back for messages of the Storage API, or for plain bytes."""
        sent = [message if isinstance(message, bytes) else type(message).serialize(message) for message in messages]
        call = self.channel.stream_stream(path, lambda message: message, lambda message: message)
        answers = list(call(iter(sent), timeout=ANSWER_SECONDS))
        return answers[-1] if answers else b""

    def code(self, path: str, *messages: Any) -> str:
        """How a call ends, with the text."""
        try:
            self.answer(path, *messages)
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
        return "OK: "


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    with BigQueryProcess(tmp_path_factory.mktemp("hostile")).running() as process:
        client = process.client()
        client.create_dataset("there")
        dataset = Dataset(client, "there")
        dataset.make("t")
        dataset.load("t", rows_of("2026-01-01", 3))
        with grpc.insecure_channel(f"127.0.0.1:{process.grpc_port}") as channel:
            yield Hostile(process, channel)
        assert process.endpoint


NUMBERS = st.sampled_from([0, 1, 2, 3, -1, 2**31 - 1, -(2**31), 2**62, -(2**63)])
SMALL = st.sampled_from([0, 1, 3, -1, 2**31 - 1])
TEXTS = st.sampled_from(
    ["", "id = 1", "id", "1", "id = 'x'", "note", "day", "no", "id = (SELECT 1)", "'", "id;", "id = 1/0", "\0", "é" * 20, "(" * 300]
)
SCHEMA = pa.schema([("day", pa.date32()), ("id", pa.int64()), ("note", pa.string())])
BATCH = pa.record_batch([pa.array([1], pa.date32()), pa.array([7], pa.int64()), pa.array(["n"])], schema=SCHEMA)
ODD = pa.schema([("id", pa.list_(pa.int8())), ("id", pa.string()), ("", pa.null())])


def arrow(schema: bytes, rows: bytes) -> dict[str, Any]:
    return {"writer_schema": {"serialized_schema": schema}, "rows": {"serialized_record_batch": rows}}


def proto(name: str, fields: list[tuple[str, int, int]], rows: list[bytes]) -> dict[str, Any]:
    descriptor = descriptor_pb2.DescriptorProto(name=name)
    for number, (field, kind, label) in enumerate(fields, 1):
        descriptor.field.add(name=field, number=number, type=kind, label=label)
    return {"writer_schema": {"proto_descriptor": descriptor}, "rows": {"serialized_rows": rows}}


SCHEMAS = st.one_of(st.sampled_from([b"", SCHEMA.serialize().to_pybytes(), ODD.serialize().to_pybytes()]), st.binary(max_size=12))
RECORDS = st.one_of(st.sampled_from([b"", BATCH.serialize().to_pybytes(), BATCH.serialize().to_pybytes()[:-9]]), st.binary(max_size=12))
FIELDS = st.lists(st.tuples(st.sampled_from(["id", "day", "note", "x", "", "1"]), st.integers(1, 18), st.integers(1, 3)), max_size=3)
PROTOS = st.builds(proto, st.sampled_from(["R", "", "a.b"]), FIELDS, st.lists(st.binary(max_size=6), max_size=2))


@st.composite
def calls(draw: st.DrawFn, names: list[str]) -> tuple[str, list[Any]]:
    path, kind = draw(st.sampled_from(KINDS))
    name = st.sampled_from(names)
    if draw(st.integers(0, 9)) == 0:
        return path, draw(st.lists(st.binary(max_size=40), max_size=2))
    if kind is types.CreateReadSessionRequest:
        options = {"selected_fields": draw(st.lists(TEXTS, max_size=2)), "row_restriction": draw(TEXTS)}
        session = {"table": draw(name), "data_format": draw(st.sampled_from([0, 1, 2])), "read_options": options}
        if draw(st.booleans()):
            session["table_modifiers"] = {"snapshot_time": {"seconds": draw(NUMBERS), "nanos": draw(SMALL)}}
        return path, [kind(parent=draw(name), read_session=session, max_stream_count=draw(SMALL))]
    if kind is types.ReadRowsRequest:
        return path, [kind(read_stream=draw(name), offset=draw(NUMBERS))]
    if kind is types.SplitReadStreamRequest:
        return path, [kind(name=draw(name), fraction=draw(st.sampled_from([0.0, 0.5, 1.0, -1.0, 2.0, float("nan"), float("inf")])))]
    if kind is types.CreateWriteStreamRequest:
        return path, [kind(parent=draw(name), write_stream={"type_": draw(st.sampled_from([0, 1, 2, 3, 9]))})]
    if kind is types.AppendRowsRequest:
        rows = draw(
            st.one_of(
                st.builds(arrow, SCHEMAS, RECORDS).map(lambda rows: {"arrow_rows": rows}), PROTOS.map(lambda rows: {"proto_rows": rows})
            )
        )
        offset = {"offset": draw(NUMBERS)} if draw(st.booleans()) else {}
        return path, [kind(write_stream=draw(name), **rows, **offset)] * draw(st.integers(0, 2))
    if kind is types.BatchCommitWriteStreamsRequest:
        return path, [kind(parent=draw(name), write_streams=draw(st.lists(name, max_size=3)))]
    if kind is types.FlushRowsRequest:
        return path, [kind(write_stream=draw(name), offset=draw(NUMBERS))]
    return path, [kind(name=draw(name))]


@effort
@given(st.data())
def test_every_call_to_the_storage_apis_is_answered(hostile: Hostile, data: st.DataObject) -> None:
    path, messages = data.draw(calls(hostile.names))
    ended = hostile.code(path, *messages)
    assert ended.partition(":")[0] not in BROKEN and "Traceback" not in ended, ended


def test_the_emulator_lives_on(hostile: Hostile) -> None:
    assert [row.id for row in hostile.emulator.client().query("SELECT id FROM there.t WHERE id < 3 ORDER BY id").result()] == [0, 1, 2]
