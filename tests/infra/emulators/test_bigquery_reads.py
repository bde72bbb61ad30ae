"""The Storage Read API of the BigQuery emulator, by Google's unmodified client."""

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.api_core.exceptions import FailedPrecondition, InvalidArgument, NotFound
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, types

from tests.infra.emulators.bigquery_process import PROJECT, BigQueryProcess, Dataset, rows_of

MESSAGE_ROWS = 10_240


def session(client: BigQueryReadClient, table: bigquery.TableReference, streams: int = 1, **options: Any) -> types.ReadSession:
    """A read session; `snapshot_time` and what TableReadOptions has may be given."""
    modifiers = types.ReadSession.TableModifiers(snapshot_time=options.pop("snapshot_time", None))
    asked = types.ReadSession(
        table=f"projects/{table.project}/datasets/{table.dataset_id}/tables/{table.table_id}",
        data_format=types.DataFormat.ARROW,
        read_options=types.ReadSession.TableReadOptions(**options),
        table_modifiers=modifiers,
    )
    return client.create_read_session(parent=f"projects/{PROJECT}", read_session=asked, max_stream_count=streams)


def read(client: BigQueryReadClient, opened: types.ReadSession) -> pa.Table:
    """The rows of all streams, one stream after the other."""
    return pa.concat_tables([client.read_rows(stream.name).to_arrow(opened) for stream in opened.streams])


@pytest.fixture
def days(dataset: Dataset) -> bigquery.TableReference:
    """Two days with 10 and 20 rows."""
    dataset.make("t")
    dataset.load("t", [*rows_of("2026-01-01", 10), *rows_of("2026-01-02", 20)])
    return bigquery.TableReference.from_string(dataset.table("t"))


@pytest.fixture
def numbers(dataset: Dataset) -> bigquery.TableReference:
    """100,000 numbers in one day."""
    dataset.query("CREATE TABLE {dataset}.numbers AS SELECT DATE '2026-01-01' AS day, n FROM UNNEST(GENERATE_ARRAY(1, 100000)) AS n")
    return bigquery.TableReference.from_string(dataset.table("numbers"))


def test_a_table_is_read_whole(read_client: BigQueryReadClient, days: bigquery.TableReference) -> None:
    opened = session(read_client, days)

    table = read(read_client, opened)

    assert opened.estimated_row_count == 30
    assert table.column_names == ["day", "id", "amount", "note"]
    assert table.schema.types == [pa.date32(), pa.int64(), pa.float64(), pa.string()]
    assert table.num_rows == 30


def test_columns_and_rows_are_chosen_at_the_server(read_client: BigQueryReadClient, days: bigquery.TableReference) -> None:
    opened = session(read_client, days, selected_fields=["id"], row_restriction="day = '2026-01-02' AND id >= 18")

    assert read(read_client, opened).to_pydict() == {"id": [18, 19]}


def test_types_arrive_as_bigquery_sends_them(read_client: BigQueryReadClient, dataset: Dataset) -> None:
    schema = [
        SchemaField("day", "DATE"),
        SchemaField("at", "TIMESTAMP"),
        SchemaField("local", "DATETIME"),
        SchemaField("price", "NUMERIC"),
        SchemaField("raw", "BYTES"),
        SchemaField("flag", "BOOLEAN"),
        SchemaField("list", "INTEGER", "REPEATED"),
        SchemaField("pair", "RECORD", fields=[SchemaField("a", "INTEGER")]),
    ]
    dataset.make("t", schema)
    row = {"day": "2026-01-01", "at": "2026-01-01T02:03:04.567890Z", "local": "2026-01-01T02:03:04", "price": "1.5", "raw": "AAEC"}
    dataset.load("t", [row | {"flag": True, "list": [1, 2], "pair": {"a": 1}}, {"list": None}], schema=schema)

    table = read(read_client, session(read_client, bigquery.TableReference.from_string(dataset.table("t"))))

    kinds = dict(zip(table.column_names, table.schema.types, strict=True))
    assert kinds["at"] == pa.timestamp("us", "UTC")
    assert kinds["local"] == pa.timestamp("us")
    assert kinds["price"] == pa.decimal128(38, 9)
    assert kinds["raw"] == pa.binary()
    assert sorted(map(str, table["list"].to_pylist())) == ["[1, 2]", "[]"]
    assert {str(pair) for pair in table["pair"].to_pylist()} == {"{'a': 1}", "None"}


def test_messages_are_small_and_only_the_first_has_the_schema(read_client: BigQueryReadClient, numbers: bigquery.TableReference) -> None:
    opened = session(read_client, numbers)

    messages = list(read_client.read_rows(opened.streams[0].name))

    assert [message.row_count for message in messages] == [MESSAGE_ROWS] * 9 + [100_000 - 9 * MESSAGE_ROWS]
    assert ["arrow_schema" in message for message in messages] == [True] + [False] * 9
    assert [round(message.stats.progress.at_response_end, 2) for message in messages[-2:]] == [0.92, 1.0]


def test_streams_share_the_rows(read_client: BigQueryReadClient, numbers: bigquery.TableReference) -> None:
    opened = session(read_client, numbers, streams=4)

    parts = [read_client.read_rows(stream.name).to_arrow(opened)["n"].to_pylist() for stream in opened.streams]

    assert [len(part) for part in parts] == [25_000] * 4
    assert sorted(n for part in parts for n in part) == list(range(1, 100_001))


def test_a_small_table_has_one_stream_and_an_empty_one_none(read_client: BigQueryReadClient, days: bigquery.TableReference) -> None:
    assert len(session(read_client, days, streams=8).streams) == 1
    assert len(session(read_client, days, streams=8, row_restriction="id < 0").streams) == 0


