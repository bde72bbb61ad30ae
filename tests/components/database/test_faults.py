"""What the registry's rows are like after the database, a migrator or a process went away in the middle."""

import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from components.database.engine import make_engine
from components.database.membership import make_members
from components.database.migration import migrate
from components.database.roles import Role
from components.errors import AccessError
from components.evaluation.metric import Metric
from components.registry.evaluations import record_evaluation
from components.registry.history import list_versions
from components.registry.versions import NewVersion, register_version
from components.runs.record import read_run
from components.settings import Settings
from tests.components.recorded import evaluation_of
from tests.infra.emulators.cloud_sql_process import CloudSqlProcess

KILLED_HALFWAY = """
from sqlalchemy import event
from components.database.engine import make_engine
from components.database.migration import migrate

engine = make_engine(settings)

@event.listens_for(engine, "after_cursor_execute")
def kill(connection, cursor, statement, *_):
    if "CREATE DOMAIN" in statement:
        os.kill(os.getpid(), signal.SIGKILL)

migrate(engine)
"""


@pytest.fixture(scope="module")
def registry(breakable: CloudSqlProcess) -> Iterator[sa.Engine]:
    """Of an instance that these tests break."""
    settings = breakable.settings(connect_timeout_seconds=10.0)
    engine = make_engine(settings)
    make_members(engine, {settings.database_user: Role.WRITER})
    migrate(engine)
    yield engine
    engine.dispose()


def restart(cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.admin("POST", "/restart")


def crash(cloud_sql: CloudSqlProcess) -> None:
    """All of PostgreSQL's processes end at once; nobody says goodbye."""
    os.kill(cloud_sql.postgres_pid(), signal.SIGQUIT)
    while cloud_sql.health() == 200:
        time.sleep(0.02)
    cloud_sql.admin("POST", "/restart")


@pytest.mark.parametrize("end", [restart, crash])
def test_a_database_that_ends_in_a_transaction_leaves_nothing_half_written_and_the_next_try_works(
    registry: sa.Engine, cloud_sql: CloudSqlProcess, new_version: Callable[..., NewVersion], end: Callable[[CloudSqlProcess], None]
) -> None:
    def write(connection: sa.Connection, new: NewVersion, *, then: Callable[[], None]) -> None:
        number = register_version(connection, new)
        then()
        record_evaluation(connection, evaluation_of(new, number, Metric("auc", {}, 0.7)))

    with registry.begin() as connection:
        new = new_version(connection)
    with pytest.raises(AccessError, match=r"the connection was lost \(.*\); run `perennial up`$"), registry.begin() as connection:
        write(connection, new, then=lambda: end(cloud_sql))
    with registry.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM registry.model WHERE name = :name"), {"name": new.model}).scalar() == 0
        assert read_run(connection, new.run_id).state == "RUNNING"

    with registry.begin() as connection:
        write(connection, new, then=lambda: None)
    with registry.connect() as connection:
        assert [(version.number, version.metrics) for version in list_versions(connection, new.model)] == [(1, {"auc": 0.7})]


def test_a_migrator_that_was_killed_halfway_is_followed_by_one_that_ends(
    empty: Settings,
    engine: sa.Engine,
    owner_engine: sa.Engine,
    child: Callable[..., subprocess.Popen[str]],
    open_engine: Callable[..., sa.Engine],
) -> None:
    killed = child(KILLED_HALFWAY, empty)
    output, _ = killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL, output
    database = open_engine(empty)
    with database.connect() as connection:
        assert connection.exec_driver_sql("SELECT to_regclass('registry.model')").scalar() is None
    migrate(database)
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'registry'::regnamespace ORDER BY 1"
    with database.connect() as here, owner_engine.connect() as whole:
        assert here.exec_driver_sql(tables).all() == whole.exec_driver_sql(tables).all()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_does_not_disturb_a_transaction_of_its_parent(registry: sa.Engine, new_version: Callable[..., NewVersion]) -> None:
    def look() -> None:
        with registry.begin() as connection:
            answers.put(connection.execute(sa.text("SELECT count(*) FROM registry.model WHERE name = :name"), {"name": new.model}).scalar())

    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    with registry.begin() as connection:
        new = new_version(connection)
        register_version(connection, new)
        forked = context.Process(target=look)
        forked.start()
        assert answers.get(timeout=20) == 0, "what is not committed nobody sees"
        forked.join(20)
        assert forked.exitcode == 0
    with registry.connect() as connection:
        assert [version.number for version in list_versions(connection, new.model)] == [1]
