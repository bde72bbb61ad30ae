"""The streaming buffer of the BigQuery emulator: rows that are queried at once, and copied later."""

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pyarrow as pa
import pytest
from google.api_core.exceptions import BadRequest, MethodNotImplemented
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, BigQueryWriteClient, types
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport

from tests.infra.emulators.bigquery_process import PROJECT, BigQueryProcess, Dataset, rows_of
from tests.waiting import wait_until

Copy = Callable[[Dataset, str, str], None]


VISITS = [bigquery.SchemaField("id", "INTEGER"), bigquery.SchemaField("name", "STRING")]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryProcess]:
    """Rows stay in its buffer until the emulator is stopped."""
    options = ("--streaming-buffer-seconds", "86400")
    with BigQueryProcess(tmp_path_factory.mktemp("patient"), options=options).running() as process:
        process.client().create_dataset("streamed")
        yield process


@pytest.fixture(scope="module")
def patient(process: BigQueryProcess) -> Dataset:
    return Dataset(process.client(), "streamed")


@pytest.fixture(scope="module")
def channel(process: BigQueryProcess) -> Iterator[grpc.Channel]:
    with contextlib.closing(grpc.insecure_channel(f"127.0.0.1:{process.grpc_port}")) as channel:
        yield channel


def stream(dataset: Dataset, name: str, count: int, first_id: int = 0) -> None:
    assert dataset.client.insert_rows_json(dataset.table(name), rows_of("2026-01-02", count, first_id)) == []


def copy(dataset: Dataset, source: str, name: str) -> None:
    dataset.client.copy_table(dataset.table(source), dataset.table(name)).result()


def snapshot(dataset: Dataset, source: str, name: str) -> None:
    config = bigquery.CopyJobConfig(operation_type="SNAPSHOT", write_disposition="WRITE_EMPTY")
    dataset.client.copy_table(dataset.table(source), dataset.table(name), job_config=config).result()


@pytest.mark.parametrize(
    ("kind", "make", "source", "copied"),
    [
        ("copied", copy, "", {"2026-01-01": 3, "2026-01-02": 1}),
        ("kept", snapshot, "", {"2026-01-01": 3, "2026-01-02": 1}),
        ("partition", copy, "$20260102", {"2026-01-02": 1}),
        ("past", copy, "@-1", {"2026-01-01": 3, "2026-01-02": 1}),
    ],
)
def test_streamed_rows_are_queried_but_not_copied(patient: Dataset, kind: str, make: Copy, source: str, copied: dict[str, int]) -> None:
    patient.make(f"from_{kind}")
    patient.load(f"from_{kind}", [*rows_of("2026-01-01", 3), *rows_of("2026-01-02", 1)])
    stream(patient, f"from_{kind}", 5, first_id=10)
    assert patient.counts(f"from_{kind}") == {"2026-01-01": 3, "2026-01-02": 6}

    make(patient, f"from_{kind}{source}", kind)

    assert patient.counts(kind) == copied


def test_a_table_tells_what_is_in_its_buffer_and_does_not_count_it(patient: Dataset) -> None:
    patient.make("told")
    patient.load("told", rows_of("2026-01-01", 3))
    size = patient.client.get_table(patient.table("told")).num_bytes
    stream(patient, "told", 2)
    stream(patient, "told", 1)

    table = patient.client.get_table(patient.table("told"))

    buffer = table.streaming_buffer
    assert (table.num_rows, buffer.estimated_rows) == (3, 3)
    assert (table.num_bytes, buffer.estimated_bytes) == (size, size)
    assert table.modified is not None
    assert buffer.oldest_entry_time <= table.modified


def test_streamed_rows_are_in_no_partition_of_their_own_day(patient: Dataset) -> None:
    patient.make("arrived")
    patient.load("arrived", [*rows_of("2026-01-01", 3), *rows_of("2026-01-02", 1)])
    stream(patient, "arrived", 2)
    stream(patient, "arrived", 1)
    view = "SELECT partition_id, total_rows FROM {dataset}.INFORMATION_SCHEMA.PARTITIONS WHERE table_name = 'arrived' ORDER BY 1"

    assert sorted(patient.client.list_partitions(patient.table("arrived"))) == ["20260101", "20260102", "__UNPARTITIONED__"]
    assert patient.query(view) == [("20260101", 3), ("20260102", 1), ("__UNPARTITIONED__", 3)]
    assert len(list(patient.client.list_rows(patient.client.get_table(patient.table("arrived$20260102"))))) == 1


