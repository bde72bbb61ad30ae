"""The registry's rows in a file, and back into another instance, by PostgreSQL's own programs through the connector."""

import os
import signal
import socket
import stat
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from components.database.backup import dump, find_program, load
from components.database.migration import migrate
from components.database.relay import SOCKET_NAME, relay
from components.errors import AccessError, RegistryError
from components.registry.evaluations import Evaluation, Metric, record_evaluation
from components.registry.history import list_versions, read_version
from components.registry.versions import NewVersion, register_version
from components.settings import Settings
from tests.infra.emulators.cloud_sql_process import CloudSqlProcess

TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'registry'::regnamespace AND relkind = 'r' ORDER BY 1"
CONTENT = "SELECT count(*), md5(string_agg(md5(row::text), '' ORDER BY md5(row::text))) FROM registry.{} AS row"
OUTLINE = """
SELECT 'trigger', tgrelid::regclass::text || ' ' || tgname || ' ' || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'constraint', conrelid::regclass::text || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
  WHERE connamespace = 'registry'::regnamespace
UNION ALL SELECT 'index', indexdef FROM pg_indexes WHERE schemaname = 'registry'
UNION ALL SELECT 'rights', relname || ' ' || pg_get_userbyid(relowner) || ' ' || coalesce(relacl::text, '') FROM pg_class
  WHERE relnamespace = 'registry'::regnamespace
ORDER BY 1, 2
"""


@pytest.fixture
def elsewhere(cloud_sql: CloudSqlProcess) -> Settings:
    """An empty database of another instance, for the one who may make tables there."""
    name = f"restored_{uuid4().hex[:8]}"
    cloud_sql.admin("POST", "/databases", {"name": name})
    return cloud_sql.settings(database=name)


@pytest.fixture
def as_reader(cloud: Settings, engine: sa.Engine) -> Settings:
    key = cloud.state_folder / "emulators" / "reader.json"
    return cloud.model_copy(update={"database_user": "console@perennial-test.iam", "credentials_file": key})


@pytest.fixture
def recorded(engine: sa.Engine, new_version: Callable[..., NewVersion]) -> str:
    """A model with a version, measured in numbers and words that are hard to keep."""
    with engine.begin() as connection:
        new = new_version(connection)
        number = register_version(connection, new)
        values = [float("nan"), float("-inf"), 0.1 + 0.2, 5e-324]
        metrics = [Metric(f"metric {value}", {"city": "Zürich\\,=\n😀"}, value, example_count=2**40) for value in values]
        record_evaluation(
            connection,
            Evaluation(
                model=new.model, version=number, run_id=new.run_id, snapshot_id=new.snapshot_id, config_sha256="a" * 64, metrics=metrics
            ),
        )
    return new.model


def content(engine: sa.Engine) -> dict[str, Any]:
    """Rows and checksum of each table."""
    with engine.connect() as connection:
        tables = connection.exec_driver_sql(TABLES).scalars().all()
        return {table: tuple(connection.exec_driver_sql(CONTENT.format(table)).one()) for table in tables}


def test_a_reader_dumps_what_an_owner_loads_elsewhere_and_every_row_is_the_same(
    engine: sa.Engine, as_reader: Settings, elsewhere: Settings, recorded: str, open_engine: Callable[..., sa.Engine], tmp_path: Path
) -> None:
    dumped = dump(as_reader, tmp_path / "registry.dump")
    assert stat.S_IMODE((tmp_path / "registry.dump").stat().st_mode) == 0o600
    assert load(elsewhere, tmp_path / "registry.dump") == dumped

    restored = open_engine(elsewhere)
    assert content(restored) == content(engine)
    with engine.connect() as here, restored.connect() as there:
        assert there.exec_driver_sql(OUTLINE).all() == here.exec_driver_sql(OUTLINE).all()
        assert [repr(version) for version in list_versions(there, recorded)] == [repr(version) for version in list_versions(here, recorded)]
        assert repr(read_version(there, recorded, 1)) == repr(read_version(here, recorded, 1))  # as texts, where NaN is NaN
        assert dumped.versions > 0


def test_versions_count_on_where_they_were(
    as_reader: Settings,
    elsewhere: Settings,
    recorded: str,
    new_version: Callable[..., NewVersion],
    open_engine: Callable[..., sa.Engine],
    tmp_path: Path,
) -> None:
    dump(as_reader, tmp_path / "registry.dump")
    load(elsewhere, tmp_path / "registry.dump")
    with open_engine(elsewhere).begin() as connection:
        assert register_version(connection, new_version(connection, model=recorded)) == 2


def test_a_registry_that_holds_rows_is_not_loaded_into(
    cloud: Settings, as_reader: Settings, recorded: str, engine: sa.Engine, tmp_path: Path
) -> None:
    dump(as_reader, tmp_path / "registry.dump")
    before = content(engine)
    with pytest.raises(RegistryError, match=r"^the registry is not empty: it has \d+ models, \d+ versions and \d+ runs; load into a new"):
        load(cloud, tmp_path / "registry.dump")
    assert content(engine) == before


def test_tables_that_nobody_has_written_to_give_way(
    as_reader: Settings, elsewhere: Settings, open_engine: Callable[..., sa.Engine], tmp_path: Path
) -> None:
    dumped = dump(as_reader, tmp_path / "registry.dump")
    migrate(open_engine(elsewhere))
    assert load(elsewhere, tmp_path / "registry.dump") == dumped


