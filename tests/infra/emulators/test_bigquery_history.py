"""Tables of the BigQuery emulator as they were: time travel, copies, table snapshots."""

import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, types

from tests.infra.emulators.bigquery_process import PROJECT, SCHEMA, Dataset, rows_of
from tests.waiting import wait_until


def now(dataset: Dataset) -> dt.datetime:
    ((moment,),) = dataset.query("SELECT CURRENT_TIMESTAMP()")
    assert isinstance(moment, dt.datetime)
    time.sleep(0.002)  # a decorator counts milliseconds
    return moment


def at(moment: dt.datetime) -> bigquery.ScalarQueryParameter:
    return bigquery.ScalarQueryParameter("at", "TIMESTAMP", moment)


def decorated(dataset: Dataset, name: str, moment: dt.datetime) -> str:
    return dataset.table(f"{name}@{-int(-moment.timestamp() * 1000)}")


def snapshot(dataset: Dataset, source: str, name: str, **properties: str) -> bigquery.CopyJob:
    config = bigquery.CopyJobConfig(operation_type="SNAPSHOT", write_disposition="WRITE_EMPTY")
    for property_name, value in properties.items():
        config._set_sub_prop(property_name, value)
    job = dataset.client.copy_table(source, dataset.table(name), job_config=config)
    job.result()
    return job


