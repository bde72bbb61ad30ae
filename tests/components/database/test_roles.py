"""Who may do what: each of the three roles, logged in as its service account through the connector."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError

from components.database.errors import sqlstate
from components.database.migration import migrate
from components.database.roles import Role
from components.errors import AccessError
from components.registry.versions import NewVersion, register_version
from components.runs.record import Run, start_run
from components.settings import REPOSITORY, Settings
from tests.infra.emulators.cloud_sql_process import PASSWORD, SERVER, CloudSqlProcess

NO_RIGHT = "42501"
READER = "console@perennial-test.iam"
TABLES = "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'registry'::regnamespace AND relkind = 'r' ORDER BY 1"
OWNERS = """
SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'registry'
UNION SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'registry'::regnamespace
UNION SELECT pg_get_userbyid(typowner) FROM pg_type WHERE typnamespace = 'registry'::regnamespace
UNION SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE pronamespace = 'registry'::regnamespace
"""
COLUMNS = """
SELECT table_name, column_name FROM information_schema.column_privileges
WHERE table_schema = 'registry' AND grantee = 'registry_writer' AND privilege_type = 'UPDATE' ORDER BY 1, 2
"""

SAID = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'registry' AND table_name <> 'live_deployment' AND (
  is_identity = 'YES' OR column_name IN ('created_at', 'created_by', 'started_at', 'started_by', 'finished_at', 'next_version')
  OR (table_name, column_name) = ('model_version', 'version'))
"""


@pytest.fixture
def reading(cloud: Settings, engine: sa.Engine, open_engine: Callable[..., sa.Engine]) -> Iterator[sa.Connection]:
    """The reader's."""
    changes = {"database_user": READER, "credentials_file": cloud.state_folder / "emulators" / "reader.json"}
    with open_engine(cloud.model_copy(update=changes)).connect() as connection:
        yield connection


def refusal(connection: sa.Connection, statement: str) -> str:
    """The SQLSTATE with which PostgreSQL refuses a statement."""
    with pytest.raises(DBAPIError) as refused, connection.begin_nested():
        connection.exec_driver_sql(statement)
    assert refused.value.orig is not None
    return sqlstate(refused.value.orig)


def test_everything_belongs_to_the_owner_role(owning: sa.Connection) -> None:
    assert owning.exec_driver_sql(OWNERS).scalars().all() == [Role.OWNER]


def test_the_writer_updates_only_what_may_change(owning: sa.Connection) -> None:
    changing = [("pipeline_run", name) for name in ("error", "finished_at", "state")]
    assert [tuple(row) for row in owning.exec_driver_sql(COLUMNS)] == changing


def test_the_writer_cannot_get_round_the_history(connection: sa.Connection) -> None:
    tables = connection.exec_driver_sql(TABLES).scalars().all()
    assert len(tables) > 15
    for table in tables:
        for statement in (
            f"DELETE FROM registry.{table}",
            f"TRUNCATE registry.{table}",
            f"ALTER TABLE registry.{table} DISABLE TRIGGER ALL",
            f"DROP TABLE registry.{table} CASCADE",
        ):
            assert refusal(connection, statement) == NO_RIGHT, statement
    for statement in (
        "SET session_replication_role = replica",
        "SET ROLE registry_owner",
        "CREATE TABLE registry.own (n int)",
        "CREATE SCHEMA own",
        "CREATE OR REPLACE FUNCTION registry.forbid_change() RETURNS trigger LANGUAGE sql AS 'SELECT'",
        "UPDATE registry.alembic_version SET version_num = '0001'",
        "INSERT INTO registry.alembic_version VALUES ('0001')",
        "UPDATE registry.model SET name = 'other'",
        "UPDATE registry.pipeline_run SET reason = 'another'",
        "CREATE ROLE other",
    ):
        assert refusal(connection, statement) == NO_RIGHT, statement


def test_who_when_and_which_number_are_the_databases_to_say(connection: sa.Connection) -> None:
    said = [tuple(row) for row in connection.exec_driver_sql(SAID)]
    assert ("model_version", "version") in said
    assert ("model", "next_version") in said
    assert {name for _, name in said} >= {"created_at", "created_by", "started_at", "finished_at", "event_id", "model_version_id"}
    for table, column in said:
        statement = f"INSERT INTO registry.{table} ({column}) OVERRIDING SYSTEM VALUE SELECT {column} FROM registry.{table}"
        assert refusal(connection, statement) == NO_RIGHT, statement


def test_a_row_says_who_logged_in_and_when(connection: sa.Connection, new_run: Callable[..., Run], cloud: Settings) -> None:
    connection.exec_driver_sql("SET LOCAL ROLE registry_writer")
    run_id = new_run().run_id
    start_run(connection, new_run(run_id=run_id))
    row = connection.exec_driver_sql(f"SELECT started_by, started_at = now() FROM registry.pipeline_run WHERE run_id = '{run_id}'").one()

    assert tuple(row) == (cloud.database_user, True)
    forged = (
        "UPDATE registry.pipeline_run SET state = 'FAILED', finished_at = '2020-01-01' WHERE run_id = '{}' RETURNING finished_at = now()"
    )
    assert connection.exec_driver_sql(forged.format(run_id)).scalar() is True