def test_a_file_that_is_damaged_loads_nothing_and_the_whole_one_does_afterwards(
    as_reader: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    whole, half = tmp_path / "registry.dump", tmp_path / "half.dump"
    dumped = dump(as_reader, whole)
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(RegistryError, match=r"^pg_restore failed: "):
        load(elsewhere, half)
    half.write_text("no dump")
    with pytest.raises(RegistryError, match=r"^pg_restore failed: .*input file"):
        load(elsewhere, half)
    assert load(elsewhere, whole) == dumped


def test_only_an_owner_loads(cloud: Settings, as_reader: Settings, engine: sa.Engine, tmp_path: Path) -> None:
    dump(as_reader, tmp_path / "registry.dump")
    with pytest.raises(AccessError, match="run GRANT registry_owner TO"):
        load(as_reader.model_copy(update={"owner_user": None}), tmp_path / "registry.dump")


def test_files_are_neither_overwritten_nor_guessed(as_reader: Settings, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("kept")
    with pytest.raises(RegistryError, match=r"/there exists: give a file that does not$"):
        dump(as_reader, tmp_path / "there")
    with pytest.raises(RegistryError, match=r"/nothing does not exist: give a file that `perennial database dump` wrote$"):
        load(as_reader, tmp_path / "nothing")
    assert (tmp_path / "there").read_text() == "kept"


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (None, r"^pg_dump is not in .*: install PostgreSQL's client, or name its folder in PERENNIAL_POSTGRES_PROGRAMS$"),
        ("echo 'pg_dump (PostgreSQL) 14.11'", r"/pg_dump is of PostgreSQL 14, and the instance of 18: install PostgreSQL 18's client"),
        ("echo 'something else'", r"/pg_dump says 'something else' of its version: it is not PostgreSQL's$"),
        ("exit 3", r"/pg_dump does not run \(.*exit status 3.*\): install PostgreSQL's client$"),
        (
            "[ $1 != --version ] || exec echo 'pg_dump (PostgreSQL) 18.1'; echo 'pg_dump: error: no room' >&2; exit 1",
            r"^pg_dump failed: no room$",
        ),
    ],
)
def test_a_program_that_is_missing_too_old_or_fails_gives_one_sentence(
    as_reader: Settings, tmp_path: Path, script: str | None, sentence: str
) -> None:
    if script:
        (tmp_path / "pg_dump").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "pg_dump").chmod(0o755)
    with pytest.raises(RegistryError, match=sentence):
        dump(as_reader.model_copy(update={"postgres_programs": tmp_path}), tmp_path / "registry.dump")
    assert [path.name for path in tmp_path.iterdir() if "dump" in path.name and path.name != "pg_dump"] == []


def psql(settings: Settings, folder: Path, query: str) -> subprocess.Popen[str]:
    command = [str(find_program(settings, "psql")), "--no-psqlrc", "-h", str(folder), "-U", settings.database_user, "-At", "-c", query]
    return subprocess.Popen([*command, settings.database], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_relay_lets_in_without_a_password_and_this_user_only(hasty: Settings) -> None:
    with relay(hasty) as way:
        assert stat.S_IMODE(way.folder.stat().st_mode) == 0o700
        output, complaints = psql(hasty, way.folder, "SELECT current_user, length(repeat('x', 10000000))").communicate(timeout=30)
        assert (output, complaints) == (f"{hasty.database_user}|10000000\n", "")
    assert not way.folder.exists()


def test_a_relay_that_nobody_uses_ends_at_once(hasty: Settings) -> None:
    start = time.monotonic()
    with relay(hasty):
        pass
    assert time.monotonic() - start < 5


def test_a_second_connection_such_as_one_to_cancel_the_first_is_refused_at_once(hasty: Settings) -> None:
    with relay(hasty) as way:
        first = psql(hasty, way.folder, "SELECT pg_sleep(2)")
        time.sleep(0.5)
        assert psql(hasty, way.folder, "SELECT 1").communicate(timeout=10)[1]
        assert first.communicate(timeout=30)[1] == ""


def test_a_program_that_is_killed_leaves_no_transaction_behind(hasty: Settings, open_engine: Callable[..., sa.Engine]) -> None:
    with pytest.raises(ZeroDivisionError) as kept, relay(hasty) as way:  # whoever keeps the error keeps the connection
        with socket.socket(socket.AF_UNIX) as program:
            program.connect(str(way.folder / SOCKET_NAME))
            program.sendall(struct.pack("!II", 9, 196_608) + b"\0")
            query = b"SELECT pg_advisory_lock(7)\0"
            program.sendall(b"Q" + struct.pack("!I", 4 + len(query)) + query)
            with program.makefile("rb") as answers:
                while b"SELECT 1" not in answers.read1():
                    pass
        _ = 1 / 0
    with open_engine(hasty).connect() as connection:
        connection.exec_driver_sql("SELECT pg_advisory_lock(7)")  # waits no longer than lock_timeout
    assert kept.value.__traceback__


def test_a_program_learns_that_the_server_has_gone(hasty: Settings, cloud_sql: CloudSqlProcess) -> None:
    with relay(hasty) as way:
        program = psql(hasty, way.folder, "SELECT pg_sleep(60)")
        time.sleep(0.5)
        os.kill(cloud_sql.postgres_pid(), signal.SIGQUIT)
        _, complaints = program.communicate(timeout=30)
    cloud_sql.admin("POST", "/restart")
    assert program.returncode != 0
    assert "connection" in complaints
