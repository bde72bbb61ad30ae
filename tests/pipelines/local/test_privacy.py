"""State and emulators are their user's alone: whatever the umask, and whatever was there before. Another user really tries."""

import json
import os
import re
import shutil
import signal
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
from infra.emulators.kubeflow.server import API, ROUTES, serving
from pipelines.local import emulators
from pipelines.local.interpreter import interpreter_status, start_interpreter, stop_interpreter
from pipelines.local.services import prepare
from pipelines.warm.address import Warmth
from tests.pipelines.command_line import COLD, CommandLine
from tests.waiting import wait_until

NOBODY = 65534
PERSON = 12345
INTRUDER = Path(__file__).with_name("intruder.py")
START_SECONDS = 300.0
SERVING = re.compile(r"serving local on (http://127\.0\.0\.1:\d+) and by gRPC on (127\.0\.0\.1:\d+), token in ")
READ = "google.cloud.bigquery.storage.v1.BigQueryRead/CreateReadSession"
PREDICTION = (
    "tensorflow.serving.PredictionService/Predict",
    "tensorflow.serving.PredictionService/GetModelMetadata",
    "tensorflow.serving.ModelService/GetModelStatus",
)
"""Methods over gRPC."""
JSON = {"Content-Type": "application/json"}
Request = tuple[str, str, dict[str, str], str]
"""Method, address, headers and body."""


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
    service: psutil.Process
    """The prediction service."""
    http: str
    grpc: str
    """Its addresses."""
    kubeflow: str
    """The address of Kubeflow's emulator."""

    @property
    def folder(self) -> Path:
        return self.settings.state_folder

    @property
    def paths(self) -> list[Path]:
        return [self.folder, *sorted(self.folder.rglob("*"))]

    @property
    def processes(self) -> list[psutil.Process]:
        parts = [*emulators.status(self.folder), interpreter_status(self.folder)]
        parents = [*(psutil.Process(part.pid) for part in parts if part.pid), self.service]
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
            start_interpreter(folder)
            with (
                prediction_service(settings) as (service, http, grpc),
                serving(base / "kubeflow", lambda _: 0, token="a-token") as kubeflow,
            ):
                listens = f"warm/*/{Warmth.LIGHT}"
                wait_until(lambda: any(folder.glob(listens)), "the interpreter does not listen", seconds=START_SECONDS)
                yield Home(settings, service, http, grpc, kubeflow.url)
    finally:
        stop_interpreter(folder)
        emulators.stop(folder, progress=lambda _: None)
        shutil.rmtree(base)


@contextmanager
def prediction_service(settings: Settings) -> Iterator[tuple[psutil.Process, str, str]]:
    """`perennial serve`, and where it answers over HTTP and gRPC."""
    process = CommandLine(settings, COLD).start("serve", "--target", "local", "--port", "0", "--grpc-port", "0")
    try:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if found := SERVING.match(line):
                yield psutil.Process(process.pid), found[1], found[2]
                return
        raise AssertionError("".join(said))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=START_SECONDS)


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


def requests(home: Home) -> dict[str, Request]:
    """What an intruder asks for over HTTP."""
    plain = {**of_the_emulators(home.settings), **of_the_prediction_service(home.http), **of_kubeflow(home.kubeflow)}
    token = {"Authorization": "Bearer ya29.local.e30.00"}
    return plain | {f"{name}, forged": (method, url, headers | token, body) for name, (method, url, headers, body) in plain.items()}


def of_the_prediction_service(at: str) -> dict[str, Request]:
    paths = ("/", "/docs", "/openapi.json", "/metrics", "/v1/models/churn", "/v1/models/churn/metadata", "/v2", "/v2/models/churn", "/no")
    asked = ("/v1/models/churn:predict", "/v1/models/churn/versions/1:predict", "/v1/models/churn:regress", "/v2/models/churn/infer")
    return {f"serve {path}": ("GET", at + path, {}, "") for path in paths} | {
        f"serve {path}": ("POST", at + path, JSON, '{"instances": []}') for path in asked
    }


def of_kubeflow(at: str) -> dict[str, Request]:
    paths = {(method, API + re.sub(r"\(.*?\)", "x", pattern)) for method, pattern, _ in ROUTES}
    paths |= {("GET", "/apis/v1alpha1/runs/x/nodes/x/log"), ("POST", f"{API}/pipelines/upload"), ("GET", "/")}
    return {f"kubeflow {method} {path}": (method, at + path, JSON, "{}" if method == "POST" else "") for method, path in paths}


