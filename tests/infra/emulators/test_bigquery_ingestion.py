"""Tables that are partitioned by when their rows are loaded, with the pseudo columns that BigQuery documents."""

import datetime as dt

import pytest
from google.api_core.exceptions import BadRequest, MethodNotImplemented
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, types

from tests.infra.emulators.bigquery_process import PROJECT, Dataset

SCHEMA = [SchemaField("id", "INTEGER"), SchemaField("name", "STRING")]
DAYS = [dt.date(2026, 1, 1), dt.date(2026, 1, 2)]


@pytest.fixture
def visits(dataset: Dataset) -> Dataset:
    """A dataset with a table `t` that has a row of each of two days, and two of today."""
    dataset.make("t", SCHEMA, time_partitioning=bigquery.TimePartitioning())
    for number, day in enumerate(DAYS):
        dataset.load(f"t${day:%Y%m%d}", [{"id": number, "name": "n"}], schema=SCHEMA)
    dataset.load("t", [{"id": 2, "name": "n"}, {"id": 3, "name": "n"}], schema=SCHEMA)
    return dataset


def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def test_rows_are_in_the_partition_of_their_loading_or_of_the_decorator(visits: Dataset) -> None:
    table = visits.client.get_table(visits.table("t"))
    assert (table.time_partitioning.type_, table.time_partitioning.field) == ("DAY", None)
    assert [field.name for field in table.schema] == ["id", "name"]
    assert (table.num_rows, table.num_bytes) == (4, 4 * (8 + 2 + 1))
    assert visits.client.list_partitions(table) == ["20260101", "20260102", f"{today():%Y%m%d}"]
    assert visits.query("SELECT _PARTITIONDATE AS day, COUNT(*) FROM {dataset}.t GROUP BY day ORDER BY day") == [
        (DAYS[0], 1),
        (DAYS[1], 1),
        (today(), 2),
    ]
    visits.load("t$20260101", [{"id": 9, "name": "n"}], schema=SCHEMA, write_disposition="WRITE_TRUNCATE")
    assert visits.query("SELECT id FROM {dataset}.t WHERE _PARTITIONTIME < TIMESTAMP '2026-01-03' ORDER BY id") == [(1,), (9,)]


def test_a_star_and_a_row_do_not_have_the_pseudo_columns(visits: Dataset) -> None:
    first = "WHERE id = 0"
    assert visits.query("SELECT * FROM {dataset}.t " + first) == [(0, "n")]
    assert visits.query("SELECT t.* FROM {dataset}.t AS t JOIN {dataset}.t AS u USING (id) " + first) == [(0, "n")]
    assert visits.query("SELECT TO_JSON_STRING(t) FROM {dataset}.t AS t " + first) == [('{"id":0,"name":"n"}',)]
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert visits.query("SELECT *, _PARTITIONTIME AS moment FROM {dataset}.t " + first) == [(0, "n", moment)]
    assert visits.query("SELECT t.*, t.`_PARTITIONDATE` AS day FROM {dataset}.t AS t " + first) == [(0, "n", DAYS[0])]
    assert [tuple(row.values()) for row in visits.client.list_rows(visits.table("t$20260102"))] == [(1, "n")]
    assert sorted(tuple(row.values()) for row in visits.client.list_rows(visits.client.get_table(visits.table("t"))))[0] == (0, "n")


def test_only_partitions_of_days_have_a_date(dataset: Dataset) -> None:
    dataset.make("h", SCHEMA, time_partitioning=bigquery.TimePartitioning(type_="HOUR"))
    dataset.load("h$2026010105", [{"id": 1, "name": "n"}], schema=SCHEMA)
    assert dataset.query("SELECT _PARTITIONTIME AS hour FROM {dataset}.h") == [(dt.datetime(2026, 1, 1, 5, tzinfo=dt.UTC),)]
    with pytest.raises(BadRequest, match="Unrecognized name: _PARTITIONDATE"):
        dataset.query("SELECT _PARTITIONDATE FROM {dataset}.h")
    dataset.make("c")
    with pytest.raises(BadRequest, match="Unrecognized name: _PARTITIONTIME"):
        dataset.query("SELECT _PARTITIONTIME FROM {dataset}.c")


def test_a_table_snapshot_keeps_the_time_of_loading(visits: Dataset) -> None:
    config = bigquery.CopyJobConfig(operation_type="SNAPSHOT")
    visits.client.copy_table(visits.table("t"), visits.table("s"), job_config=config).result()
    assert visits.client.list_partitions(visits.table("s")) == ["20260101", "20260102", f"{today():%Y%m%d}"]
    assert visits.query("SELECT id FROM {dataset}.s WHERE _PARTITIONDATE = '2026-01-02'") == [(1,)]
    assert visits.query("SELECT * FROM {dataset}.s WHERE id = 1") == [(1, "n")]


def test_a_read_session_has_the_pseudo_columns_that_it_names(visits: Dataset, read_client: BigQueryReadClient) -> None:
    def rows(*selected: str) -> list[dict[str, object]]:
        session = read_client.create_read_session(
            parent=f"projects/{PROJECT}",
            read_session=types.ReadSession(
                table=f"projects/{PROJECT}/datasets/{visits.name}/tables/t",
                data_format=types.DataFormat.ARROW,
                read_options=types.ReadSession.TableReadOptions(
                    selected_fields=selected, row_restriction="_PARTITIONTIME >= TIMESTAMP '2026-01-02' AND _PARTITIONDATE < '2026-01-03'"
                ),
            ),
            max_stream_count=1,
        )
        found: list[dict[str, object]] = read_client.read_rows(session.streams[0].name).to_arrow(session).to_pylist()
        return found

    assert rows() == [{"id": 1, "name": "n"}]
    assert rows("id", "_PARTITIONTIME") == [{"id": 1, "_PARTITIONTIME": dt.datetime(2026, 1, 2, tzinfo=dt.UTC)}]
    assert rows("_PARTITIONDATE") == [{"_PARTITIONDATE": DAYS[1]}]


def test_a_table_made_by_sql_is_partitioned_by_ingestion(dataset: Dataset) -> None:
    dataset.query("CREATE TABLE {dataset}.t (id INT64) PARTITION BY TIMESTAMP_TRUNC(_PARTITIONTIME, HOUR)")
    dataset.load("t$2026010105", [{"id": 1}], schema=SCHEMA[:1])
    assert dataset.client.list_partitions(dataset.table("t")) == ["2026010105"]


def test_what_the_emulator_cannot_do_with_such_a_table_is_refused(visits: Dataset) -> None:
    with pytest.raises(MethodNotImplemented, match="does not support INSERT and MERGE into a table that is partitioned by ingestion time"):
        visits.query("INSERT INTO {dataset}.t (id, name) VALUES (1, 'n')")
    with pytest.raises((MethodNotImplemented, BadRequest)):
        visits.query("CREATE TABLE {dataset}.u PARTITION BY _PARTITIONDATE AS SELECT 1 AS id")
