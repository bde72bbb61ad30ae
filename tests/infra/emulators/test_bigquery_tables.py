"""What the BigQuery emulator tells of datasets, tables and partitions: sizes, change times, etags, labels."""

import datetime as dt

import pytest
from google.api_core.exceptions import BadRequest, Conflict, NotFound, PreconditionFailed
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField

from tests.infra.emulators.bigquery_process import PROJECT, SCHEMA, Dataset, rows_of

ROW_BYTES = 8 + 8 + 8 + 2 + len("n0")
"""Of one of `rows_of`, as BigQuery counts them: 8 for a date or a number, 2 and its length for text."""


def modified_by_partition(dataset: Dataset) -> dict[str, dt.datetime]:
    sql = "SELECT partition_id, last_modified_time FROM {dataset}.INFORMATION_SCHEMA.PARTITIONS WHERE table_name = 't'"
    return {partition: modified for partition, modified in dataset.query(sql)}  # noqa: C416 - a row has a type for each column


def test_a_dataset_keeps_its_labels_and_is_listed(bigquery_client: bigquery.Client, dataset: Dataset) -> None:
    found = bigquery_client.get_dataset(dataset.name)
    found.labels = {"team": "ml"}
    bigquery_client.update_dataset(found, ["labels"])

    assert [one.dataset_id for one in bigquery_client.list_datasets(filter="labels.team:ml")] == [dataset.name]
    with pytest.raises(Conflict, match=f"Already Exists: Dataset {PROJECT}:{dataset.name}"):
        bigquery_client.create_dataset(dataset.name)


def test_a_dataset_with_tables_is_deleted_only_on_demand(bigquery_client: bigquery.Client, dataset: Dataset) -> None:
    dataset.make("t")

    with pytest.raises(BadRequest, match="is still in use"):
        bigquery_client.delete_dataset(dataset.name)
    bigquery_client.delete_dataset(dataset.name, delete_contents=True)

    with pytest.raises(NotFound, match="Not found: Dataset"):
        bigquery_client.get_dataset(dataset.name)


def test_a_table_keeps_what_it_was_made_with(dataset: Dataset) -> None:
    schema = [SchemaField("day", "DATE", "REQUIRED", description="of purchase"), SchemaField("id", "INTEGER")]

    dataset.make("t", schema, clustering_fields=["id"], labels={"team": "ml"}, description="purchases")

    table = dataset.client.get_table(dataset.table("t"))
    assert (table.time_partitioning.type_, table.time_partitioning.field) == ("DAY", "day")
    assert (table.clustering_fields, table.labels, table.description) == (["id"], {"team": "ml"}, "purchases")
    assert (table.table_type, table.num_rows, table.num_bytes) == ("TABLE", 0, 0)
    assert [(field.name, field.field_type, field.mode, field.description) for field in table.schema] == [
        ("day", "DATE", "REQUIRED", "of purchase"),
        ("id", "INTEGER", "NULLABLE", None),
    ]


def test_a_table_that_exists_is_not_made_again(dataset: Dataset) -> None:
    table = dataset.make("t")
    dataset.load("t", rows_of("2026-01-01", 1))

    assert dataset.client.create_table(table, exists_ok=True).num_rows == 1
    with pytest.raises(Conflict, match="Already Exists: Table"):
        dataset.client.create_table(table)


def test_a_missing_table_is_not_found(dataset: Dataset) -> None:
    with pytest.raises(NotFound, match=f"Not found: Table {PROJECT}:{dataset.name}.nothing"):
        dataset.client.get_table(dataset.table("nothing"))


def test_a_table_made_by_sql_is_partitioned_with_its_rows(dataset: Dataset) -> None:
    dataset.query(
        "CREATE TABLE {dataset}.t PARTITION BY day AS SELECT DATE '2026-01-01' AS day, 1 AS id UNION ALL SELECT DATE '2026-01-02', 2"
    )

    dataset.load("t$20260102", [{"day": "2026-01-02", "id": 3}], schema=SCHEMA[:2], write_disposition="WRITE_TRUNCATE")

    assert dataset.client.list_partitions(dataset.table("t")) == ["20260101", "20260102"]
    assert dataset.query("SELECT id FROM {dataset}.t ORDER BY id") == [(1,), (3,)]


