"""Predictions reach BigQuery exactly once, whoever is killed and whatever is away."""

import datetime as dt
import subprocess
from collections.abc import Callable, Iterator, Set
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from components.cloud import Cloud
from components.prediction_log.record import LogRecord, RecordHeader, decode, encode
from components.prediction_log.segment import Segment
from components.prediction_log.shipper import Shipper, read_trouble
from components.prediction_log.spool import Spool
from components.prediction_log.table import LogTable, arrow_rows
from components.settings import Settings
from components.training.signatures import Column
from tests.infra.emulators.bigquery_process import PROJECT, BigQueryProcess
from tests.waiting import wait_until

Child = Callable[..., "subprocess.Popen[str]"]

WRITE = """
from pathlib import Path
from components.prediction_log.spool import Spool
from tests.components.prediction_log.test_shipping import record
folder, prefix = arguments
spool = Spool(Path(folder))
for number in range(1_000_000):
    name = f"{prefix}-{number}"
    assert spool.append([record(name)], 2)
    print(name, flush=True)
"""
SHIP = """
from pathlib import Path
import os
from components.cloud import Cloud
from components.prediction_log.shipper import Shipper
Shipper(Cloud(settings), Path(arguments[0])).run(os.getppid())
"""
COLUMNS = (Column("area", "float32"), Column("colour", "string"), Column("floor", "int64", optional=True))


def log_table(**changes: object) -> LogTable:
    fields = {"table": f"{PROJECT}.predictions.house", "day_field": "event_date", "target": "t", "model": "house", "environment": "e"}
    return LogTable(**(fields | {"columns": COLUMNS} | changes))  # type: ignore[arg-type]


def record(name: str, version: int = 1) -> bytes:
    """Two rows. Version 2 has a whole number more."""
    keys, spans, texts = ["k1", None], ["2013-01-02", None], [["red"], ["blue"]]
    header = RecordHeader(name, 1_700_000_000_000_000, version, "live", 45, 1.0, None, 2, keys, spans, texts)
    numbers: dict[str, np.ndarray] = {
        "float32": np.array([[0.1], [2]], np.float32),
        "int64": np.array([[3, 7], [0, 8]], np.int64)[:, :version],
        "present": np.array([[True, True], [False, True]])[:, :version],
    }
    return encode(LogRecord(header, numbers, np.array([[0.25], [0.75]], np.float32)))


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[BigQueryProcess]:
    """A BigQuery of a test's own, which it may kill."""
    with BigQueryProcess(tmp_path / "bigquery").running() as process:
        yield process


@pytest.fixture
def settings(cloud: Settings, warehouse: BigQueryProcess) -> Settings:
    endpoints = {"bigquery_endpoint": warehouse.endpoint, "bigquery_storage_endpoint": f"127.0.0.1:{warehouse.grpc_port}"}
    return cloud.model_copy(update={"project": PROJECT, **endpoints})


def segments(folder: Path) -> list[Path]:
    return list(folder.glob("*/*.segment"))


def test_nothing_is_lost_or_doubled_when_everybody_is_killed(
    settings: Settings, warehouse: BigQueryProcess, child: Child, tmp_path: Path
) -> None:
    folder = tmp_path / "log"
    (folder / "house").mkdir(parents=True)
    log_table().write(folder / "house" / "1.json")
    acknowledged: list[str] = []

    def write(prefix: str, count: int) -> None:
        writer = child(WRITE, settings, str(folder / "house"), prefix)
        assert writer.stdout is not None
        acknowledged.extend(writer.stdout.readline().strip() for _ in range(count))
        writer.kill()
        acknowledged.extend(line.strip() for line in writer.stdout if line.endswith("\n"))
        writer.wait()

    write("a", 3_000)
    shipper = child(SHIP, settings, str(folder))
    wait_until(lambda: list(folder.glob("*/*.journal")), "a frame is sent")
    shipper.kill()
    shipper.wait()
    write("b", 2_000)
    shipper = child(SHIP, settings, str(folder))
    warehouse.kill()
    write("c", 1_000)
    warehouse.start()
    wait_until(lambda: not segments(folder), "all is shipped")
    shipper.kill()
    shipper.wait()

    rows = list(warehouse.client().query("SELECT request_id, instance, COUNT(*) AS n FROM predictions.house GROUP BY 1, 2").result())
    assert {row.n for row in rows} == {1}
    found = {row.request_id for row in rows}
    assert set(acknowledged) <= found
    assert len(found - set(acknowledged)) <= 3, "what was written as its writer was killed"
    assert len(rows) == 2 * len(found)