@pytest.mark.parametrize(
    ("name", "statement", "kind"),
    [
        ("updated", "UPDATE {t} SET note = 'x' WHERE day = '2026-01-02'", "UPDATE or MERGE or DELETE"),
        ("updated_from", "UPDATE {t} AS a SET note = 'x' FROM (SELECT 10 AS id) AS b WHERE a.id = b.id", "UPDATE or MERGE or DELETE"),
        ("deleted", "DELETE FROM {t} AS a WHERE a.id = 10", "UPDATE or MERGE or DELETE"),
        ("merged", "MERGE {t} AS a USING (SELECT 10 AS id) AS b ON a.id = b.id WHEN MATCHED THEN DELETE", "UPDATE or MERGE or DELETE"),
        ("truncated", "TRUNCATE TABLE {t}", "TRUNCATE TABLE"),
    ],
)
def test_streamed_rows_are_not_changed(patient: Dataset, name: str, statement: str, kind: str) -> None:
    patient.make(name)
    patient.load(name, rows_of("2026-01-01", 3))
    stream(patient, name, 2, first_id=10)
    before = patient.counts(name)

    with pytest.raises(BadRequest) as error:
        patient.query(statement.replace("{t}", f"`{patient.table(name)}`"))

    table = patient.table(name)
    assert f"{kind} statement over table {table} would affect rows in the streaming buffer, which is not supported" in error.value.message
    assert patient.counts(name) == before


def test_other_rows_of_the_table_are_changed(patient: Dataset) -> None:
    patient.make("others")
    patient.load("others", rows_of("2026-01-01", 3))
    stream(patient, "others", 2, first_id=10)
    table = f"`{patient.table('others')}`"

    patient.query(f"UPDATE {table} SET note = 'x' WHERE id = 1")
    patient.query(f"DELETE FROM {table} WHERE day = '2026-01-01' AND id = 2")
    patient.query(f"MERGE {table} AS a USING (SELECT 99 AS id) AS b ON a.id = b.id WHEN NOT MATCHED THEN INSERT (id) VALUES (b.id)")

    assert patient.query(f"SELECT id, note FROM {table} ORDER BY id") == [(0, "n0"), (1, "x"), (10, "n0"), (11, "n1"), (99, None)]


def test_rows_leave_the_buffer(tmp_path: Path) -> None:
    with BigQueryProcess(tmp_path, options=("--streaming-buffer-seconds", "0.5")).running() as process:
        client = process.client()
        client.create_dataset("hasty")
        dataset = Dataset(client, "hasty")
        dataset.make("t")
        stream(dataset, "t", 4)
        wait_until(lambda: client.get_table(dataset.table("t")).streaming_buffer is None, "the rows stay in the buffer")

        copy(dataset, "t", "copied")

        assert dataset.counts("copied") == {"2026-01-02": 4}
        assert client.get_table(dataset.table("t")).num_rows == 4

        make_visits(dataset, "visits", load=False)
        assert client.insert_rows_json(dataset.table("visits"), [{"id": 1}]) == []
        wait_until(lambda: client.get_table(dataset.table("visits")).streaming_buffer is None, "the rows stay in the buffer")
        assert dataset.query("SELECT id, _PARTITIONDATE AS day FROM {dataset}.visits") == [(1, today())]


def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def make_visits(dataset: Dataset, name: str, *, unit: str = "DAY", load: bool = True) -> None:
    """A table that is partitioned by ingestion time, with a row of the first of January 2026."""
    dataset.make(name, VISITS, time_partitioning=bigquery.TimePartitioning(type_=unit))
    if load:
        dataset.load(f"{name}$20260101", [{"id": 0, "name": "n"}], schema=VISITS)


def append(channel: grpc.Channel, name: str, kind: str, *columns: str) -> types.AppendRowsResponse:
    """Append a row, with some columns, to a stream of the Storage Write API."""
    client = BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel))
    parent = f"projects/{PROJECT}/datasets/streamed/tables/{name}"
    stream = f"{parent}/streams/_default"
    if kind != "DEFAULT":
        stream = client.create_write_stream(parent=parent, write_stream=types.WriteStream(type_=kind)).name
    batch = pa.record_batch({column: [7] for column in columns})
    request = types.AppendRowsRequest(write_stream=stream)
    request.arrow_rows.writer_schema.serialized_schema = batch.schema.serialize().to_pybytes()
    request.arrow_rows.rows.serialized_record_batch = batch.serialize().to_pybytes()
    answer = next(iter(client.append_rows(iter([request]))))
    if kind == "PENDING" and not answer.error.code:
        client.finalize_write_stream(name=stream)
        client.batch_commit_write_streams(types.BatchCommitWriteStreamsRequest(parent=parent, write_streams=[stream]))
    return answer


