"""A migrated registry behind the real connector, and the facts that most tests start from."""

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from google.auth.transport.requests import AuthorizedSession
from google.cloud import storage

from components.database.engine import make_engine
from components.google import credentials, storage_client
from components.registry.versions import NewVersion
from components.runs.record import Run, start_run
from components.settings import Settings
from components.snapshot.record import RecordedSnapshot, record_snapshot
from components.storage.manifest import Entry, Manifest, content_sha256
from components.storage.objects import ensure_bucket, push_folder
from pipelines.local.services import _prepare_registry
from tests.components.database.connecting import TIMEOUT_SECONDS
from tests.components.export import mlflow_process
from tests.components.recorded import run_of, snapshot_of_purchases, version_of
from tests.infra.emulators.cloud_sql_process import CloudSqlProcess

CHILD = "import os, pickle, signal, sys\nsettings, *arguments = pickle.loads(bytes.fromhex(sys.argv[1]))\n"


@pytest.fixture(scope="session")
def owner_engine(cloud: Settings) -> Iterator[sa.Engine]:
    """Of the one who changes the schema."""
    engine = make_engine(cloud.as_owner())
    _prepare_registry(cloud)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def engine(cloud: Settings, owner_engine: sa.Engine) -> Iterator[sa.Engine]:
    """Of the one who writes, as pipelines do."""
    engine = make_engine(cloud)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudSqlProcess]:
    """An instance apart, which tests of connecting break and mend."""
    with CloudSqlProcess(tmp_path_factory.mktemp("cloud_sql")).running() as process:
        process.set_password()
        yield process


@pytest.fixture
def cloud_sql(breakable: CloudSqlProcess) -> CloudSqlProcess:
    breakable.control("PUT", "/faults", [])
    breakable.control("DELETE", "/calls")
    return breakable


@pytest.fixture
def hasty(cloud_sql: CloudSqlProcess) -> Settings:
    return cloud_sql.settings(connect_timeout_seconds=TIMEOUT_SECONDS)


@pytest.fixture
def open_engine() -> Iterator[Callable[..., sa.Engine]]:
    """Makes engines that are disposed of at the end."""
    engines: list[sa.Engine] = []

    def make(settings: Settings, **options: int) -> sa.Engine:
        engines.append(make_engine(settings, **options))
        return engines[-1]

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def hasty_engine(open_engine: Callable[..., sa.Engine], hasty: Settings) -> sa.Engine:
    return open_engine(hasty)


@pytest.fixture
def connection(engine: sa.Engine) -> Iterator[sa.Connection]:
    """In a transaction that is never committed."""
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def owning(owner_engine: sa.Engine) -> Iterator[sa.Connection]:
    """The owner's, whom only triggers stop; in a transaction that is never committed."""
    with owner_engine.connect() as connection:
        yield connection


@pytest.fixture(scope="session")
def make_database(cloud: Settings) -> Callable[[], Settings]:
    """Makes databases without tables; gives settings for the one who may make them."""

    def make() -> Settings:
        project, _, instance = cloud.cloudsql_instance.split(":")
        url = f"{cloud.cloudsql_endpoint}/sql/v1beta4/projects/{project}/instances/{instance}"
        name = f"empty_{uuid4().hex[:8]}"
        with AuthorizedSession(credentials(cloud.as_owner())) as session:
            session.post(f"{url}/databases", json={"name": name}).raise_for_status()
        return cloud.as_owner().model_copy(update={"database": name})

    return make


@pytest.fixture
def empty(make_database: Callable[[], Settings]) -> Settings:
    """A database without tables."""
    return make_database()


@pytest.fixture
def name() -> str:
    """Of a model that no other test has."""
    return f"model_{uuid4().hex[:8]}"


@pytest.fixture
def new_run(name: str) -> Callable[..., Run]:
    return lambda **changes: run_of(**({"model": name} | changes))


@pytest.fixture
def new_snapshot() -> Callable[..., RecordedSnapshot]:
    return snapshot_of_purchases


@pytest.fixture
def new_version(new_run: Callable[..., Run], new_snapshot: Callable[..., RecordedSnapshot]) -> Callable[..., NewVersion]:
    """Records a run and a snapshot on the connection, for a version that is to be registered."""

    def make(connection: sa.Connection, *, weights: str = "f", **changes: Any) -> NewVersion:
        run, snapshot = new_run(), new_snapshot()
        start_run(connection, run)
        record_snapshot(connection, snapshot)
        entries = (Entry("saved_model.pb", 1_000, weights * 64, "AAAAAA==", 1_800_000_000_000_001),)
        new = version_of(run, snapshot.snapshot_id, Manifest(f"gs://models/models/{run.model}/{content_sha256(entries)}", entries))
        return replace(new, **changes)

    return make


@pytest.fixture(scope="session")
def client(cloud: Settings) -> Iterator[storage.Client]:
    with closing(storage_client(cloud)) as client:
        yield client


@pytest.fixture(scope="module")
def bucket(client: storage.Client) -> str:
    name = f"models-{uuid4().hex[:8]}"
    ensure_bucket(client, name, "EU")
    return name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a model that no other test has pushed."""
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(uuid4().bytes * 1_000)
    (folder / "variables" / "variables.index").write_bytes(b"")
    (folder / "fingerprint äöü &%+#?.txt").write_text("text")
    return folder


@pytest.fixture
def push(client: storage.Client, bucket: str, folder: Path) -> Callable[..., Manifest]:
    def push(**changes: object) -> Manifest:
        arguments = {"model": "churn", "folder": folder, "metadata": {"run": "run-1"}, **changes}
        return push_folder(client, bucket, **arguments)  # type: ignore[arg-type]

    return push


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real MLflow server."""
    with mlflow_process.running(tmp_path_factory.mktemp("mlflow")) as uri:
        yield uri


@pytest.fixture
def child() -> Callable[..., subprocess.Popen[str]]:
    """Starts Python code that finds `settings` and `arguments`."""

    def start(code: str, settings: Settings, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", CHILD + code, pickle.dumps((settings, *arguments)).hex()]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    return start
