"""`perennial up` after somebody or something has killed processes or damaged files: all works again, or it says which file to delete."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from components.database.engine import make_engine
from components.errors import EmulatorError
from components.google import bigquery_client, storage_client
from components.settings import ENDPOINTS_FILE, Settings
from pipelines.local import emulators
from pipelines.local.services import prepare
from tests.waiting import wait_until

pytestmark = pytest.mark.services
GARBAGE = b"\x00\xff{ this is no such file"


def settings_of(folder: Path) -> Settings:
    endpoints = folder / ENDPOINTS_FILE
    return Settings(
        _env_file=endpoints if endpoints.exists() else None,
        project="perennial-test",
        bucket="perennial-test-models",
        cloudsql_instance="perennial-test:europe-west1:registry",
        cloudsql_ip_type="PUBLIC",
        database_user="trainer@perennial-test.iam",
        state_folder=folder,
    )


def up(folder: Path) -> None:
    """What `perennial up` does."""
    emulators.start(settings_of(folder), lambda _: None)
    prepare(settings_of(folder))


def assert_all_works(folder: Path) -> None:
    settings = settings_of(folder)
    with make_engine(settings).connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM registry.pipeline_run").scalar() == 0
    with storage_client(settings) as storage, bigquery_client(settings) as warehouse:
        assert storage.lookup_bucket(settings.bucket) is not None
        assert [tuple(row) for row in warehouse.query_and_wait("SELECT 1")] == [(1,)]


@pytest.fixture(scope="module")
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Emulators that are up, in a folder with a space in its name."""
    folder = tmp_path_factory.mktemp("state folder")
    up(folder)
    yield folder
    emulators.stop(folder, lambda _: None)


def kill(folder: Path, name: str) -> None:
    (pid,) = (part.pid for part in emulators.status(folder) if part.name == name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, f"{name} lives on")


def kill_postmaster(folder: Path) -> None:
    pid = int((folder / "emulators/cloud_sql/postgres/postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)


def kill_both(folder: Path) -> None:
    kill(folder, "cloud_sql")
    kill_postmaster(folder)


def stop_for_ever(folder: Path) -> None:
    """One that started long ago does not answer, and does not hear that it is to end."""
    record = folder / "emulators/cloud_storage.pid"
    fields = json.loads(record.read_text())
    record.write_text(json.dumps(fields | {"since": "2020-01-01T00:00:00+00:00"}))
    os.kill(fields["pid"], signal.SIGSTOP)


def damage(file: str, content: bytes = GARBAGE, *, dead: str = "") -> Callable[[Path], None]:
    """Give a file other content, perhaps while an emulator does not run."""

    def change(folder: Path) -> None:
        if dead:
            kill(folder, dead)
        (path,) = (folder / "emulators").glob(file)
        path.write_bytes(content)

    return change


POSTMASTER = "cloud_sql/postgres/postmaster.pid"
NO_PORTS = b'{"cloud_sql": "a", "cloud_storage": -1, "bigquery": 1e9, "bigquery_storage": 0, "instance": 7}'
HEALED: dict[str, Callable[[Path], None]] = {
    "a killed postmaster": kill_postmaster,
    "a killed postmaster and a killed emulator": kill_both,
    "an empty postmaster.pid": damage(POSTMASTER, b"", dead="cloud_sql"),
    "a postmaster.pid of this process": damage(POSTMASTER, f"{os.getpid()}\n".encode(), dead="cloud_sql"),
    "a damaged postmaster.pid": damage(POSTMASTER, dead="cloud_sql"),
    "an emulator that was suspended": stop_for_ever,
    "a damaged record of ports": damage("ports.json"),
    "a record of ports that are none": damage("ports.json", NO_PORTS),
    "a damaged record of a process": damage("bigquery.pid"),
    "a record of a process that is none": damage("cloud_storage.pid", b'{"pid": "x", "birth": [], "since": 1, "command": 2}'),
    "a lost record of a process": lambda folder: (folder / "emulators/bigquery.pid").unlink(),
    "an empty record of a dead process": damage("cloud_storage.pid", b"", dead="cloud_storage"),
    "a damaged authority of the server": damage("cloud_sql/authorities/server.pem", dead="cloud_sql"),
    "an empty authority of clients": damage("cloud_sql/authorities/clients.pem", b"", dead="cloud_sql"),
    "a damaged key of a service account": damage("cloud_sql/service-accounts/trainer*.json", dead="cloud_sql"),
    "a damaged copy of a key": damage("writer.json"),
}


@pytest.mark.parametrize("harm", HEALED.values(), ids=HEALED)
def test_up_heals(state_folder: Path, harm: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulators, "SILENCE_SECONDS", 1.0)  # of one that is stopped: it would never answer
    up(state_folder)
    harm(state_folder)
    up(state_folder)
    assert_all_works(state_folder)


NAMED = {
    "emulators/token.key": "{path} is no token key: it holds 24 bytes instead of 32; delete it and restart all emulators",
    "emulators/cloud_storage/metadata.db": (
        "{folder} holds no state of this emulator (file is not a database): choose another folder, or move it away"
    ),
}


@pytest.mark.parametrize("file", NAMED)
def test_up_says_what_to_delete_where_it_cannot_heal(state_folder: Path, file: str) -> None:
    up(state_folder)
    path = state_folder / file
    good = path.read_bytes()
    kill(state_folder, "cloud_storage")
    path.write_bytes(GARBAGE)
    try:
        with pytest.raises(EmulatorError) as refusal:
            up(state_folder)
        log = state_folder / "emulators/logs/cloud_storage.log"
        sentence = NAMED[file].format(path=path, folder=path.parent)
        assert str(refusal.value) == f"cloud_storage will not start: {sentence} (log: {log})"
        assert "Traceback" not in log.read_text()
        assert [part.state for part in emulators.status(state_folder)] == ["up", "down", "up"]
    finally:
        path.write_bytes(good)
    up(state_folder)
    assert_all_works(state_folder)
