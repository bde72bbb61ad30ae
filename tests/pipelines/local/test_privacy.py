"""State and emulators are their user's alone: whatever the umask, and whatever was there before. Another user really tries."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from dotenv import dotenv_values

from components.errors import EmulatorError
from components.files import OTHERS, private_files, private_folder
from components.settings import ENDPOINTS_FILE, Settings
from pipelines.local import emulators
from pipelines.local.services import prepare

NOBODY = 65534
PERSON = 12345
INTRUDER = Path(__file__).with_name("intruder.py")


@contextmanager
def open_to_all() -> Iterator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


@dataclass(frozen=True)
class Home:
    """A state folder that everybody could enter before the emulators were started in it."""

    settings: Settings

    @property
    def folder(self) -> Path:
        return self.settings.state_folder

    @property
    def paths(self) -> list[Path]:
        return [self.folder, *sorted(self.folder.rglob("*"))]

    @property
    def processes(self) -> list[psutil.Process]:
        parents = [psutil.Process(part.pid) for part in emulators.status(self.folder) if part.pid]
        return [*parents, *(child for parent in parents for child in parent.children(recursive=True))]


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    base = Path(tempfile.mkdtemp())
    base.chmod(0o755)  # the state folder itself must keep others out, not pytest's
    folder = base / "state"
    given: dict[str, Any] = {
        "project": "perennial-test",
        "bucket": "private",
        "cloudsql_instance": "perennial-test:europe-west1:registry",
        "cloudsql_ip_type": "PUBLIC",
        "database_user": "trainer@perennial-test.iam",
        "state_folder": folder,
    }
    try:
        with open_to_all():
            (folder / "emulators" / "logs").mkdir(parents=True)
            (folder / "reports").mkdir()
            (folder / "reports" / "old.html").write_text("a customer's row")
            emulators.start(Settings(**given), progress=lambda _: None)
            endpoints = {name.removeprefix("PERENNIAL_").lower(): value for name, value in dotenv_values(folder / ENDPOINTS_FILE).items()}
            settings = Settings(**(given | endpoints))
            prepare(settings)
        yield Home(settings)
    finally:
        emulators.stop(folder, progress=lambda _: None)
        shutil.rmtree(base)


def test_no_file_of_the_state_is_open_to_others(home: Home) -> None:
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in home.paths if not path.is_symlink()}
    assert len(modes) > 500
    assert {str(path): oct(mode) for path, mode in modes.items() if mode & OTHERS} == {}


def addresses(settings: Settings) -> dict[str, str]:
    return {
        "bigquery": str(settings.bigquery_endpoint),
        "cloud_storage": str(settings.storage_endpoint),
        "cloud_sql": str(settings.cloudsql_endpoint),
    }


def requests(settings: Settings) -> dict[str, tuple[str, str, dict[str, str], str]]:
    """What an intruder asks for over HTTP."""
    at = addresses(settings)
    sql = f"{at['cloud_sql']}/sql/v1beta4/projects/perennial-test/instances/registry"
    json_body = {"Content-Type": "application/json"}
    plain: dict[str, tuple[str, str, dict[str, str], str]] = {
        "list datasets": ("GET", f"{at['bigquery']}/bigquery/v2/projects/perennial-test/datasets", {}, ""),
        "run a query": ("POST", f"{at['bigquery']}/bigquery/v2/projects/perennial-test/queries", json_body, '{"query": "SELECT 1"}'),
        "upload a load": (
            "POST",
            f"{at['bigquery']}/upload/bigquery/v2/projects/perennial-test/jobs?uploadType=multipart",
            json_body,
            "{}",
        ),
        "insert rows": ("POST", f"{at['bigquery']}/bigquery/v2/projects/p/datasets/d/tables/t/insertAll", json_body, "{}"),
        "bigquery's root": ("GET", f"{at['bigquery']}/", {}, ""),
        "list buckets": ("GET", f"{at['cloud_storage']}/storage/v1/b?project=p", {}, ""),
        "make a bucket": ("POST", f"{at['cloud_storage']}/storage/v1/b?project=p", json_body, '{"name": "mine"}'),
        "list objects": ("GET", f"{at['cloud_storage']}/private", {}, ""),
        "write an object": ("PUT", f"{at['cloud_storage']}/private/a", {}, "a"),
        "upload an object": ("POST", f"{at['cloud_storage']}/upload/storage/v1/b/private/o?uploadType=media&name=a", {}, "a"),
        "a batch": ("POST", f"{at['cloud_storage']}/batch/storage/v1", {"Content-Type": "multipart/mixed; boundary=b"}, "--b--"),
        "run lifecycle rules": ("POST", f"{at['cloud_storage']}/_emulator/lifecycle", {}, ""),
        "list users": ("GET", f"{sql}/users", {}, ""),
        "make a user": ("POST", f"{sql}/users", json_body, '{"name": "mallory", "password": "x"}'),
        "a certificate": ("POST", f"{sql}:generateEphemeralCert", json_body, "{}"),
    }
    token = {"Authorization": "Bearer ya29.local.e30.00"}
    return plain | {f"{name}, forged": (method, url, headers | token, body) for name, (method, url, headers, body) in plain.items()}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize("uid", [NOBODY, PERSON])
def test_another_user_gets_nothing(home: Home, uid: int) -> None:
    instance = next(address for address in listening(home) if address.endswith(":3307"))
    asked = {
        "paths": [str(path) for path in home.paths],
        "processes": [process.pid for process in home.processes],
        "requests": list(requests(home.settings).values()),
        "tls": [(instance.rpartition(":")[0], 3307)],
        "grpc": [str(home.settings.bigquery_storage_endpoint)],
        "sockets": [str(home.folder / "emulators" / "cloud_sql" / "postgres" / ".s.PGSQL.5432")],
    }
    command = [sys.executable, str(INTRUDER), str(uid)]
    answer = subprocess.run(command, input=json.dumps(asked), check=True, capture_output=True, text=True)
    got = json.loads(answer.stdout)

    assert got["uid"] == uid
    assert {path: how for path, how in got["paths"].items() if how != "closed"} == {}
    assert {process: how for process, how in got["processes"].items() if how != "closed"} == {}
    assert dict(zip(requests(home.settings), got["requests"], strict=True)) == dict.fromkeys(requests(home.settings), 401)
    assert list(got["tls"].values()) == ["refused"]
    assert list(got["grpc"].values()) == ["UNAUTHENTICATED"]
    assert list(got["sockets"].values()) == ["closed"]


def listening(home: Home) -> set[str]:
    found = []
    for process in home.processes:
        with suppress(psutil.NoSuchProcess):  # PostgreSQL's workers come and go
            found += process.net_connections("inet")
    return {f"{one.laddr.ip.removeprefix('::ffff:')}:{one.laddr.port}" for one in found if one.status == psutil.CONN_LISTEN}


def test_nothing_else_listens_and_nothing_beyond_this_machine(home: Home) -> None:
    known = {address.removeprefix("http://") for address in addresses(home.settings).values()}
    known.add(str(home.settings.bigquery_storage_endpoint))
    others = listening(home) - known

    assert listening(home) >= known
    assert {address.partition(":")[2] for address in others} == {"3307"}
    assert all(address.startswith("127.") for address in others)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_nobody_else_runs_processes_as_postgresqls_user(home: Home) -> None:
    (postgres,) = (child for part in home.processes[:3] for child in part.children() if child.name() == "postgres")

    assert postgres.uids().real not in (0, NOBODY)


def test_a_folder_that_was_open_is_closed_with_all_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with open_to_all():
        (folder / "inner").mkdir(parents=True)
        (folder / "inner" / "rows.parquet").write_bytes(b"rows")
        (folder / "inner" / "run").write_bytes(b"")
        (folder / "inner" / "run").chmod(0o755)
        (folder / "link").symlink_to(INTRUDER)
    before = INTRUDER.stat().st_mode

    private_folder(folder)

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "inner", *sorted((folder / "inner").iterdir()))]
    assert modes == [0o700, 0o700, 0o600, 0o700]
    assert INTRUDER.stat().st_mode == before


def test_the_folders_above_a_private_one_are_private_too(tmp_path: Path) -> None:
    with open_to_all():
        private_folder(tmp_path / "state" / "runs" / "run")

    assert [stat.S_IMODE((tmp_path / path).stat().st_mode) for path in ("state", "state/runs", "state/runs/run")] == [0o700] * 3


def test_what_is_made_privately_is_private_and_the_umask_comes_back(tmp_path: Path) -> None:
    with open_to_all():
        with private_files():
            (tmp_path / "folder").mkdir()
            (tmp_path / "file").touch()
            subprocess.run(["touch", str(tmp_path / "child")], check=True)
        (tmp_path / "after").touch()

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"folder": 0o700, "file": 0o600, "child": 0o600, "after": 0o666}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_state_folder_of_another_user_is_refused(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, PERSON, PERSON)

    with pytest.raises(EmulatorError) as caught:
        emulators.start(home.settings.model_copy(update={"state_folder": folder}), progress=lambda _: None)

    assert str(caught.value) == f"{folder} belongs to another user: set PERENNIAL_STATE_FOLDER to a folder of your own"
