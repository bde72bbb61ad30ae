"""The BigQuery emulator as a process: started, stopped, killed, refused, full."""

import contextlib
import random
import re
import resource
import socket
import string
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from google.api_core.exceptions import BadRequest, Conflict, GoogleAPICallError, Unauthorized
from google.cloud import bigquery
from google.oauth2.credentials import Credentials
from requests.exceptions import ConnectionError as Disconnected

from tests.infra.emulators.bigquery_process import SCHEMA, BigQueryProcess, Dataset, rows_of
from tests.infra.emulators.emulator_process import PYTHON

DAYS = [f"2026-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 29)]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryProcess]:
    """An emulator that a test may stop, kill and start again, as long as it runs in the end."""
    with BigQueryProcess(tmp_path_factory.mktemp("bigquery")).running() as process:
        yield process


@pytest.fixture
def shop(request: pytest.FixtureRequest) -> str:
    """The name of a dataset, one for each test."""
    return str(request.node.name)


@contextlib.contextmanager
def dataset_of(process: BigQueryProcess, name: str) -> Iterator[Dataset]:
    with contextlib.closing(process.client()) as client:
        client.create_dataset(name, exists_ok=True)
        yield Dataset(client, name)


def change_resources(process: BigQueryProcess, statement: str) -> None:
    """Change what a stopped emulator keeps of datasets and tables beside their rows."""
    code = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute(sys.argv[2])"
    subprocess.run([PYTHON, "-c", code, process.folder / "data" / "emulator.duckdb", statement], check=True)


def test_it_is_stopped_by_sigterm_and_keeps_its_state(process: BigQueryProcess, shop: str) -> None:
    with dataset_of(process, shop) as dataset:
        dataset.make("t", labels={"team": "ml"})
        dataset.load("t$20260101", rows_of("2026-01-01", 3))
        job = dataset.client.query("SELECT 1")
        before = dataset.client.get_table(dataset.table("t"))

    process.stop()
    process.start()

    with dataset_of(process, shop) as dataset:
        after = dataset.client.get_table(dataset.table("t"))
        assert (after.etag, after.modified, after.labels) == (before.etag, before.modified, {"team": "ml"})
        assert dataset.counts("t") == {"2026-01-01": 3}
        assert [tuple(row) for row in dataset.client.get_job(job.job_id).result()] == [(1,)]
    assert process.output == ""


def test_its_folder_may_be_moved(tmp_path: Path, shop: str) -> None:
    process = BigQueryProcess(tmp_path / "here")
    with process.running(), dataset_of(process, shop) as dataset:
        dataset.make("t")
        dataset.load("t$20260101", rows_of("2026-01-01", 3))

    moved = BigQueryProcess(process.folder.rename(tmp_path / "there"))

    with moved.running(), dataset_of(moved, shop) as dataset:
        assert dataset.counts("t") == {"2026-01-01": 3}


def crash(process: BigQueryProcess, after_seconds: float) -> threading.Thread:
    """Kill it after a while and start it again, so that clients which try again find it."""

    def kill_and_start() -> None:
        time.sleep(after_seconds)
        process.kill()
        process.start()

    thread = threading.Thread(target=kill_and_start)
    thread.start()
    return thread


def test_what_was_answered_survives_being_killed(process: BigQueryProcess, shop: str) -> None:
    answered: set[str] = set()

    def load(dataset: Dataset, days: list[str], crashing: threading.Thread) -> None:
        for day in days:
            if not crashing.is_alive():
                return
            with contextlib.suppress(GoogleAPICallError, Disconnected):
                dataset.load(f"t${day.replace('-', '')}", rows_of(day, 7), write_disposition="WRITE_TRUNCATE")
                answered.add(day)

    with dataset_of(process, shop) as dataset:
        dataset.make("t")
        crashing = crash(process, 0.7)
        loaders = [threading.Thread(target=load, args=(dataset, DAYS[start::3], crashing)) for start in range(3)]
        for loader in loaders:
            loader.start()
        for thread in (*loaders, crashing):
            thread.join()

        counts = dataset.counts("t")
        assert answered <= counts.keys()
        assert set(counts.values()) == {7}
        dataset.load("t$20260101", rows_of("2026-01-01", 1), write_disposition="WRITE_TRUNCATE")
        assert dataset.counts("t")["2026-01-01"] == 1


def test_whatever_a_kill_interrupts_can_be_done_again(process: BigQueryProcess, shop: str) -> None:
    def make(dataset: Dataset, index: int) -> None:
        table = bigquery.Table(dataset.table(f"t{index}"), SCHEMA)
        table.time_partitioning = bigquery.TimePartitioning(field="day")
        dataset.client.create_table(table, exists_ok=True)
        dataset.load(f"t{index}$20260101", rows_of("2026-01-01", 2), write_disposition="WRITE_TRUNCATE")
        config = bigquery.CopyJobConfig(operation_type="SNAPSHOT", write_disposition="WRITE_EMPTY")
        with contextlib.suppress(Conflict):
            dataset.client.copy_table(dataset.table(f"t{index}"), dataset.table(f"s{index}"), job_config=config).result()

    for attempt in range(2):
        with dataset_of(process, shop) as dataset:
            crashing = crash(process, random.Random(attempt).uniform(0.3, 1.0))
            index = 0
            while crashing.is_alive():
                with contextlib.suppress(GoogleAPICallError, Disconnected):
                    make(dataset, index)
                index += 1
            crashing.join()

    with dataset_of(process, shop) as dataset:
        for index in range(4):
            make(dataset, index)
            table, snapshot = (dataset.client.get_table(dataset.table(f"{kind}{index}")) for kind in "ts")
            assert (table.num_rows, snapshot.num_rows, snapshot.table_type) == (2, 2, "SNAPSHOT")
            assert table.time_partitioning.field == snapshot.time_partitioning.field == "day"


def test_a_table_whose_making_was_never_answered_is_gone_after_a_start(process: BigQueryProcess, shop: str) -> None:
    with dataset_of(process, shop) as dataset:
        dataset.make("t")
        dataset.make("full")
        dataset.load("full", rows_of("2026-01-01", 1))
    process.stop()

    change_resources(process, f"DELETE FROM tables WHERE dataset_id = '{shop}'")
    process.start()

    with dataset_of(process, shop) as dataset:
        assert [table.table_id for table in dataset.client.list_tables(shop)] == ["full"]
        dataset.make("t")
        dataset.load("t$20260101", rows_of("2026-01-01", 1))
        assert dataset.counts("t") == {"2026-01-01": 1}


def test_a_resource_without_its_table_is_gone_after_a_start(process: BigQueryProcess, shop: str) -> None:
    with dataset_of(process, shop) as dataset:
        dataset.make("t")
    process.stop()

    copy = "SELECT project_id, dataset_id, 'ghost', replace(resource::VARCHAR, '\"t\"', '\"ghost\"') FROM tables"
    change_resources(process, f"INSERT INTO tables {copy} WHERE dataset_id = '{shop}'")
    process.start()

    with dataset_of(process, shop) as dataset:
        assert [table.table_id for table in dataset.client.list_tables(shop)] == ["t"]
        dataset.make("ghost")


def test_a_port_that_is_taken_is_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for process in (BigQueryProcess(tmp_path / "rest", port=port), BigQueryProcess(tmp_path / "grpc", grpc_port=port)):
            assert process.launch().wait(60) == 1
            assert re.fullmatch(
                rf"bigquery: port {port} of 127.0.0.1 is taken \(.*\): stop what listens there, or choose another port\n",
                process.output.splitlines(True)[-1],
            )


def test_a_folder_in_use_is_told_in_one_sentence(process: BigQueryProcess, tmp_path: Path) -> None:
    second = BigQueryProcess(tmp_path, options=["--data", str(process.folder / "data")])

    assert second.launch().wait(60) == 1

    assert re.fullmatch(rf"bigquery: cannot open the state in {process.folder}/data: IO Error: Could not set lock .*\n", second.output)
    assert process.health() == 200


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryProcess]:
    """An emulator that asks for tokens."""
    folder = tmp_path_factory.mktemp("guarded")
    with BigQueryProcess(folder, options=["--token-key", str(folder / "token.key")]).running() as process:
        yield process