def test_a_table_is_read_as_it_was(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t$20260101", rows_of("2026-01-01", 3))
    before = now(dataset)
    dataset.load("t$20260101", rows_of("2026-01-01", 1, first_id=9), write_disposition="WRITE_TRUNCATE")

    sql = "SELECT id FROM {dataset}.t AS t FOR SYSTEM_TIME AS OF @at WHERE day = '2026-01-01' ORDER BY id"
    assert dataset.query(sql, [at(before)]) == [(0,), (1,), (2,)]
    assert dataset.query(sql, [at(now(dataset))]) == [(9,)]


def test_a_table_as_of_its_change_time_has_that_change(dataset: Dataset) -> None:
    dataset.make("t")
    for count in range(1, 6):
        dataset.load("t", rows_of("2026-01-01", 1))
        modified = dataset.client.get_table(dataset.table("t")).modified

        assert dataset.query("SELECT COUNT(*) FROM {dataset}.t FOR SYSTEM_TIME AS OF @at", [at(modified)]) == [(count,)]


def test_a_table_that_was_replaced_is_read_with_its_old_columns(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", rows_of("2026-01-01", 1))
    before = now(dataset)
    dataset.load("t", [{"day": "2026-01-02", "other": 7}], schema=None, autodetect=True, write_disposition="WRITE_TRUNCATE")

    assert dataset.query("SELECT note FROM {dataset}.t FOR SYSTEM_TIME AS OF @at", [at(before)]) == [("n0",)]
    assert dataset.query("SELECT other FROM {dataset}.t") == [(7,)]


def test_a_time_before_the_table_is_refused(dataset: Dataset) -> None:
    before = now(dataset) - dt.timedelta(days=8)
    dataset.make("t")

    with pytest.raises(BadRequest):
        dataset.query("SELECT * FROM {dataset}.t FOR SYSTEM_TIME AS OF @at", [at(before)])
    with pytest.raises(BadRequest, match="Invalid time travel timestamp .*: the data is younger"):
        snapshot(dataset, decorated(dataset, "t", before), "s")


def test_a_snapshot_keeps_rows_partitions_and_columns(dataset: Dataset) -> None:
    dataset.make("t", clustering_fields=["id"])
    dataset.load("t", [*rows_of("2026-01-01", 3), *rows_of("2026-01-02", 2)])

    snapshot(dataset, dataset.table("t"), "s")
    dataset.query("DELETE FROM {dataset}.t WHERE TRUE")

    table = dataset.client.get_table(dataset.table("s"))
    assert (table.table_type, table.num_rows) == ("SNAPSHOT", 5)
    assert table.snapshot_definition.base_table_reference.table_id == "t"
    assert (table.time_partitioning.field, table.clustering_fields) == ("day", ["id"])
    assert dataset.client.list_partitions(table) == ["20260101", "20260102"]
    assert dataset.counts("s") == {"2026-01-01": 3, "2026-01-02": 2}


def test_a_snapshot_may_be_of_the_past(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", rows_of("2026-01-01", 3))
    before = now(dataset)
    dataset.load("t$20260101", rows_of("2026-01-01", 1), write_disposition="WRITE_TRUNCATE")

    snapshot(dataset, decorated(dataset, "t", before), "s")

    table = dataset.client.get_table(dataset.table("s"))
    assert dataset.counts("s") == {"2026-01-01": 3}
    assert abs(table.snapshot_definition.snapshot_time - before) < dt.timedelta(milliseconds=1)
    assert (table.snapshot_definition.base_table_reference.table_id, table.time_partitioning.field) == ("t", "day")


def test_a_snapshot_is_made_once(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", rows_of("2026-01-01", 3))
    snapshot(dataset, dataset.table("t"), "s")

    with pytest.raises(Conflict, match="Already Exists: Table .*s"):
        snapshot(dataset, dataset.table("t"), "s")


def test_a_snapshot_is_not_written_to(dataset: Dataset) -> None:
    dataset.make("t")
    snapshot(dataset, dataset.table("t"), "s")
    refused = "Table .*s is a snapshot, and snapshots are immutable."

    with pytest.raises(BadRequest, match=refused):
        dataset.load("s", rows_of("2026-01-01", 1))
    with pytest.raises(BadRequest, match=refused):
        dataset.load("s$20260101", rows_of("2026-01-01", 1), write_disposition="WRITE_TRUNCATE")
    with pytest.raises(BadRequest, match=refused):
        dataset.query("DELETE FROM {dataset}.s WHERE TRUE")


def test_a_snapshot_expires(dataset: Dataset) -> None:
    dataset.make("t")
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)  # later than a busy machine takes to look at it

    snapshot(dataset, dataset.table("t"), "s", destinationExpirationTime=soon.isoformat())

    assert dataset.client.get_table(dataset.table("s")).expires == soon.replace(microsecond=soon.microsecond // 1000 * 1000)
    wait_until(lambda: dt.datetime.now(dt.UTC) > soon, "the clock stands still")
    with pytest.raises(NotFound, match="Not found: Table .*s"):
        dataset.client.get_table(dataset.table("s"))


def test_the_expiration_of_a_snapshot_is_set_moved_and_cleared(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", rows_of("2026-01-01", 3))
    snapshot(dataset, dataset.table("t"), "s")
    later = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=90)

    for expires in (later, later + dt.timedelta(days=1), None, None):
        table = bigquery.Table(dataset.table("s"))
        table.expires = expires
        assert dataset.client.update_table(table, ["expires"]).expires == expires

        found = dataset.client.get_table(dataset.table("s"))
        assert (found.table_type, found.expires, found.snapshot_definition.base_table_reference.table_id) == ("SNAPSHOT", expires, "t")
        assert {item.table_id: item.expires for item in dataset.client.list_tables(dataset.name)} == {"s": expires, "t": None}
    assert dataset.counts("s") == {"2026-01-01": 3}


def test_a_snapshot_that_was_given_an_end_is_gone_then_and_can_be_made_again(dataset: Dataset, read_client: BigQueryReadClient) -> None:
    dataset.make("t")
    dataset.load("t", rows_of("2026-01-01", 3))
    snapshot(dataset, dataset.table("t"), "s")
    table = dataset.client.get_table(dataset.table("s"))
    table.expires = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=0.5)
    dataset.client.update_table(table, ["expires"])
    wait_until(lambda: dt.datetime.now(dt.UTC) > table.expires, "the clock stands still")

    session = types.ReadSession(table=table.path.lstrip("/"), data_format=types.DataFormat.ARROW)
    with pytest.raises(NotFound):
        read_client.create_read_session(parent=f"projects/{PROJECT}", read_session=session)
    with pytest.raises(NotFound, match="Not found: Table .*s"):
        dataset.counts("s")
    assert [item.table_id for item in dataset.client.list_tables(dataset.name)] == ["t"]

    snapshot(dataset, dataset.table("t"), "s")
    assert dataset.client.get_table(dataset.table("s")).expires is None
    assert dataset.counts("s") == {"2026-01-01": 3}


def test_a_snapshot_of_a_table_without_partitions_is_possible(dataset: Dataset) -> None:
    dataset.query("CREATE TABLE {dataset}.t AS SELECT 1 AS id")

    snapshot(dataset, dataset.table("t"), "s")

    table = dataset.client.get_table(dataset.table("s"))
    assert (table.table_type, table.num_rows, table.time_partitioning) == ("SNAPSHOT", 1, None)


def test_a_snapshot_of_nothing_is_refused_and_leaves_nothing(dataset: Dataset) -> None:
    for source in ("t", f"t@{int(time.time() * 1000)}"):
        with pytest.raises(NotFound, match="Not found: Table .*t"):
            snapshot(dataset, dataset.table(source), "s")

    assert list(dataset.client.list_tables(dataset.name)) == []


def test_a_snapshot_is_restored_into_a_table_that_may_be_written(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", rows_of("2026-01-01", 3))
    snapshot(dataset, dataset.table("t"), "s")

    dataset.client.copy_table(dataset.table("s"), dataset.table("r"), job_config=bigquery.CopyJobConfig(operation_type="RESTORE")).result()
    dataset.load("r$20260102", rows_of("2026-01-02", 1))

    assert dataset.client.get_table(dataset.table("r")).table_type == "TABLE"
    assert dataset.counts("r") == {"2026-01-01": 3, "2026-01-02": 1}


def test_a_partition_is_copied_into_a_partition(dataset: Dataset) -> None:
    for name in ("t", "copy"):
        dataset.make(name)
    dataset.load("t", [*rows_of("2026-01-01", 3), *rows_of("2026-01-02", 2)])
    config = bigquery.CopyJobConfig(write_disposition="WRITE_TRUNCATE")

    for _ in range(2):
        dataset.client.copy_table(dataset.table("t$20260101"), dataset.table("copy$20260101"), job_config=config).result()

    assert dataset.counts("copy") == {"2026-01-01": 3}


def test_tables_are_copied_together_with_the_layout_of_the_first(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.make("u", SCHEMA)
    dataset.load("t", rows_of("2026-01-01", 3))
    dataset.load("u", rows_of("2026-01-02", 2))

    dataset.client.copy_table([dataset.table("t"), dataset.table("u")], dataset.table("both")).result()

    assert dataset.client.get_table(dataset.table("both")).time_partitioning.field == "day"
    assert dataset.counts("both") == {"2026-01-01": 3, "2026-01-02": 2}


def test_a_deleted_table_is_brought_back(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", rows_of("2026-01-01", 3))
    before = now(dataset)
    dataset.client.delete_table(dataset.table("t"))

    dataset.client.copy_table(decorated(dataset, "t", before), dataset.table("back")).result()

    assert dataset.counts("back") == {"2026-01-01": 3}


def test_whoever_comes_second_finds_the_rows(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", [row for number in range(1, 29) for row in rows_of(f"2026-02-{number:02}", 50)])

    def pin(name: str) -> int:
        """The rows of the table snapshot, which somebody else makes, too."""
        with suppress(Conflict):
            snapshot(dataset, dataset.table("t"), name)
        return dataset.client.get_table(dataset.table(name)).num_rows or 0

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(pin, [f"pinned_{number}" for number in (1, 2, 3, 4) for _ in range(3)])) == [28 * 50] * 12
