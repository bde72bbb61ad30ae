"""`perennial up | down | status` with real processes."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

from components import google
from components.errors import EmulatorError
from components.settings import ENDPOINTS_FILE, Settings
from pipelines.local import addresses, emulators
from pipelines.local.emulators import EmulatorState
from pipelines.local.services import prepare
from tests.waiting import wait_until

pytestmark = pytest.mark.services

PARTS = ["cloud_sql", "cloud_storage", "bigquery"]


def settings_of(folder: Path, **changes: str) -> Settings:
    endpoints = folder / ENDPOINTS_FILE
    return Settings(
        _env_file=endpoints if endpoints.exists() else None,
        project="perennial-test",
        bucket="perennial-test-models",
        cloudsql_instance="perennial-test:europe-west1:registry",
        cloudsql_ip_type="PUBLIC",
        database_user="trainer@perennial-test.iam",
        state_folder=folder,
        **changes,  # type: ignore[arg-type]
    )


def up(folder: Path) -> list[str]:
    """Start the emulators. Gives what was told meanwhile."""
    told: list[str] = []
    emulators.start(settings_of(folder), told.append)
    return told


def down(folder: Path) -> list[str]:
    told: list[str] = []
    emulators.stop(folder, told.append)
    return told


def pids(folder: Path) -> dict[str, int | None]:
    return {part.name: part.pid for part in emulators.status(folder)}


def kill(folder: Path, name: str) -> None:
    pid = pids(folder)[name]
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pids(folder)[name] is None, f"{name} lives on")


@pytest.fixture(scope="module")
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder with a space in its name, whose emulators are stopped in the end."""
    folder = tmp_path_factory.mktemp("state folder")
    yield folder
    down(folder)


def test_up_when_up_says_so_at_once(state_folder: Path) -> None:
    up(state_folder)
    before = pids(state_folder)

    begin = time.monotonic()
    told = up(state_folder)

    assert time.monotonic() - begin < 0.5
    assert told[-1] == "the emulators are up already"
    assert pids(state_folder) == before


def test_status_tells_state_address_pid_log_and_since(state_folder: Path) -> None:
    up(state_folder)

    found = emulators.status(state_folder)

    assert [(part.name, part.state) for part in found] == [(name, EmulatorState.UP) for name in PARTS]
    for part in found:
        assert part.address.startswith("http://127.0.0.1:")
        assert part.pid is not None
        os.kill(part.pid, 0)
        assert part.since is not None
        assert part.log == state_folder / "emulators" / "logs" / f"{part.name}.log"
        assert part.log.exists()


def test_everything_is_down_where_nothing_was_started(tmp_path: Path) -> None:
    assert [(part.state, part.address, part.pid) for part in emulators.status(tmp_path)] == [(EmulatorState.DOWN, "", None)] * 3
    assert down(tmp_path) == ["no emulators were ever started here"]


def test_down_stops_all_and_up_finds_addresses_and_state_again(state_folder: Path) -> None:
    up(state_folder)
    settings = settings_of(state_folder)
    with google.storage_client(settings) as storage, google.bigquery_client(settings) as warehouse:
        storage.create_bucket("kept").blob("a").upload_from_string("kept")
        warehouse.query_and_wait("CREATE SCHEMA kept")
        warehouse.query_and_wait("CREATE TABLE kept.numbers AS SELECT 42 AS number")
    before = [part.address for part in emulators.status(state_folder)]

    assert down(state_folder) == [f"{name}: stopped" for name in PARTS]
    assert [part.state for part in emulators.status(state_folder)] == [EmulatorState.DOWN] * 3
    assert down(state_folder) == ["the emulators are down already"]
    up(state_folder)

    assert [part.address for part in emulators.status(state_folder)] == before
    with google.storage_client(settings) as storage, google.bigquery_client(settings) as warehouse:
        assert storage.bucket("kept").blob("a").download_as_bytes() == b"kept"
        assert [row.number for row in warehouse.query_and_wait("SELECT number FROM kept.numbers")] == [42]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.1 is the only loopback address")
def test_all_listen_where_they_are_told_and_nowhere_else_and_every_client_finds_them_there(state_folder: Path) -> None:
    down(state_folder)
    told: list[str] = []
    emulators.start(settings_of(state_folder), told.append, host="127.0.0.2")
    settings = settings_of(state_folder)

    assert settings.cloudsql_endpoint is not None
    assert settings.cloudsql_endpoint.startswith("http://127.0.0.2:")
    assert settings.storage_endpoint is not None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(settings.storage_endpoint.rpartition(":")[2])))
    prepare(settings)
    with google.bigquery_client(settings) as warehouse, google.storage_client(settings) as storage:
        assert [row.n for row in warehouse.query_and_wait("SELECT 1 AS n")] == [1]
        assert storage.bucket(settings.bucket).exists()

    up(state_folder)

    assert [part.address.startswith("http://127.0.0.1:") for part in emulators.status(state_folder)] == [True] * 3