def of_the_emulators(settings: Settings) -> dict[str, Request]:
    at = addresses(settings)
    sql = f"{at['cloud_sql']}/sql/v1beta4/projects/perennial-test/instances/registry"
    return {
        "list datasets": ("GET", f"{at['bigquery']}/bigquery/v2/projects/perennial-test/datasets", {}, ""),
        "run a query": ("POST", f"{at['bigquery']}/bigquery/v2/projects/perennial-test/queries", JSON, '{"query": "SELECT 1"}'),
        "upload a load": (
            "POST",
            f"{at['bigquery']}/upload/bigquery/v2/projects/perennial-test/jobs?uploadType=multipart",
            JSON,
            "{}",
        ),
        "insert rows": ("POST", f"{at['bigquery']}/bigquery/v2/projects/p/datasets/d/tables/t/insertAll", JSON, "{}"),
        "bigquery's root": ("GET", f"{at['bigquery']}/", {}, ""),
        "list buckets": ("GET", f"{at['cloud_storage']}/storage/v1/b?project=p", {}, ""),
        "make a bucket": ("POST", f"{at['cloud_storage']}/storage/v1/b?project=p", JSON, '{"name": "mine"}'),
        "list objects": ("GET", f"{at['cloud_storage']}/private", {}, ""),
        "write an object": ("PUT", f"{at['cloud_storage']}/private/a", {}, "a"),
        "upload an object": ("POST", f"{at['cloud_storage']}/upload/storage/v1/b/private/o?uploadType=media&name=a", {}, "a"),
        "a batch": ("POST", f"{at['cloud_storage']}/batch/storage/v1", {"Content-Type": "multipart/mixed; boundary=b"}, "--b--"),
        "run lifecycle rules": ("POST", f"{at['cloud_storage']}/_emulator/lifecycle", {}, ""),
        "list users": ("GET", f"{sql}/users", {}, ""),
        "make a user": ("POST", f"{sql}/users", JSON, '{"name": "mallory", "password": "x"}'),
        "a certificate": ("POST", f"{sql}:generateEphemeralCert", JSON, "{}"),
    }


def is_alive(process: psutil.Process) -> bool:
    """Whether a process runs. One that has ended and is still in the table has no memory that anybody could read."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize("uid", [NOBODY, PERSON])
def test_another_user_gets_nothing(home: Home, uid: int) -> None:
    instance = next(address for address in listening(home) if address.endswith(":3307"))
    processes = home.processes
    asked = {
        "paths": [str(path) for path in home.paths],
        "processes": [process.pid for process in processes],
        "requests": list(requests(home).values()),
        "tls": [(instance.rpartition(":")[0], 3307)],
        "grpc": [(str(home.settings.bigquery_storage_endpoint), READ), *((home.grpc, method) for method in PREDICTION)],
        "sockets": [str(path) for path in home.paths if path.is_socket()],
    }
    command = [sys.executable, str(INTRUDER), str(uid)]
    answer = subprocess.run(command, input=json.dumps(asked), check=True, capture_output=True, text=True, start_new_session=True)
    got = json.loads(answer.stdout)

    assert got["uid"] == uid
    assert {path: how for path, how in got["paths"].items() if how != "closed"} == {}
    living = {str(process.pid) for process in processes if is_alive(process)}  # a worker of PostgreSQL may have left its number to anybody
    assert {process: how for process, how in got["processes"].items() if how != "closed" and process in living} == {}
    assert dict(zip(requests(home), got["requests"], strict=True)) == dict.fromkeys(requests(home), 401)
    assert list(got["tls"].values()) == ["refused"]
    assert set(got["grpc"].values()) == {"UNAUTHENTICATED"}
    assert {Path(path).name for path in got["sockets"]} >= {".s.PGSQL.5432", Warmth.LIGHT}
    assert set(got["sockets"].values()) == {"closed"}


def listening(home: Home) -> set[str]:
    found = []
    for process in home.processes:
        with suppress(psutil.NoSuchProcess):  # PostgreSQL's workers come and go
            found += process.net_connections("inet")
    return {f"{one.laddr.ip.removeprefix('::ffff:')}:{one.laddr.port}" for one in found if one.status == psutil.CONN_LISTEN}


def test_nothing_else_listens_and_nothing_beyond_this_machine(home: Home) -> None:
    known = {address.removeprefix("http://") for address in (*addresses(home.settings).values(), home.http)}
    known |= {str(home.settings.bigquery_storage_endpoint), home.grpc}
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