@pytest.mark.parametrize("kind", ["insertAll", "DEFAULT", "COMMITTED", "PENDING"])
def test_rows_that_are_streamed_have_no_ingestion_time_until_they_leave_the_buffer(
    patient: Dataset, channel: grpc.Channel, kind: str
) -> None:
    name = f"visits_{kind.lower()}"
    make_visits(patient, name)
    if kind == "insertAll":
        assert patient.client.insert_rows_json(patient.table(name), [{"id": 7}]) == []
    else:
        assert not append(channel, name, kind, "id").error.code
    table = f"{{dataset}}.{name}"
    first = dt.date(2026, 1, 1)

    assert patient.query(f"SELECT * FROM {table} ORDER BY id") == [(0, "n"), (7, None)]
    assert patient.query(f"SELECT id, _PARTITIONDATE AS day FROM {table} ORDER BY id") == [(0, first), (7, None)]
    assert patient.query(f"SELECT *, _PARTITIONTIME AS t FROM {table} WHERE _PARTITIONTIME IS NULL") == [(7, None, None)]
    assert patient.query(f"SELECT COUNT(*) FROM {table} AS v WHERE v._PARTITIONDATE >= '2026-01-01'") == [(1,)]
    assert patient.client.list_partitions(patient.table(name)) == ["20260101", "__UNPARTITIONED__"]
    described = patient.client.get_table(patient.table(name))
    assert (described.num_rows, described.streaming_buffer.estimated_rows) == (1, 1)
    copy(patient, name, f"{name}_copied")
    assert patient.query(f"SELECT id, _PARTITIONDATE AS day FROM {{dataset}}.{name}_copied") == [(0, first)]
    with pytest.raises(BadRequest, match="would affect rows in the streaming buffer"):
        patient.query(f"DELETE FROM {table} WHERE id = 7")
    with pytest.raises(MethodNotImplemented, match="by the time of ingestion while rows are in the streaming buffer"):
        patient.query(f"DELETE FROM {table} WHERE _PARTITIONDATE = '2026-01-01'")
    patient.query(f"UPDATE {table} SET name = 'm' WHERE id = 0")
    assert patient.query(f"SELECT name FROM {table} WHERE _PARTITIONDATE = '2026-01-01'") == [("m",)]


def test_a_read_session_has_no_ingestion_time_of_streamed_rows(patient: Dataset, channel: grpc.Channel) -> None:
    make_visits(patient, "visits_read")
    patient.client.insert_rows_json(patient.table("visits_read"), [{"id": 7}])
    client = BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))
    table = f"projects/{PROJECT}/datasets/streamed/tables/visits_read"
    options = types.ReadSession.TableReadOptions(selected_fields=["id", "_PARTITIONTIME"], row_restriction="_PARTITIONTIME IS NULL")
    wanted = types.ReadSession(table=table, data_format=types.DataFormat.ARROW, read_options=options)
    session = client.create_read_session(parent=f"projects/{PROJECT}", read_session=wanted, max_stream_count=1)

    assert client.read_rows(session.streams[0].name).to_arrow(session).to_pylist() == [{"id": 7, "_PARTITIONTIME": None}]


def test_rows_are_streamed_into_the_partition_of_a_day_that_is_not_far_away(patient: Dataset) -> None:
    make_visits(patient, "visits_of_a_day")
    make_visits(patient, "visits_by_hour", unit="HOUR", load=False)
    patient.make("by_column")

    def stream_into(name: str) -> object:
        return patient.client.insert_rows_json(patient.table(name), [{"id": 7}])

    assert stream_into(f"visits_of_a_day${today() - dt.timedelta(days=31):%Y%m%d}") == []
    assert stream_into(f"visits_of_a_day${today() + dt.timedelta(days=16):%Y%m%d}") == []
    for days in (-32, 17):
        with pytest.raises(BadRequest, match="outside the allowed bounds. You can only stream to partitions within 31 days in the past"):
            stream_into(f"visits_of_a_day${today() + dt.timedelta(days=days):%Y%m%d}")
    with pytest.raises(BadRequest, match="only supported for daily partitioned tables"):
        stream_into("visits_by_hour$2026010105")
    with pytest.raises(BadRequest, match="Streaming to metadata partition of column based partitioning table"):
        stream_into(f"by_column${today():%Y%m%d}")
    assert patient.query("SELECT COUNT(*) FROM {dataset}.visits_of_a_day WHERE _PARTITIONTIME IS NULL") == [(2,)]


def test_nobody_names_the_ingestion_time_of_a_row(patient: Dataset, channel: grpc.Channel) -> None:
    make_visits(patient, "visits_named", load=False)
    rows = [{"id": 1}, {"id": 2, "_partitiontime": "2020-01-01"}, {"id": 3}]

    def told(**options: bool) -> list[tuple[int, str]]:
        answers = patient.client.insert_rows_json(patient.table("visits_named"), rows, **options)
        return [(answer["index"], answer["errors"][0]["message"] or answer["errors"][0]["reason"]) for answer in answers]

    assert told() == [(0, "stopped"), (1, "no such field: _partitiontime."), (2, "stopped")]
    assert told(skip_invalid_rows=True) == [(1, "no such field: _partitiontime.")]
    assert told(ignore_unknown_values=True) == []
    for kind in ("DEFAULT", "COMMITTED"):
        assert "extra fields" in append(channel, "visits_named", kind, "id", "_PARTITIONTIME").error.message
    assert patient.query("SELECT id FROM {dataset}.visits_named ORDER BY id") == [(1,), (1,), (2,), (3,), (3,)]