def test_versions_are_counted_and_events_follow_each_other(connection: sa.Connection, new_version: Callable[..., NewVersion]) -> None:
    new = new_version(connection)
    assert [register_version(connection, one) for one in (new, new_version(connection))] == [1, 2]
    assert refusal(connection, "UPDATE registry.model SET next_version = next_version + 1") == NO_RIGHT
    event = (
        "INSERT INTO registry.deployment_event (model_id, target, seq, action, request_id, actor) "
        f"SELECT model_id, 'nowhere', {{}}, 'undeploy', '{new.run_id}', 'somebody' FROM registry.model WHERE name = '{new.model}'"
    )
    assert refusal(connection, event.format(2)) == "23001"
    connection.exec_driver_sql(event.format(1))


def test_a_row_names_no_path_that_leads_out_of_its_folder(connection: sa.Connection, new_version: Callable[..., NewVersion]) -> None:
    new = new_version(connection)
    register_version(connection, new)
    same = (
        "model_id, run_id, snapshot_id, code_sha256, training_sha256, framework, artifact_uri, manifest_sha256, "
        "examples_sha256, training_machine"
    )
    for path in ("../../x", "/etc/x", "a/../b", "a/./b", "..", ".", "", "a//b", "a/", "fine.txt"):
        manifest = json.dumps([{"path": "first"}, {"path": path}])
        statement = (
            f"INSERT INTO registry.model_version (variant, manifest, {same}) "
            f"SELECT 'other', '{manifest}', {same} FROM registry.model_version WHERE run_id = '{new.run_id}'"
        )
        if path == "fine.txt":
            connection.exec_driver_sql(statement)
        else:
            assert refusal(connection, statement) == "23514", path


def test_the_reader_reads_everything_and_changes_nothing(reading: sa.Connection) -> None:
    tables = reading.exec_driver_sql(TABLES).scalars().all()
    for table in tables:
        reading.exec_driver_sql(f"SELECT * FROM registry.{table} LIMIT 1").all()
        for statement in (f"INSERT INTO registry.{table} DEFAULT VALUES", f"DELETE FROM registry.{table}", f"TRUNCATE registry.{table}"):
            assert refusal(reading, statement) == NO_RIGHT, statement
    assert refusal(reading, "SELECT * FROM registry.model FOR UPDATE") == NO_RIGHT
    assert refusal(reading, "UPDATE registry.model SET next_version = next_version + 1") == NO_RIGHT


def test_a_reader_who_writes_is_told_which_grant_is_missing(reading: sa.Connection, new_run: Callable[..., Run]) -> None:
    with pytest.raises(AccessError) as refused:
        start_run(reading, new_run())
    assert str(refused.value) == (
        "the registry's database does not let this user runs.insert: permission denied for table pipeline_run; as an administrator of the "
        f'instance run GRANT registry_writer TO "{READER}" (docs/database.md)'
    )


def test_tables_of_later_migrations_are_granted_too(owning: sa.Connection) -> None:
    owning.exec_driver_sql("SET LOCAL ROLE registry_owner")
    owning.exec_driver_sql("CREATE TABLE registry.later (n int, created_at timestamptz)")
    rights = "SELECT has_table_privilege('{}', 'registry.later', '{}')"
    assert [owning.exec_driver_sql(rights.format(Role.WRITER, right)).scalar() for right in ("SELECT", "INSERT", "UPDATE")] == [1, 0, 0]
    assert [owning.exec_driver_sql(rights.format(Role.READER, right)).scalar() for right in ("SELECT", "INSERT")] == [1, 0]
    owning.exec_driver_sql("SELECT registry.let_writer_insert()")
    assert owning.exec_driver_sql("SELECT has_column_privilege('registry_writer', 'registry.later', 'n', 'INSERT')").scalar() is True
    assert (
        owning.exec_driver_sql("SELECT has_column_privilege('registry_writer', 'registry.later', 'created_at', 'INSERT')").scalar() is False
    )


def test_a_migration_by_somebody_else_is_told_which_grant_is_missing(engine: sa.Engine) -> None:
    with pytest.raises(AccessError, match=r'run GRANT registry_owner TO "trainer@perennial-test\.iam" \(docs/database\.md\)$'):
        migrate(engine)


def settings_of(cloud_sql: CloudSqlProcess, email: str) -> Settings:
    user = email.removesuffix(".gserviceaccount.com")
    return cloud_sql.settings(database_user=user, credentials_file=cloud_sql.key_file(email))


@pytest.fixture
def fresh_instance(tmp_path: Path) -> Iterator[CloudSqlProcess]:
    """An instance without roles."""
    with CloudSqlProcess(tmp_path).running() as process:
        process.set_password()
        yield process


def test_an_administrator_lets_everybody_in_as_documented(fresh_instance: CloudSqlProcess, open_engine: Callable[..., sa.Engine]) -> None:
    """On an instance where the service account may do nothing yet."""
    outsider = open_engine(settings_of(fresh_instance, SERVER))
    with pytest.raises(
        AccessError, match=r"lacks the registry's roles, and server@.* may not make them: run the statements of docs/database"
    ):
        migrate(outsider)

    documented = re.findall(r"```sql\n(.*?)```", (REPOSITORY / "docs" / "database.md").read_text(), re.DOTALL)[0]
    administrator = fresh_instance.settings(database_user="postgres", database_password=SecretStr(PASSWORD))
    with open_engine(administrator).begin() as connection:
        connection.exec_driver_sql(re.sub("(migrator|console)@", "server@", documented).replace("PROJECT", "perennial-test"))
    migrate(outsider)

    with outsider.connect() as connection:
        assert connection.exec_driver_sql(OWNERS).scalars().all() == [Role.OWNER]