def token(process: BigQueryProcess, *, seconds: float = 60, key: str = "token.key") -> str:
    code = (
        "import sys; from pathlib import Path; from identity.tokens import issue, read_key; "
        f"print(issue(read_key(Path('{process.folder / key}')), 'a@b.c', frozenset(), {seconds}))"
    )
    return subprocess.run([PYTHON, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_a_request_without_a_good_token_is_refused(guarded: BigQueryProcess) -> None:
    wrong = [
        None,
        "Basic abc",
        "Bearer ",
        "Bearer nonsense",
        f"Bearer {token(guarded, seconds=-1)}",
        f"Bearer {token(guarded, key='other.key')}",
    ]

    assert [guarded.health(authorization) for authorization in wrong] == [401] * len(wrong)
    assert guarded.health(f"Bearer {token(guarded)}") == 200


def test_a_refusal_reads_as_googles(guarded: BigQueryProcess) -> None:
    def refresh(*_: object, **__: object) -> tuple[str, datetime]:
        return "nonsense", datetime.now() + timedelta(hours=1)  # noqa: DTZ005 - Google's library wants it naive

    with contextlib.closing(guarded.client(Credentials("nonsense", refresh_handler=refresh))) as client:
        with pytest.raises(Unauthorized, match="Request had invalid authentication credentials. Expected OAuth 2 access token") as caught:
            list(client.list_datasets())

    assert caught.value.errors[0]["reason"] == "authError"


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")
def test_a_full_disk_is_told_and_harms_nothing(process: BigQueryProcess, shop: str) -> None:
    noise = random.Random(0)
    big = [{"day": "2026-01-01", "note": "".join(noise.choices(string.printable[:62], k=1000))} for _ in range(3000)]
    full = "Disk full: the emulator's data folder has no room left. Free some space and try again."

    with dataset_of(process, shop) as dataset:
        dataset.make("t")
        dataset.load("t", rows_of("2026-01-01", 1))
        _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (2 * 2**20, hard))
        with pytest.raises(BadRequest, match=full):
            dataset.load("t", big)
        with pytest.raises(BadRequest, match=full):
            dataset.query("CREATE TABLE {dataset}.big AS SELECT GENERATE_UUID() AS text FROM UNNEST(GENERATE_ARRAY(1, 200000)) AS n")

        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        dataset.load("t", big)

        assert dataset.counts("t") == {"2026-01-01": 3001}
        assert [table.table_id for table in dataset.client.list_tables(shop)] == ["t"]


def test_it_keeps_nothing_outside_its_folder_and_no_upload(process: BigQueryProcess, shop: str) -> None:
    uploads = process.folder / "data" / "uploads"
    before = list(uploads.iterdir())

    with dataset_of(process, shop) as dataset:
        dataset.make("t")
        dataset.load("t$20260101", rows_of("2026-01-01", 3))

    assert sorted(path.name for path in process.folder.iterdir()) == ["data", "output"]
    assert list(uploads.iterdir()) == before


def test_a_query_that_runs_does_not_keep_it_from_stopping(process: BigQueryProcess, shop: str) -> None:
    endless = (
        "SELECT COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 1000000)) AS a, UNNEST(GENERATE_ARRAY(1, 1000000)) AS b WHERE MOD(a * b, 7) = 1"
    )
    with dataset_of(process, shop) as dataset:
        job = dataset.client.query(endless)
        process.stop()
        process.start()

        with pytest.raises(GoogleAPICallError, match="Job execution was cancelled"):
            dataset.client.get_job(job.job_id).result()
