"""The Cloud SQL emulator as a process: what lasts, what a crash leaves behind, what keeps it from starting."""

import json
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pg8000
import pytest
from google.cloud.sql.connector import Connector

from tests.infra.emulators.cloud_sql_process import TRAINER, CloudSqlProcess
from tests.waiting import wait_until

LOST = (OSError, pg8000.Error)
"""How the driver tells that a connection is lost; which one is chance."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudSqlProcess]:
    """An emulator for the tests that leave it whole."""
    with CloudSqlProcess(tmp_path_factory.mktemp("running")).running() as process:
        yield process


@pytest.fixture
def cloud_sql(tmp_path: Path) -> Iterator[CloudSqlProcess]:
    """An emulator that is not started yet."""
    process = CloudSqlProcess(tmp_path)
    yield process
    process.stop()


def connect(opened: Connector, cloud_sql: CloudSqlProcess) -> Any:
    return opened.connect(cloud_sql.connection_name, "pg8000", user=TRAINER, db="registry")


def query(cloud_sql: CloudSqlProcess, *statements: str) -> list[Any]:
    """The first values of the last statement's rows; all is committed."""
    with cloud_sql.connector(enable_iam_auth=True) as opened, connect(opened, cloud_sql) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
        connection.commit()
    return [row[0] for row in rows]


def hang_up(connection: Any) -> None:
    """Close a connection that is lost, without the farewell, which nobody would hear."""
    connection._sock.close()
    connection._usock.close()


def exit_sentence(process: subprocess.Popen[bytes], cloud_sql: CloudSqlProcess) -> str:
    """What a process that cannot start says, in one line."""
    assert process.wait(15) == 1
    (sentence,) = cloud_sql.output.splitlines()
    return sentence


