"""Load jobs of the BigQuery emulator, by Google's unmodified client: partitions are replaced whole, and nothing else changes."""

import datetime as dt
import io
import math
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import BadRequest, Conflict, MethodNotImplemented, NotFound
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField

from tests.infra.emulators.bigquery_process import SCHEMA, Dataset, rows_of


def test_a_partition_is_replaced_and_the_others_are_kept(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", [*rows_of("2026-01-01", 10), *rows_of("2026-01-02", 20)])

    for _ in range(2):
        job = dataset.load("t$20260101", rows_of("2026-01-01", 3, first_id=100), write_disposition="WRITE_TRUNCATE")

    assert job.output_rows == 3
    assert dataset.counts("t") == {"2026-01-01": 3, "2026-01-02": 20}
    assert dataset.query("SELECT id FROM {dataset}.t WHERE day = '2026-01-01' ORDER BY id") == [(100,), (101,), (102,)]


def test_rows_are_appended_to_a_partition(dataset: Dataset) -> None:
    dataset.make("t")

    dataset.load("t$20260101", rows_of("2026-01-01", 3))
    dataset.load("t$20260101", rows_of("2026-01-01", 4), write_disposition="WRITE_APPEND")

    assert dataset.counts("t") == {"2026-01-01": 7}


def test_rows_of_another_partition_are_refused_and_nothing_changes(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t$20260101", rows_of("2026-01-01", 3))

    with pytest.raises(BadRequest, match="Some rows belong to different partitions rather than destination partition .*t\\$20260101"):
        dataset.load("t$20260101", [*rows_of("2026-01-01", 1), *rows_of("2026-01-05", 1)], write_disposition="WRITE_TRUNCATE")

    assert dataset.counts("t") == {"2026-01-01": 3}


def test_a_row_without_a_date_belongs_to_no_day(dataset: Dataset) -> None:
    dataset.make("t")

    with pytest.raises(BadRequest, match="Some rows belong to different partitions"):
        dataset.load("t$20260101", [{"id": 1}])
    dataset.load("t", [{"id": 1}])

    assert dataset.query("SELECT partition_id, total_rows FROM {dataset}.INFORMATION_SCHEMA.PARTITIONS") == [("__NULL__", 1)]


@pytest.mark.parametrize("decorator", ["2026", "20261301", "2026010100"])
def test_a_decorator_that_names_no_day_is_refused(dataset: Dataset, decorator: str) -> None:
    dataset.make("t")

    with pytest.raises(BadRequest, match=f"Invalid partition decorator \\${decorator}: a table partitioned by DAY takes \\$%Y%m%d"):
        dataset.load(f"t${decorator}", rows_of("2026-01-01", 1))


def test_a_table_without_partitions_takes_no_decorator(dataset: Dataset) -> None:
    dataset.client.create_table(bigquery.Table(dataset.table("t"), SCHEMA))

    with pytest.raises(BadRequest, match="Cannot use partition decorator \\$20260101: .*t is not partitioned by a column of time"):
        dataset.load("t$20260101", rows_of("2026-01-01", 1))


def test_a_load_makes_the_table_that_it_describes(dataset: Dataset) -> None:
    partitioning = bigquery.TimePartitioning(field="day")

    dataset.load("t$20260101", rows_of("2026-01-01", 3), time_partitioning=partitioning, write_disposition="WRITE_TRUNCATE")

    table = dataset.client.get_table(dataset.table("t"))
    assert (table.num_rows, table.time_partitioning.field, table.time_partitioning.type_) == (3, "day", "DAY")
    assert dataset.client.list_partitions(table) == ["20260101"]


def test_a_load_that_fails_makes_no_table(dataset: Dataset) -> None:
    with pytest.raises(BadRequest, match="Some rows belong to different partitions"):
        dataset.load("t$20260101", rows_of("2026-01-02", 1), time_partitioning=bigquery.TimePartitioning(field="day"))

    with pytest.raises(NotFound, match="Not found: Table .*t"):
        dataset.client.get_table(dataset.table("t"))


def test_a_load_may_not_partition_a_table_anew(dataset: Dataset) -> None:
    dataset.make("t", (*SCHEMA, SchemaField("other", "DATE")))

    with pytest.raises(BadRequest, match="Incompatible table partitioning specification. Expects .*field:day"):
        dataset.load("t", rows_of("2026-01-01", 1), time_partitioning=bigquery.TimePartitioning(field="other"))


@pytest.mark.parametrize(
    ("unit", "kind", "value", "decorator"),
    [
        ("HOUR", "TIMESTAMP", "2026-01-02T03:04:05Z", "2026010203"),
        ("DAY", "TIMESTAMP", "2026-01-02T23:59:59Z", "20260102"),
        ("DAY", "DATETIME", "2026-01-02T03:04:05", "20260102"),
        ("MONTH", "DATE", "2026-12-31", "202612"),
        ("YEAR", "DATE", "2026-12-31", "2026"),
        ("DAY", "DATE", "0001-01-01", "00010101"),
        ("DAY", "DATE", "9999-12-31", "99991231"),
        ("MONTH", "DATE", "9999-12-31", "999912"),
        ("YEAR", "DATE", "0999-12-31", "0999"),
        ("HOUR", "TIMESTAMP", "0999-12-31T23:30:00Z", "0999123123"),
    ],
)
def test_partitions_may_be_hours_days_months_and_years(dataset: Dataset, unit: str, kind: str, value: str, decorator: str) -> None:
    schema = [SchemaField("at", kind), SchemaField("id", "INTEGER")]
    dataset.make("t", schema, unit)

    dataset.load(f"t${decorator}", [{"at": value, "id": 1}], schema=schema, write_disposition="WRITE_TRUNCATE")

    assert dataset.client.list_partitions(dataset.table("t")) == [decorator]
    assert dataset.query("SELECT id FROM {dataset}.t") == [(1,)]


def test_csv_is_loaded_into_a_partition(dataset: Dataset) -> None:
    dataset.make("t")
    content = io.BytesIO(b"day,id,amount,note\n2026-01-03,1,0.5,a\n2026-01-03,2,,\n")
    config = bigquery.LoadJobConfig(source_format="CSV", skip_leading_rows=1, write_disposition="WRITE_TRUNCATE")

    dataset.client.load_table_from_file(content, dataset.table("t$20260103"), job_config=config).result()

    assert dataset.query("SELECT id, amount, note FROM {dataset}.t ORDER BY id") == [(1, 0.5, "a"), (2, None, None)]


def test_parquet_is_loaded_into_a_partition(dataset: Dataset) -> None:
    dataset.make("t")
    day = pa.array([dt.date(2026, 1, 4)] * 2)
    table = pa.table({"day": day, "id": pa.array([1, 2]), "amount": pa.array([0.5, None]), "note": pa.array(["a", None])})
    content = io.BytesIO()
    pq.write_table(table, content)
    config = bigquery.LoadJobConfig(source_format="PARQUET", write_disposition="WRITE_TRUNCATE")

    for _ in range(2):
        dataset.client.load_table_from_file(content, dataset.table("t$20260104"), job_config=config, rewind=True).result()

    assert dataset.query("SELECT * FROM {dataset}.t ORDER BY id") == [
        (dt.date(2026, 1, 4), 1, 0.5, "a"),
        (dt.date(2026, 1, 4), 2, None, None),
    ]


@pytest.mark.filterwarnings("ignore:Loading (pandas )?DataFrame")
def test_a_dataframe_is_loaded_into_a_partition(dataset: Dataset) -> None:
    dataset.make("t")
    frame = pd.DataFrame({"day": [dt.date(2026, 1, 5)] * 2, "id": [1, 2], "amount": [0.5, math.inf], "note": ["a", None]})
    config = bigquery.LoadJobConfig(write_disposition="WRITE_TRUNCATE")

    dataset.client.load_table_from_dataframe(frame, dataset.table("t$20260105"), job_config=config).result()

    assert dataset.query("SELECT id, amount, note FROM {dataset}.t ORDER BY id") == [(1, 0.5, "a"), (2, math.inf, None)]


def test_text_is_read_by_the_tables_schema_and_not_guessed(dataset: Dataset) -> None:
    schema = [SchemaField("day", "DATE"), SchemaField("code", "STRING"), SchemaField("at", "STRING")]
    dataset.make("t", schema)
    row = {"day": "2026-01-01", "code": "007", "at": "2026-01-01T00:00:00Z"}

    dataset.load("t", [row], schema=None)
    csv = io.BytesIO(b"2026-01-01,007,2026-01-01T00:00:00Z\n")
    dataset.client.load_table_from_file(csv, dataset.table("t"), job_config=bigquery.LoadJobConfig(source_format="CSV")).result()

    assert dataset.query("SELECT code, `at` FROM {dataset}.t") == [("007", "2026-01-01T00:00:00Z")] * 2


def test_a_column_of_another_type_is_refused(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", rows_of("2026-01-01", 1))
    schema = [SchemaField("day", "DATE"), SchemaField("amount", "STRING")]

    with pytest.raises(BadRequest, match="Provided Schema does not match Table .*t. Field amount has changed type from FLOAT to STRING"):
        dataset.load("t", [{"day": "2026-01-01", "amount": "12,5"}], schema=schema)

    assert dataset.counts("t") == {"2026-01-01": 1}


def test_a_new_column_is_added_only_if_the_job_allows_it(dataset: Dataset) -> None:
    dataset.make("t")
    row = dict(rows_of("2026-01-01", 1)[0], extra=5)
    schema = [*SCHEMA, SchemaField("extra", "INTEGER")]

    with pytest.raises(BadRequest, match="Cannot add fields \\(field: extra\\)"):
        dataset.load("t", [row], schema=schema)
    dataset.load("t", [row], schema=schema, schema_update_options=["ALLOW_FIELD_ADDITION"], write_disposition="WRITE_APPEND")

    assert dataset.query("SELECT extra FROM {dataset}.t") == [(5,)]


def test_a_whole_table_is_replaced_with_its_schema_and_stays_partitioned(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", rows_of("2026-01-01", 2))
    schema = [SchemaField("day", "DATE"), SchemaField("amount", "STRING")]

    dataset.load("t", [{"day": "2026-01-02", "amount": "12,5"}], schema=schema, write_disposition="WRITE_TRUNCATE")

    table = dataset.client.get_table(dataset.table("t"))
    assert [(field.name, field.field_type) for field in table.schema] == [("day", "DATE"), ("amount", "STRING")]
    assert table.time_partitioning.field == "day"
    assert dataset.client.list_partitions(table) == ["20260102"]


def test_write_empty_refuses_a_partition_that_has_rows(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t$20260101", rows_of("2026-01-01", 1), write_disposition="WRITE_EMPTY")

    with pytest.raises(Conflict, match="Already Exists: Table .*t\\$20260101"):
        dataset.load("t$20260101", rows_of("2026-01-01", 1), write_disposition="WRITE_EMPTY")
    dataset.load("t$20260102", rows_of("2026-01-02", 1), write_disposition="WRITE_EMPTY")

    assert dataset.counts("t") == {"2026-01-01": 1, "2026-01-02": 1}


def test_create_never_makes_no_table(dataset: Dataset) -> None:
    partitioning = bigquery.TimePartitioning(field="day")

    with pytest.raises(NotFound, match="Not found: Table .*t"):
        dataset.load("t", rows_of("2026-01-01", 1), time_partitioning=partitioning, create_disposition="CREATE_NEVER")


def test_a_bad_value_fails_the_job_and_says_so(dataset: Dataset) -> None:
    dataset.make("t")

    with pytest.raises(BadRequest, match="JSON table encountered too many errors, giving up. Rows: 2; errors: 1"):
        dataset.load("t", [*rows_of("2026-01-01", 1), {"day": "2026-01-01", "id": "three"}])

    assert dataset.counts("t") == {}


def test_a_missing_dataset_is_not_found(bigquery_client: bigquery.Client) -> None:
    with pytest.raises(NotFound, match="Not found: Dataset perennial-test:nowhere"):
        bigquery_client.load_table_from_json([{"id": 1}], "perennial-test.nowhere.t").result()


def test_partitions_are_loaded_side_by_side(dataset: Dataset) -> None:
    dataset.make("t")
    days = [f"2026-01-{day:02}" for day in range(1, 25)]

    def load(day: str) -> None:
        dataset.load(f"t${day.replace('-', '')}", rows_of(day, 5), write_disposition="WRITE_TRUNCATE")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(load, [*days, *days]))

    assert dataset.counts("t") == dict.fromkeys(days, 5)


def test_days_before_the_year_1000_have_partitions(dataset: Dataset) -> None:
    dataset.make("t")
    dataset.load("t", [*rows_of("0099-01-05", 1), *rows_of("2026-01-05", 2)])

    assert dataset.client.list_partitions(dataset.table("t")) == ["00990105", "20260105"]
    dataset.load("t$00990105", rows_of("0099-01-05", 3), write_disposition="WRITE_TRUNCATE")
    assert dataset.counts("t") == {"0099-01-05": 3, "2026-01-05": 2}


@pytest.mark.parametrize(
    "field",
    [
        SchemaField("x", "JSON"),
        SchemaField("x", "RANGE", range_element_type="DATE"),
        SchemaField("x", "INTERVAL"),
        SchemaField("x", "GEOGRAPHY"),
    ],
)
def test_columns_that_would_be_read_wrongly_are_refused(dataset: Dataset, field: SchemaField) -> None:
    inside = SchemaField("s", "RECORD", fields=[field])
    for schema, row in (([field], {"x": "1"}), ([inside], {"s": {"x": "1"}})):
        with pytest.raises(MethodNotImplemented, match=f"does not support loads of text into columns of the type {field.field_type}"):
            dataset.load("t", [row], schema=schema)
