"""The emulators as processes of their own, and Google's unmodified clients pointed at them."""

import contextlib
import http.client
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage
from google.cloud.bigquery_storage_v1 import BigQueryReadClient

from tests.infra.emulators.bigquery_process import BigQueryProcess, Dataset
from tests.infra.emulators.cloud_sql_process import CloudSqlProcess
from tests.infra.emulators.emulator_process import PYTHON, free_port

DEADLINE_SECONDS = 30

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def start_cloud_storage() -> Iterator[Start]:
    """Starts emulators by `start(port, folder, *arguments)` and waits until they answer or have ended; stops them afterwards."""
    processes = []

    def start(port: int, folder: Path, *arguments: str, preexec_fn: Callable[[], None] | None = None) -> "subprocess.Popen[str]":
        command = [str(PYTHON), "-m", "cloud_storage", "--port", str(port), "--data", str(folder), *arguments]
        process = subprocess.Popen(command, text=True, stderr=subprocess.PIPE, preexec_fn=preexec_fn)
        processes.append(process)
        _wait_until_it_answers(process, port)
        return process

    yield start
    for process in processes:
        process.terminate()
        process.communicate(timeout=DEADLINE_SECONDS)


def _wait_until_it_answers(process: "subprocess.Popen[str]", port: int) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
        with contextlib.closing(connection), contextlib.suppress(ConnectionError):
            connection.request("GET", "/storage/v1/b")
            connection.getresponse().read()
            return
        time.sleep(0.02)


@pytest.fixture(scope="module")
def storage_url(start_cloud_storage: Start, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An emulator that asks nobody for a token."""
    port = free_port()
    start_cloud_storage(port, tmp_path_factory.mktemp("cloud_storage"))
    return f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def client(storage_url: str) -> Iterator[storage.Client]:
    with contextlib.closing(storage.Client("a-project", AnonymousCredentials(), client_options={"api_endpoint": storage_url})) as client:
        yield client


@pytest.fixture
def bucket(client: storage.Client) -> storage.Bucket:
    """An empty bucket, one for each test."""
    return client.create_bucket(f"bucket-{uuid.uuid4().hex}")


@pytest.fixture(scope="module")
def cloud_sql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudSqlProcess]:
    """An instance whose administrator has a password; tests that break it mend it."""
    with CloudSqlProcess(tmp_path_factory.mktemp("cloud_sql")).running() as process:
        process.set_password()
        yield process


@pytest.fixture(scope="session")
def bigquery_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryProcess]:
    """A BigQuery emulator that asks nobody for a token."""
    with BigQueryProcess(tmp_path_factory.mktemp("bigquery")).running() as process:
        yield process


@pytest.fixture(scope="session")
def bigquery_client(bigquery_process: BigQueryProcess) -> Iterator[bigquery.Client]:
    with contextlib.closing(bigquery_process.client()) as client:
        yield client


@pytest.fixture(scope="session")
def read_client(bigquery_process: BigQueryProcess) -> BigQueryReadClient:
    return bigquery_process.read_client()


@pytest.fixture
def dataset(bigquery_client: bigquery.Client) -> Dataset:
    """An empty dataset, one for each test."""
    name = f"dataset_{uuid.uuid4().hex}"
    bigquery_client.create_dataset(name)
    return Dataset(bigquery_client, name)