def is_alive(pid: int) -> bool:
    """Whether a process runs: one that has ended may still be listed, until its parent asks."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True).stdout
    return state.strip()[:1] not in ("", "Z")


def wait_until_gone(pid: int) -> None:
    wait_until(lambda: not is_alive(pid), f"process {pid} lives on")


# What lasts


def test_data_users_keys_and_authorities_outlive_a_stop(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.start()
    query(cloud_sql, "create schema s", "create table s.t as select 1 as n")
    key, authority = cloud_sql.credentials_file.read_text(), cloud_sql.admin("GET", "/connectSettings")["serverCaCert"]["cert"]
    postgres = cloud_sql.postgres_pid()

    with cloud_sql.connector(enable_iam_auth=True) as opened:
        connect(opened, cloud_sql).close()
        cloud_sql.stop()
        wait_until_gone(postgres)
        cloud_sql.start()
        connect(opened, cloud_sql).close()  # with the certificate of before

    assert query(cloud_sql, "select n from s.t") == [1]
    assert cloud_sql.credentials_file.read_text() == key
    assert cloud_sql.admin("GET", "/connectSettings")["serverCaCert"]["cert"] == authority


def test_the_key_stays_when_the_port_moves(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.start()
    before = json.loads(cloud_sql.credentials_file.read_text())
    cloud_sql.stop()
    cloud_sql.port = CloudSqlProcess(cloud_sql.folder).port
    cloud_sql.start()
    after = json.loads(cloud_sql.credentials_file.read_text())
    assert after["token_uri"] == f"{cloud_sql.endpoint}/token" != before["token_uri"]
    assert after["private_key"] == before["private_key"]
    assert query(cloud_sql, "select 1") == [1]


def test_only_the_owner_may_read_what_is_secret(running: CloudSqlProcess) -> None:
    secrets = [running.credentials_file, running.folder / "token.key"]
    secrets += (running.folder / "data" / "authorities").iterdir()
    secrets += (running.folder / "data" / "service-accounts").iterdir()
    assert len(secrets) == 7
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert stat.S_IMODE((running.folder / "data").stat().st_mode) == 0o700


def test_a_second_instance_serves_beside_the_first_from_a_folder_that_is_private_and_deep(running: CloudSqlProcess, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir(mode=0o700)
    with CloudSqlProcess(tmp_path / "private" / ("long" * 30), "perennial-test:europe-west1:other").running() as other:
        query(running, "create schema s", "create table s.t as select 'one'")
        query(other, "create schema s", "create table s.t as select 'other'")
        assert query(running, "select * from s.t") == ["one"]
        assert query(other, "select * from s.t") == ["other"]
        owner = subprocess.run(["ps", "-o", "user=", "-p", str(other.postgres_pid())], check=True, capture_output=True, text=True).stdout
    assert owner.strip() != "root"  # PostgreSQL refuses to run as root, whoever started the emulator


# Crashes


def test_what_was_committed_outlives_the_killing_of_all_processes(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.start()
    query(cloud_sql, "create schema s", "create table s.t (n int)")
    with cloud_sql.connector(enable_iam_auth=True) as opened:
        connection = connect(opened, cloud_sql)
        cursor = connection.cursor()
        for number in range(50):
            cursor.execute("insert into s.t values (%s)", (number,))
            connection.commit()
        cursor.execute("insert into s.t values (-1)")
        postgres = cloud_sql.postgres_pid()
        cloud_sql.kill()
        os.kill(postgres, signal.SIGKILL)
        hang_up(connection)
    cloud_sql.start()
    assert query(cloud_sql, "select n from s.t order by n") == list(range(50))


def test_the_postgresql_that_a_killed_emulator_left_is_stopped(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.start()
    query(cloud_sql, "create schema s", "create table s.t as select 1")
    left = cloud_sql.postgres_pid()
    cloud_sql.kill()
    assert is_alive(left)
    cloud_sql.start()
    assert not is_alive(left)
    assert query(cloud_sql, "select * from s.t") == [1]


def test_a_process_that_got_the_number_of_a_postgresql_of_before_is_left_alone(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.start()
    lock = cloud_sql.folder / "data" / "postgres" / "postmaster.pid"
    content, postgres = lock.read_text(), cloud_sql.postgres_pid()
    cloud_sql.stop()
    with subprocess.Popen(["sleep", "60"]) as bystander:
        lock.write_text(content.replace(str(postgres), str(bystander.pid), 1))
        cloud_sql.start()
        assert bystander.poll() is None
        bystander.kill()


def test_an_emulator_killed_while_it_made_its_files_makes_them_anew(cloud_sql: CloudSqlProcess) -> None:
    process = cloud_sql.launch()
    while not list((cloud_sql.folder / "data").glob("postgres.*.new/pg_wal")):
        assert process.poll() is None, cloud_sql.output
    cloud_sql.kill()
    assert not cloud_sql.credentials_file.exists()
    cloud_sql.start()
    assert query(cloud_sql, "select 1") == [1]


def test_a_connection_is_lost_when_the_instance_restarts_and_the_next_one_works(running: CloudSqlProcess) -> None:
    with running.connector(enable_iam_auth=True) as opened:
        connection = connect(opened, running)
        assert running.admin("POST", "/restart")["status"] == "DONE"
        farewell = connection._usock.recv(1000)
        assert b"terminating connection due to administrator command" in farewell
        hang_up(connection)
        connect(opened, running).close()


def test_it_brings_a_killed_postgresql_back(running: CloudSqlProcess) -> None:
    killed = running.postgres_pid()
    os.kill(killed, signal.SIGQUIT)
    wait_until(lambda: running.postgres_pid_now() not in (None, killed) and running.health() == 200, "PostgreSQL stays away")
    assert query(running, "select 1") == [1]


# What keeps it from starting


def test_a_taken_port_of_the_api_is_named(cloud_sql: CloudSqlProcess) -> None:
    with socket.create_server(("127.0.0.1", cloud_sql.port)):
        sentence = exit_sentence(cloud_sql.launch(), cloud_sql)
    assert sentence == f"cloud_sql: port {cloud_sql.port} on 127.0.0.1 is taken: stop what listens there, or choose another one"


def test_a_taken_port_3307_is_named(cloud_sql: CloudSqlProcess) -> None:
    with socket.create_server((cloud_sql.address, 3307)):
        sentence = exit_sentence(cloud_sql.launch(), cloud_sql)
    assert sentence == f"cloud_sql: port 3307 on {cloud_sql.address} is taken: stop what listens there, or choose another one"


def test_an_address_of_another_machine_is_named(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.address = "203.0.113.1"
    sentence = exit_sentence(cloud_sql.launch(), cloud_sql)
    assert sentence.startswith("cloud_sql: port 3307 on 203.0.113.1 cannot be had (")
    assert sentence.endswith("): choose an address of this machine, such as 127.0.0.1")


def test_a_malformed_name_of_an_instance_is_named(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.connection_name = "registry"
    assert exit_sentence(cloud_sql.launch(), cloud_sql) == ("cloud_sql: instance 'registry' is not of the form PROJECT:REGION:INSTANCE")


def test_a_second_emulator_leaves_the_folder_to_the_first(running: CloudSqlProcess, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(running.folder / "data")
    second = CloudSqlProcess(tmp_path)
    sentence = exit_sentence(second.launch(), second)
    assert sentence == f"cloud_sql: another Cloud SQL emulator works in {tmp_path / 'data'}: stop that one first"
    assert running.health() == 200


def test_a_token_key_that_is_none_is_named(cloud_sql: CloudSqlProcess) -> None:
    key = cloud_sql.folder / "token.key"
    key.write_bytes(b"short")
    assert exit_sentence(cloud_sql.launch(), cloud_sql) == (
        f"cloud_sql: {key} is no token key: it holds 5 bytes instead of 32; delete it and restart all emulators"
    )


def test_files_of_postgresql_that_are_damaged_are_reported_with_its_own_words(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.start()
    cloud_sql.stop()
    (cloud_sql.folder / "data" / "postgres" / "global" / "pg_control").write_bytes(b"")
    cloud_sql.launch()
    assert cloud_sql.process is not None
    assert cloud_sql.process.wait(20) == 1
    last = cloud_sql.output.splitlines()[-1]
    assert last.startswith("cloud_sql: PostgreSQL does not start: ")
    assert last.endswith(f"see {cloud_sql.folder / 'data' / 'postgres.log'}")