def test_a_stream_is_taken_up_again_where_it_broke(read_client: BigQueryReadClient, numbers: bigquery.TableReference) -> None:
    opened = session(read_client, numbers)
    name = opened.streams[0].name
    whole = read_client.read_rows(name).to_arrow(opened)["n"].to_pylist()

    rest = read_client.read_rows(name, offset=50_000).to_arrow(opened)["n"].to_pylist()

    assert rest == whole[50_000:]
    with pytest.raises(FailedPrecondition, match="offset 200000 has not been allocated yet"):
        list(read_client.read_rows(name, offset=200_000))


def test_a_stream_is_split_in_two(read_client: BigQueryReadClient, numbers: bigquery.TableReference) -> None:
    opened = session(read_client, numbers)
    split = read_client.split_read_stream(request={"name": opened.streams[0].name, "fraction": 0.25})

    parts = [read_client.read_rows(part.name).to_arrow(opened)["n"].to_pylist() for part in (split.primary_stream, split.remainder_stream)]

    assert [len(part) for part in parts] == [25_000, 75_000]
    assert parts[0] + parts[1] == read_client.read_rows(opened.streams[0].name).to_arrow(opened)["n"].to_pylist()


def test_a_session_does_not_see_what_is_written_later(
    read_client: BigQueryReadClient, dataset: Dataset, days: bigquery.TableReference
) -> None:
    opened = session(read_client, days)

    dataset.load("t$20260101", rows_of("2026-01-01", 1, first_id=99), write_disposition="WRITE_TRUNCATE")
    dataset.load("t", [{"day": "2026-01-03", "id": 7}], schema=None)

    assert read(read_client, opened).num_rows == 30
    assert read(read_client, session(read_client, days)).num_rows == 22


def test_a_table_is_read_as_it_was(read_client: BigQueryReadClient, dataset: Dataset, days: bigquery.TableReference) -> None:
    before = dataset.client.get_table(days).modified
    dataset.load("t", rows_of("2026-01-01", 5), write_disposition="WRITE_TRUNCATE")

    opened = session(read_client, days, snapshot_time=before, row_restriction="day = '2026-01-02'")

    assert read(read_client, opened).num_rows == 20
    with pytest.raises(InvalidArgument, match="Invalid time travel timestamp"):
        session(read_client, days, snapshot_time=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))


def test_a_table_snapshot_is_read(read_client: BigQueryReadClient, dataset: Dataset, days: bigquery.TableReference) -> None:
    config = bigquery.CopyJobConfig(operation_type="SNAPSHOT")
    dataset.client.copy_table(days, dataset.table("s"), job_config=config).result()
    dataset.client.delete_table(days)

    opened = session(read_client, bigquery.TableReference.from_string(dataset.table("s")), row_restriction="day = '2026-01-01'")

    assert read(read_client, opened).num_rows == 10


def test_a_querys_result_is_read_in_its_order(read_client: BigQueryReadClient, dataset: Dataset, numbers: bigquery.TableReference) -> None:
    job = dataset.client.query(f"SELECT n FROM `{dataset.table('numbers')}` ORDER BY MOD(n * 7919, 100003), n")
    job.result()

    found = read(read_client, session(read_client, job.destination))["n"].to_pylist()

    assert found == sorted(range(1, 100_001), key=lambda n: (n * 7919 % 100_003, n))


def test_the_client_turns_a_result_into_arrow_by_itself(read_client: BigQueryReadClient, dataset: Dataset) -> None:
    rows = dataset.client.query("SELECT n FROM UNNEST(GENERATE_ARRAY(1, 50000)) AS n ORDER BY n DESC").result()

    table = rows.to_arrow(bqstorage_client=read_client)

    assert table["n"].to_pylist() == list(range(50_000, 0, -1))


def test_a_required_partition_filter_is_required_here_too(read_client: BigQueryReadClient, dataset: Dataset) -> None:
    dataset.make("t", require_partition_filter=True)
    dataset.load("t", rows_of("2026-01-01", 2))
    table = bigquery.TableReference.from_string(dataset.table("t"))

    assert read(read_client, session(read_client, table, row_restriction="day = '2026-01-01'")).num_rows == 2
    with pytest.raises(InvalidArgument, match="Cannot query over table .* without a filter"):
        session(read_client, table)


def test_what_is_not_there_is_told(read_client: BigQueryReadClient, dataset: Dataset, days: bigquery.TableReference) -> None:
    with pytest.raises(NotFound, match="Not found: Table .*nothing"):
        session(read_client, bigquery.TableReference.from_string(dataset.table("nothing")))
    with pytest.raises(InvalidArgument, match="Unrecognized name: nothing"):
        session(read_client, days, row_restriction="nothing = 1")
    with pytest.raises(NotFound, match="Not found: Stream nothing"):
        list(read_client.read_rows("nothing"))


def memory_bytes(pid: int) -> int:
    """The most memory that a process had at once."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_does_not_grow_with_the_rows(bigquery_process: BigQueryProcess, read_client: BigQueryReadClient, dataset: Dataset) -> None:
    dataset.query("CREATE TABLE {dataset}.wide AS SELECT n, REPEAT('x', 100) AS text FROM UNNEST(GENERATE_ARRAY(1, 1000000)) AS n")
    opened = session(read_client, bigquery.TableReference.from_string(dataset.table("wide")), streams=4)
    Path(f"/proc/{bigquery_process.pid}/clear_refs").write_text("5")  # the most memory is counted from now on
    before = memory_bytes(bigquery_process.pid)

    rows = sum(message.row_count for stream in opened.streams for message in read_client.read_rows(stream.name))

    assert rows == 1_000_000
    assert memory_bytes(bigquery_process.pid) - before < 64 * 2**20
