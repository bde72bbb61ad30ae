"""The streaming buffer of the BigQuery emulator: rows that are queried at once, and copied later."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

from tests.infra.emulators.bigquery_process import BigQueryProcess, Dataset, rows_of
from tests.waiting import wait_until

Copy = Callable[[Dataset, str, str], None]


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    """Rows stay in its buffer until the emulator is stopped."""
    options = ("--streaming-buffer-seconds", "86400")
    with BigQueryProcess(tmp_path_factory.mktemp("patient"), options=options).running() as process:
        client = process.client()
        client.create_dataset("streamed")
        yield Dataset(client, "streamed")


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