def test_sizes_are_counted_as_bigquery_counts_them(dataset: Dataset) -> None:
    schema = [
        SchemaField("day", "DATE"),
        SchemaField("flag", "BOOLEAN"),
        SchemaField("text", "STRING"),
        SchemaField("raw", "BYTES"),
        SchemaField("price", "NUMERIC"),
        SchemaField("list", "INTEGER", "REPEATED"),
        SchemaField("pair", "RECORD", fields=[SchemaField("a", "INTEGER"), SchemaField("b", "STRING")]),
    ]
    dataset.make("t", schema)
    full = {
        "day": "2026-01-01",
        "flag": True,
        "text": "é",
        "raw": "AAEC",
        "price": "1.5",
        "list": [1, 2, 3],
        "pair": {"a": 1, "b": "xyz"},
    }

    dataset.load("t", [full, {}], schema=schema)

    table = dataset.client.get_table(dataset.table("t"))
    assert (table.num_rows, table.num_bytes) == (2, 8 + 1 + (2 + 2) + (2 + 3) + 16 + 3 * 8 + (8 + 2 + 3))


def test_the_etag_and_the_change_time_follow_the_data(dataset: Dataset) -> None:
    before = dataset.make("t")

    dataset.load("t", rows_of("2026-01-01", 3))
    after = dataset.client.get_table(dataset.table("t"))
    same = dataset.client.get_table(dataset.table("t"))
    dataset.query("DELETE FROM {dataset}.t WHERE id = 0")
    deleted = dataset.client.get_table(dataset.table("t"))

    assert (after.num_rows, after.num_bytes) == (3, 3 * ROW_BYTES)
    assert before.modified < after.modified < deleted.modified
    assert len({before.etag, after.etag, deleted.etag}) == 3
    assert (same.etag, same.modified) == (after.etag, after.modified)


def test_a_table_is_changed_only_by_who_saw_its_last_state(dataset: Dataset) -> None:
    dataset.make("t")
    mine, theirs = (dataset.client.get_table(dataset.table("t")) for _ in range(2))

    mine.labels = {"by": "me"}
    dataset.client.update_table(mine, ["labels"])
    theirs.labels = {"by": "them"}
    with pytest.raises(PreconditionFailed, match="Precondition check failed"):
        dataset.client.update_table(theirs, ["labels"])

    assert dataset.client.get_table(dataset.table("t")).labels == {"by": "me"}


def test_a_column_is_added(dataset: Dataset) -> None:
    table = dataset.make("t")
    dataset.load("t", rows_of("2026-01-01", 1))

    table = dataset.client.get_table(table)
    table.schema = [*table.schema, SchemaField("extra", "STRING")]
    dataset.client.update_table(table, ["schema"])

    assert dataset.query("SELECT id, extra FROM {dataset}.t") == [(0, None)]


