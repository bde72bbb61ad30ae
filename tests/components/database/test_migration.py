"""The schema: how it comes to be, and that history cannot be rewritten."""

import subprocess
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from components.database import migration
from components.database.engine import make_engine
from components.database.errors import sqlstate
from components.database.migration import LOCK, migrate
from components.errors import AccessError, RegistryError
from components.evaluation.metric import Metric
from components.registry.history import list_versions
from components.registry.versions import NewVersion
from components.runs.record import RunState, finish_run
from components.settings import Settings
from tests.components.recorded import register

TABLES = """SELECT table_name FROM information_schema.tables
            WHERE table_schema = 'registry' AND table_type = 'BASE TABLE' AND table_name <> 'alembic_version'"""
MIGRATE = """
from components.database.engine import make_engine
from components.database.migration import migrate
migrate(make_engine(settings))
"""
REFUSED = "23001"  # restrict_violation


def test_three_migrators_at_once_make_one_schema(empty: Settings, child: Callable[..., subprocess.Popen[str]]) -> None:
    migrators = [child(MIGRATE, empty) for _ in range(3)]
    outputs = [migrator.communicate(timeout=60)[0] for migrator in migrators]
    assert [migrator.returncode for migrator in migrators] == [0, 0, 0], outputs
    engine = make_engine(empty)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM registry.alembic_version").scalars().all() == ["0014"]
        assert len(connection.exec_driver_sql(TABLES).scalars().all()) == 34
    engine.dispose()


def test_migrating_again_changes_nothing(owner_engine: sa.Engine) -> None:
    count = "SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = 'registry'"
    with owner_engine.connect() as connection:
        before = connection.exec_driver_sql(count).scalar()
    migrate(owner_engine)
    with owner_engine.connect() as connection:
        assert connection.exec_driver_sql(count).scalar() == before


def test_a_migrator_that_waits_too_long_says_so(owner_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "WAIT_SECONDS", 1)
    with owner_engine.connect() as other:
        other.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        with pytest.raises(AccessError, match=r"broke off migrate \(canceling statement due to lock timeout\): run the command again"):
            migrate(owner_engine)


def test_a_database_that_is_newer_than_the_code_is_left_alone(empty: Settings) -> None:
    engine = make_engine(empty)
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE registry.alembic_version SET version_num = '9999'")
    with pytest.raises(RegistryError, match=r"does not fit this version of Perennial .*9999.*: use a newer one"):
        migrate(engine)
    engine.dispose()


def test_a_database_without_tables_says_what_to_run(empty: Settings) -> None:
    engine = make_engine(empty)
    with engine.connect() as connection, pytest.raises(RegistryError, match=r"has no tables yet .*: run `perennial migrate`"):
        list_versions(connection, "churn")
    engine.dispose()


def test_history_can_be_neither_changed_nor_deleted(owning: sa.Connection, new_version: Callable[..., NewVersion]) -> None:
    register(owning, new_version(owning), metrics=[Metric("auc", {}, 0.7)])
    for statement in (
        "UPDATE registry.metric SET value = 1",
        "UPDATE registry.model_version SET artifact_uri = 'gs://elsewhere/' || manifest_sha256",
        "UPDATE registry.dataset_snapshot SET row_count = row_count + 1",
        "UPDATE registry.model SET next_version = 1",
        "UPDATE registry.model SET next_version = next_version + 2",
        "UPDATE registry.model SET name = 'other', next_version = next_version + 1",
        "UPDATE registry.pipeline_run SET git_commit = repeat('d', 40)",
        "DELETE FROM registry.pipeline_run",
        "DELETE FROM registry.model_version",
        "DELETE FROM registry.metric_name",
        "DELETE FROM registry.model",
    ):
        assert refusal(owning, statement) == REFUSED, statement


def test_no_table_can_be_truncated(owning: sa.Connection) -> None:
    for table in owning.exec_driver_sql(TABLES).scalars().all():
        assert refusal(owning, f"TRUNCATE registry.{table} CASCADE") == REFUSED, table


FOREIGN_KEYS = """
SELECT conrelid::regclass::text, conkey::int[] FROM pg_constraint WHERE contype = 'f' AND connamespace = 'registry'::regnamespace
"""
INDEXES = """
SELECT indrelid::regclass::text, string_to_array(indkey::text, ' ')::int[] FROM pg_index JOIN pg_class ON indrelid = pg_class.oid
WHERE relnamespace = 'registry'::regnamespace
"""


def test_every_reference_has_an_index(owning: sa.Connection) -> None:
    indexes = [(table, list(columns)) for table, columns in owning.exec_driver_sql(INDEXES)]
    references = owning.exec_driver_sql(FOREIGN_KEYS).all()
    assert len(references) > 20
    for table, columns in references:
        found = [index for indexed, index in indexes if indexed == table and set(index[: len(columns)]) == set(columns)]
        assert found, f"{table} has no index that begins with columns {columns}"


def test_every_table_refuses_changes_and_deletions(owning: sa.Connection) -> None:
    found = owning.exec_driver_sql("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgname ~ '^no_'").all()
    tables = owning.exec_driver_sql(TABLES).scalars().all()
    wanted = {(table, trigger) for table in tables for trigger in ("no_update", "no_delete", "no_truncate")}
    assert {(table.removeprefix("registry."), trigger) for table, trigger in found} == wanted


def test_a_run_ends_once_even_by_hand(owning: sa.Connection, new_version: Callable[..., NewVersion]) -> None:
    run_id = new_version(owning).run_id
    assert finish_run(owning, run_id, RunState.FAILED, "the label has one class") is RunState.FAILED
    again = f"UPDATE registry.pipeline_run SET state = 'RUNNING', finished_at = NULL WHERE run_id = '{run_id}'"
    assert refusal(owning, again) == REFUSED


def refusal(connection: sa.Connection, statement: str) -> str:
    """The SQLSTATE with which PostgreSQL refuses a statement."""
    with pytest.raises(DBAPIError) as refused, connection.begin_nested():
        connection.exec_driver_sql(statement)
    assert refused.value.orig is not None
    return sqlstate(refused.value.orig)
