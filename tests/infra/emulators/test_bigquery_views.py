"""Views of the BigQuery emulator: their text and columns, what is behind them, and what BigQuery does with tables only."""

import pytest
from google.api_core.exceptions import BadRequest, InvalidArgument
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, types

from tests.infra.emulators.bigquery_process import Dataset

TEXT = "SELECT day, n, TO_JSON_STRING(STRUCT(n)) AS shown, SUM(n) OVER () AS total FROM `{name}`.t -- as it is written"


@pytest.fixture
def seen(dataset: Dataset) -> Dataset:
    """A table of two days, and a view of it."""
    dataset.query("CREATE TABLE {dataset}.t (day DATE, n INT64) PARTITION BY day")
    dataset.query("INSERT INTO {dataset}.t VALUES ('2026-01-01', 1), ('2026-01-01', 2), ('2026-01-02', 3)")
    dataset.query(f"CREATE VIEW {{dataset}}.v AS {TEXT.format(name=dataset.name)};")
    return dataset


def test_a_view_keeps_its_text_and_has_columns_of_bigquerys_types(seen: Dataset) -> None:
    view = seen.client.get_table(seen.table("v"))
    assert (view.table_type, view.view_query) == ("VIEW", TEXT.format(name=seen.name))
    assert [(field.name, field.field_type) for field in view.schema] == [
        ("day", "DATE"),
        ("n", "INTEGER"),
        ("shown", "STRING"),
        ("total", "INTEGER"),
    ]
    assert seen.query("SELECT n, shown, total FROM {dataset}.v ORDER BY n") == [(1, '{"n":1}', 6), (2, '{"n":2}', 6), (3, '{"n":3}', 6)]
    assert seen.query("SELECT table_name, view_definition FROM {dataset}.INFORMATION_SCHEMA.VIEWS") == [("v", view.view_query)]


def test_a_view_that_is_made_over_rest_is_the_same(seen: Dataset) -> None:
    other = bigquery.Table(seen.table("other"))
    other.view_query = TEXT.format(name=seen.name)
    made = seen.client.create_table(other)
    assert made.schema == seen.client.get_table(seen.table("v")).schema
    assert seen.query("SELECT * FROM {dataset}.other ORDER BY n") == seen.query("SELECT * FROM {dataset}.v ORDER BY n")


def test_names_of_columns_may_be_given_apart(seen: Dataset) -> None:
    seen.query("CREATE OR REPLACE VIEW {dataset}.v (a, b) AS SELECT n, day FROM {dataset}.t")
    assert [field.name for field in seen.client.get_table(seen.table("v")).schema] == ["a", "b"]
    assert seen.query("SELECT a FROM {dataset}.v ORDER BY a") == [(1,), (2,), (3,)]


def test_a_query_of_a_view_reads_the_partitions_of_the_tables_behind_it(seen: Dataset) -> None:
    seen.query("CREATE VIEW {dataset}.w AS SELECT day, n FROM {dataset}.t WHERE n > 0")
    seen.query("CREATE VIEW {dataset}.above AS SELECT day, n FROM {dataset}.w")
    config = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False)

    def asked(condition: str) -> bigquery.QueryJob:
        return seen.client.query(f"SELECT * FROM `{seen.name}`.above WHERE {condition}", config)

    assert [table.table_id for table in asked("TRUE").referenced_tables] == ["t"]
    assert asked("TRUE").total_bytes_processed == 3 * (8 + 8)
    assert asked("day >= '2026-01-02'").total_bytes_processed == 8 + 8
    assert asked("day >= '2026-02-01'").total_bytes_processed == 0


def test_a_table_behind_a_view_may_require_a_filter(seen: Dataset) -> None:
    seen.query("CREATE VIEW {dataset}.w AS SELECT * FROM {dataset}.t")
    seen.query("ALTER TABLE {dataset}.t SET OPTIONS (require_partition_filter = TRUE)")
    with pytest.raises(BadRequest, match=r"without a filter over column\(s\) 'day' that can be used for partition elimination"):
        seen.query("SELECT n FROM {dataset}.w WHERE TRUE")
    assert seen.query("SELECT COUNT(*) FROM {dataset}.w WHERE day >= '0001-01-01' OR day IS NULL") == [(3,)]


def test_partitions_expire_as_the_dataset_says_unless_the_table_does(seen: Dataset) -> None:
    dataset = seen.client.get_dataset(seen.name)
    dataset.default_partition_expiration_ms = 1000
    seen.client.update_dataset(dataset, ["default_partition_expiration_ms"])
    for name, options in (("a", ""), ("b", "OPTIONS (partition_expiration_days = NULL)"), ("c", "OPTIONS (partition_expiration_days = 2)")):
        seen.query(f"CREATE TABLE {{dataset}}.{name} PARTITION BY day {options} AS SELECT * FROM {{dataset}}.t")
    found = [seen.client.get_table(seen.table(name)).time_partitioning.expiration_ms for name in ("a", "b", "c")]
    assert found == [1000, None, 2 * 24 * 3_600_000]


def test_a_view_is_no_table(seen: Dataset, read_client: BigQueryReadClient) -> None:
    with pytest.raises(BadRequest, match="not allowed for this operation because of its type"):
        seen.client.copy_table(seen.table("v"), seen.table("copy")).result()
    with pytest.raises(BadRequest, match="FOR SYSTEM_TIME AS OF is not supported"):
        seen.query("SELECT n FROM {dataset}.v FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()")
    with pytest.raises(BadRequest, match="Cannot read partition information from a table that is not partitioned"):
        seen.client.list_partitions(seen.client.get_table(seen.table("v")))
    session = types.ReadSession(table=f"projects/{seen.client.project}/datasets/{seen.name}/tables/v", data_format=types.DataFormat.ARROW)
    with pytest.raises(InvalidArgument, match="non-table entities cannot be read with the storage API"):
        read_client.create_read_session(parent=f"projects/{seen.client.project}", read_session=session)