def test_partitions_are_listed_with_their_rows_and_bytes(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.make("other")
    dataset.load("t", [*rows_of("2026-01-01", 3), *rows_of("2026-01-03", 2)])
    view = "{dataset}.INFORMATION_SCHEMA.PARTITIONS WHERE table_name = @table AND partition_id IS NOT NULL"
    parameters = [bigquery.ScalarQueryParameter("table", "STRING", "t")]

    found = dataset.query(f"SELECT partition_id, total_rows, total_logical_bytes, storage_tier FROM {view} ORDER BY 1", parameters)

    assert found == [("20260101", 3, 3 * ROW_BYTES, "ACTIVE"), ("20260103", 2, 2 * ROW_BYTES, "ACTIVE")]
    assert dataset.client.list_partitions(dataset.table("t")) == ["20260101", "20260103"]
    assert dataset.client.list_partitions(dataset.table("other")) == []


def test_all_tables_of_a_dataset_have_their_partitions_listed(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", rows_of("2026-01-01", 3))
    dataset.client.create_table(bigquery.Table(dataset.table("plain"), SCHEMA))
    dataset.query("CREATE VIEW {dataset}.v AS SELECT * FROM {dataset}.t")

    found = dataset.query("SELECT table_name, partition_id, total_rows FROM {dataset}.INFORMATION_SCHEMA.PARTITIONS ORDER BY 1")

    assert found == [("plain", None, 0), ("t", "20260101", 3)]


def test_only_the_partition_that_was_written_has_a_new_change_time(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", [*rows_of("2026-01-01", 3), *rows_of("2026-01-02", 3), *rows_of("2026-01-03", 3)])
    before = modified_by_partition(dataset)

    dataset.load("t$20260102", rows_of("2026-01-02", 3), write_disposition="WRITE_TRUNCATE")
    dataset.query("UPDATE {dataset}.t SET note = 'x' WHERE day = '2026-01-03' AND id = 1")
    after = modified_by_partition(dataset)

    assert {partition for partition in before if before[partition] != after[partition]} == {"20260102", "20260103"}
    assert before["20260102"] < after["20260102"] < after["20260103"]
    assert dataset.client.get_table(dataset.table("t")).modified == after["20260103"]


def test_a_partition_is_read_and_deleted_by_its_decorator(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", [*rows_of("2026-01-01", 3), *rows_of("2026-01-02", 5)])

    rows = list(dataset.client.list_rows(dataset.table("t$20260102"), selected_fields=SCHEMA[1:2], page_size=2))
    dataset.client.delete_table(dataset.table("t$20260101"))

    assert [row.values() for row in rows] == [(0,), (1,), (2,), (3,), (4,)]
    assert dataset.counts("t") == {"2026-01-02": 5}
    assert dataset.client.get_table(dataset.table("t$20260102")).num_rows == 5


def test_tables_columns_and_options_are_in_the_information_schema(dataset: Dataset) -> None:
    dataset.make("t", clustering_fields=["id"], labels={"team": "ml"})

    tables = dataset.query("SELECT table_name, table_type FROM {dataset}.INFORMATION_SCHEMA.TABLES")
    columns = dataset.query(
        "SELECT column_name, data_type, is_partitioning_column, clustering_ordinal_position FROM {dataset}.INFORMATION_SCHEMA.COLUMNS "
        "WHERE table_name = 't' ORDER BY ordinal_position"
    )

    assert tables == [("t", "BASE TABLE")]
    assert columns == [
        ("day", "DATE", "YES", None),
        ("id", "INT64", "NO", 1),
        ("amount", "FLOAT64", "NO", None),
        ("note", "STRING", "NO", None),
    ]


def test_rows_are_streamed_in_and_wrong_ones_refused(dataset: Dataset) -> None:
    table = dataset.make("t")

    assert dataset.client.insert_rows_json(table, rows_of("2026-01-01", 2)) == []
    (error,) = dataset.client.insert_rows_json(table, [{"day": "2026-01-01", "nothing": 1}])

    assert (error["index"], error["errors"][0]["reason"], error["errors"][0]["message"]) == (0, "invalid", "no such field: nothing.")
    assert dataset.client.list_partitions(dataset.table("t")) == ["__UNPARTITIONED__"]  # they are in the streaming buffer
    assert dataset.counts("t") == {"2026-01-01": 2}


def test_rows_are_listed_in_pages(dataset: Dataset) -> None:
    table = dataset.make("t")
    dataset.load("t", rows_of("2026-01-01", 20))

    assert [row["id"] for row in dataset.client.list_rows(table, page_size=7)] == list(range(20))
    assert [row["id"] for row in dataset.client.list_rows(table, start_index=2, max_results=3)] == [2, 3, 4]