def test_a_row_holds_what_was_asked_and_answered_and_the_table_grows_with_the_model(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    spool = Spool(folder / "house")
    log_table(expires_days=30).write(folder / "house" / "1.json")
    log_table(columns=(*COLUMNS, Column("key", "int64", optional=True))).write(folder / "house" / "2.json")
    spool.append([record("r1"), record("r2", 2)], 4)
    assert Shipper(Cloud(settings), folder).ship()
    client = Cloud(settings).warehouse
    first, second, third, _ = client.query("SELECT * FROM predictions.house ORDER BY request_id, instance").result()
    expected = {
        "event_date": dt.date(2023, 11, 14),
        "instance": 0,
        "target": "t",
        "model": "house",
        "version": 1,
        "role": "live",
        "key": "k1",
        "span": dt.date(2013, 1, 2),
        "score": 0.25,
        "latency_microseconds": 45,
        "area": float(np.float32(0.1)),
        "colour": "red",
        "floor": 3,
        "key_feature": None,
    }
    assert {name: first[name] for name in expected} == expected
    assert (second["key"], second["span"], second["floor"], second["class_scores"]) == (None, None, None, [])
    assert (third["version"], third["floor"], third["key"], third["key_feature"]) == (2, 3, "k1", 7)
    table = client.get_table("predictions.house")
    assert (table.time_partitioning.field, table.time_partitioning.expiration_ms) == ("event_date", 30 * 86_400_000)
    view = client.query("SELECT model_version, raw_prediction FROM predictions.house_request_response").result()
    assert {tuple(row) for row in view} == {("1", "[0.25]"), ("1", "[0.75]"), ("2", "[0.25]"), ("2", "[0.75]")}
    spool.close()


@pytest.mark.parametrize("kind", ["hashed", "omitted"])
def test_sensitive_columns_are_hashed_or_left_out(kind: str) -> None:
    records = [found for found, _ in decode(record("r1"))]
    hidden = ("house_id", "colour", "area", "day")
    row = arrow_rows(log_table(key="house_id", span="day", **{kind: hidden}), records).to_pylist()[0]
    hashes = [sha256(text).hexdigest() for text in (b"k1", b"red")] if kind == "hashed" else [None, None]
    assert [row["key"], row["colour"]] == hashes
    assert (row["area"], row["floor"], row["span"], row["hidden_features"]) == (None, 3, None, ["area", "colour"])


def ship(shipper: Shipper, left: Set[Path] = frozenset()) -> None:
    """All that is there, but for what waits in some folders: on a busy machine BigQuery may have to be asked again."""
    shipper.has_to_end.set()  # so no model is left alone for a while
    wait_until(lambda: not shipper.ship() and shipper._waits.keys() == left, "all is shipped")


@pytest.fixture
def table(cloud: Settings) -> str:
    """A log of a test's own, in the BigQuery of all."""
    return f"{cloud.project}.predictions_{uuid4().hex}.house"


def test_a_model_whose_rows_are_not_taken_keeps_no_other_waiting_and_is_told(cloud: Settings, table: str, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    spools = {name: Spool(folder / name) for name in ("aaa", "bbb")}
    log_table(table=f"{PROJECT}.predictions.no-such.table", model="aaa").write(folder / "aaa" / "1.json")
    log_table(
        table=table,
    ).write(folder / "bbb" / "1.json")
    for spool in spools.values():
        spool.append([record("r1")], 2)
    shipper, client = Shipper(Cloud(cloud), folder), Cloud(cloud).warehouse
    ship(shipper, left={folder / "aaa"})
    trouble = read_trouble(folder / "aaa")
    assert trouble is not None and "no-such" in trouble.why
    assert read_trouble(folder / "bbb") is None
    count = f"SELECT COUNT(*) FROM `{table}`"
    assert next(iter(client.query(count).result()))[0] == 2

    client.delete_table(table)
    spools["bbb"].append([record("r2")], 2)
    log_table(table=table, model="aaa").write(folder / "aaa" / "1.json")
    ship(shipper)
    assert read_trouble(folder / "aaa") is None
    rows = client.query(f"SELECT model, request_id, COUNT(*) FROM `{table}` GROUP BY 1, 2 ORDER BY 1, 2").result()
    assert [tuple(row) for row in rows] == [("aaa", "r1", 2), ("house", "r2", 2)], "with the table went what was in it, and its stream"
    for spool in spools.values():
        spool.close()


def test_a_frame_is_no_larger_than_bigquery_takes(cloud: Settings, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, sizes = tmp_path / "log", []
    log_table(table=table).write(folder / "house" / "1.json")
    spool = Spool(folder / "house")
    spool.append([record(f"r{number}") for number in range(20)], 40)
    append = Shipper._append

    def note(shipper: Shipper, segment: Segment, log: LogTable, offset: int, batch: Any) -> None:
        sizes.append(batch.nbytes)
        append(shipper, segment, log, offset, batch)

    monkeypatch.setattr("components.prediction_log.shipper.REQUEST_BYTES", 5_000)
    monkeypatch.setattr(Shipper, "_append", note)
    ship(Shipper(Cloud(cloud), folder))
    spool.close()
    assert len(sizes) > 1 and max(sizes) <= 5_000
    query = f"SELECT COUNT(*), COUNT(DISTINCT request_id) FROM `{table}`"
    assert tuple(next(iter(Cloud(cloud).warehouse.query(query).result()))) == (40, 20)


def test_features_get_columns_that_the_log_can_take(cloud: Settings, table: str, tmp_path: Path) -> None:
    """BigQuery's columns do not differ by case, and have one type for good."""
    folder, client = tmp_path / "log", Cloud(cloud).warehouse
    spool = Spool(folder / "house")
    log_table(table=table, columns=(Column("Score", "float32"), *COLUMNS[1:])).write(folder / "house" / "1.json")
    log_table(table=table, columns=(Column("score", "float32"), *COLUMNS[1:], Column("x", "int64", optional=True))).write(
        folder / "house" / "2.json"
    )
    spool.append([record("r1"), record("r2", 2)], 4)
    ship(Shipper(Cloud(cloud), folder))
    kinds = {field.name: field.field_type for field in client.get_table(table).schema}
    assert (kinds["score"], kinds["Score_feature"]) == ("FLOAT", "FLOAT")

    log_table(table=table, columns=(Column("Score", "float32"), Column("colour", "string"), Column("floor", "string"))).write(
        folder / "house" / "3.json"
    )
    header = RecordHeader("r3", 1_700_000_000_000_000, 3, "live", 45, 1.0, None, 1, [None], [None], [["red", "second"]])
    spool.append([encode(LogRecord(header, {"float32": np.ones((1, 1), np.float32)}, np.zeros((1, 1), np.float32)))], 1)
    ship(Shipper(Cloud(cloud), folder))
    spool.close()
    rows = client.query(f"SELECT request_id, colour, floor, hidden_features FROM `{table}` WHERE request_id != 'r2' AND instance = 0")
    assert sorted(tuple(row) for row in rows.result()) == [("r1", "red", 3, []), ("r3", "red", None, ["floor"])]