def test_bigquery_reads_and_writes_cloud_storage_with_its_own_token(state_folder: Path) -> None:
    up(state_folder)
    settings = settings_of(state_folder)
    with google.storage_client(settings) as storage, google.bigquery_client(settings) as warehouse:
        bucket = storage.create_bucket("exchange")
        bucket.blob("in/a.csv").upload_from_string("number\n41\n42\n")
        warehouse.create_dataset("exchange", exists_ok=True)
        config = bigquery.LoadJobConfig(autodetect=True, source_format="CSV", skip_leading_rows=1)
        warehouse.load_table_from_uri("gs://exchange/in/*.csv", "exchange.numbers", job_config=config).result()
        warehouse.extract_table("exchange.numbers", "gs://exchange/out/a.csv").result()

        assert bucket.blob("out/a.csv").download_as_text().split() == ["number", "41", "42"]


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_was_killed_is_started_again_alone(state_folder: Path, name: str) -> None:
    up(state_folder)
    before = pids(state_folder)
    kill(state_folder, name)

    told = up(state_folder)

    after = pids(state_folder)
    assert [line for line in told if line.endswith("starting")] == [f"{name}: starting"]
    assert after[name] not in (None, before[name])
    assert {part: after[part] for part in PARTS if part != name} == {part: before[part] for part in PARTS if part != name}


def test_a_part_that_ends_just_after_it_was_found_is_started_again(state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    up(state_folder)
    before = pids(state_folder)
    choose = addresses.choose

    def choose_after_a_death(*arguments: Any, **named: Any) -> addresses.Addresses:
        kill(state_folder, "cloud_storage")
        return choose(*arguments, **named)

    monkeypatch.setattr(addresses, "choose", choose_after_a_death)
    told = up(state_folder)

    after = pids(state_folder)
    assert [line for line in told if line.endswith("starting")] == ["cloud_storage: starting"]
    assert after["cloud_storage"] not in (None, before["cloud_storage"])
    assert settings_of(state_folder).storage_endpoint in {part.address for part in emulators.status(state_folder)}


def test_a_kept_port_that_somebody_took_is_changed_everywhere(state_folder: Path) -> None:
    up(state_folder)
    old = settings_of(state_folder).storage_endpoint
    assert old is not None
    down(state_folder)

    with socket.create_server(("127.0.0.1", int(old.rpartition(":")[2]))):
        told = up(state_folder)
        new = settings_of(state_folder)

        assert told[0].startswith(f"cloud_storage: {old.removeprefix('http://')} was taken by another process")
        assert new.storage_endpoint != old
        with google.storage_client(new) as storage:
            assert list(storage.list_blobs(storage.create_bucket("after-the-move"))) == []


def test_a_part_whose_command_line_changed_is_started_again(state_folder: Path) -> None:
    up(state_folder)
    before = pids(state_folder)

    emulators.start(settings_of(state_folder, database="another"), lambda _: None)

    after = pids(state_folder)
    assert [name for name in PARTS if before[name] != after[name]] == ["cloud_sql"]


def test_two_callers_at_once_start_everything_once(tmp_path: Path) -> None:
    try:
        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(up, [tmp_path, tmp_path]))

        starting = sorted(line for lines in told for line in lines if line.endswith("starting"))
        assert starting == sorted(f"{name}: starting" for name in PARTS)
        assert sorted(lines[-1] == "the emulators are up already" for lines in told) == [False, True]
    finally:
        down(tmp_path)


def test_up_goes_on_where_a_killed_one_stopped(tmp_path: Path) -> None:
    code = """
import pickle, sys
from pipelines.local import emulators
emulators.start(pickle.load(sys.stdin.buffer), lambda line: print(line, flush=True))
"""
    command = [sys.executable, "-c", code]
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
            assert first.stdin is not None
            assert first.stdout is not None
            first.stdin.write(pickle.dumps(settings_of(tmp_path)))
            first.stdin.close()
            assert first.stdout.readline() == b"cloud_sql: starting\n"
            assert first.stdout.readline() == b"cloud_storage: starting\n"
            first.kill()
        begun = pids(tmp_path)

        told = up(tmp_path)

        assert "cloud_sql: starting" not in told
        assert pids(tmp_path)["cloud_sql"] == begun["cloud_sql"]
        assert [part.state for part in emulators.status(tmp_path)] == [EmulatorState.UP] * 3
    finally:
        down(tmp_path)


def test_a_part_that_will_not_start_is_named_and_none_is_left_running(tmp_path: Path) -> None:
    broken = tmp_path / "emulators" / "cloud_storage"
    broken.mkdir(parents=True)
    (broken / "metadata.db").write_text("this is no database " * 100)

    with pytest.raises(EmulatorError) as refusal:
        up(tmp_path)

    log = tmp_path / "emulators" / "logs" / "cloud_storage.log"
    reason = f"{broken} holds no state of this emulator (file is not a database): choose another folder, or move it away"
    assert str(refusal.value) == f"cloud_storage will not start: {reason} (log: {log})"
    assert [part.state for part in emulators.status(tmp_path)] == [EmulatorState.DOWN] * 3
    assert not (tmp_path / ENDPOINTS_FILE).exists()


def test_a_missing_environment_names_the_command_that_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulators, "PYTHON", tmp_path / "python")

    with pytest.raises(EmulatorError, match=r"the emulators' environment is missing .*: run `make setup`"):
        up(tmp_path)
