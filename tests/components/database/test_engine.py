"""The registry's engine against the real connector: what is lost comes back, and nobody waits for ever."""

import multiprocessing
import os
import re
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError

from components.database.dialect import PING_SECONDS
from components.errors import AccessError
from components.settings import Settings
from tests.components.database.connecting import NO_ANSWER, PREFIX, TIMEOUT_SECONDS, frozen, refusal, value
from tests.infra.emulators.cloud_sql_process import PASSWORD, TRAINER, CloudSqlProcess


def test_a_service_account_connects_without_a_password(hasty_engine: sa.Engine) -> None:
    assert value(hasty_engine, "select current_user") == TRAINER.removesuffix(".gserviceaccount.com")


def test_a_user_with_a_password_connects(open_engine: Callable[..., sa.Engine], hasty: Settings) -> None:
    changes = {"database_user": "postgres", "database_password": SecretStr(PASSWORD)}
    assert value(open_engine(hasty.model_copy(update=changes)), "select current_user") == "postgres"


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("statement_timeout", "1min"),
        ("lock_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "2min"),
        ("search_path", "registry"),
        ("application_name", "perennial"),
    ],
)
def test_the_server_ends_what_takes_too_long(hasty_engine: sa.Engine, setting: str, expected: str) -> None:
    assert value(hasty_engine, f"select current_setting('{setting}')") == expected


def test_what_postgresql_refuses_stays_an_error_of_sqlalchemy(hasty_engine: sa.Engine) -> None:
    with pytest.raises(DBAPIError, match='relation "nothing" does not exist'):
        value(hasty_engine, "select * from nothing")
    with hasty_engine.begin() as connection:
        connection.execute(sa.text("create temporary table once (n int primary key)"))
        connection.execute(sa.text("insert into once values (1)"))
        with pytest.raises(DBAPIError, match="duplicate key value violates unique constraint"), connection.begin_nested():
            connection.execute(sa.text("insert into once values (1)"))
        assert connection.execute(sa.text("select count(*) from once")).scalar() == 1


def test_a_statement_that_takes_too_long_is_ended_by_the_server(hasty_engine: sa.Engine) -> None:
    with hasty_engine.connect() as connection:
        connection.execute(sa.text("set local statement_timeout = '200ms'"))
        with pytest.raises(DBAPIError, match="canceling statement due to statement timeout"):
            connection.execute(sa.text("select pg_sleep(5)"))
    assert value(hasty_engine) == 1


def test_a_transaction_that_idles_too_long_loses_its_connection(hasty_engine: sa.Engine) -> None:
    with hasty_engine.connect() as connection:
        connection.execute(sa.text("set local idle_in_transaction_session_timeout = '50ms'"))
        time.sleep(0.3)
        with pytest.raises(AccessError, match="the connection was lost"):
            connection.execute(sa.text("select 1"))
    assert value(hasty_engine) == 1


def test_a_server_that_froze_while_its_connection_was_in_the_pool_gives_one_sentence_in_time(
    hasty_engine: sa.Engine, cloud_sql: CloudSqlProcess
) -> None:
    assert value(hasty_engine) == 1
    with frozen(cloud_sql):
        assert refusal(hasty_engine, within_seconds=PING_SECONDS + TIMEOUT_SECONDS) == NO_ANSWER
    assert value(hasty_engine) == 1


def test_connections_in_the_pool_are_opened_anew_when_the_server_has_restarted(
    hasty_engine: sa.Engine, cloud_sql: CloudSqlProcess, caplog: pytest.LogCaptureFixture
) -> None:
    backend = value(hasty_engine, "select pg_backend_pid()")
    cloud_sql.admin("POST", "/restart")
    assert value(hasty_engine, "select pg_backend_pid()") != backend
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_connection_lost_in_a_transaction_gives_one_sentence_and_the_next_works(
    hasty_engine: sa.Engine, cloud_sql: CloudSqlProcess, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(AccessError, match=rf"^{re.escape(PREFIX)}the connection was lost \(.*\); run `perennial up`$"):
        with hasty_engine.begin() as connection:
            connection.execute(sa.text("select 1"))
            cloud_sql.admin("POST", "/restart")
            connection.execute(sa.text("select 1"))
    assert value(hasty_engine) == 1
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_server_that_is_down_gives_one_sentence_in_time(hasty_engine: sa.Engine, cloud_sql: CloudSqlProcess) -> None:
    assert value(hasty_engine) == 1
    assert cloud_sql.process is not None
    cloud_sql.process.send_signal(signal.SIGSTOP)  # or it would bring its database back at once
    try:
        os.kill(cloud_sql.postgres_pid(), signal.SIGQUIT)
        said = refusal(hasty_engine, within_seconds=TIMEOUT_SECONDS)
    finally:
        cloud_sql.process.send_signal(signal.SIGCONT)
    cloud_sql.admin("POST", "/restart")
    assert said.startswith(PREFIX)
    assert said.endswith("; run `perennial up`")
    assert value(hasty_engine) == 1


# Threads and processes


def test_many_threads_share_a_small_pool(hasty_engine: sa.Engine) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: value(hasty_engine, f"select {number} from pg_sleep(0.01)"), range(60)))
    assert answers == list(range(60))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_connects_for_itself_and_leaves_the_parent_its_connections(hasty_engine: sa.Engine) -> None:
    backend = value(hasty_engine, "select pg_backend_pid()")
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=lambda: answers.put(value(hasty_engine, "select pg_backend_pid()")))
    child.start()
    assert answers.get(timeout=20) != backend
    child.join(20)
    assert child.exitcode == 0
    assert value(hasty_engine, "select pg_backend_pid()") == backend
