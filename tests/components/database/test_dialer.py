"""Opening a connection when the API, the address or the server fails: what passes is not noticed, what stays ends in time."""

import asyncio
import gc
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from components.database import dialect
from components.database.dialer import ATTEMPTS, Line
from components.errors import AccessError
from components.settings import Settings
from tests.components.database.connecting import NO_ANSWER, PREFIX, SLACK_SECONDS, TIMEOUT_SECONDS, frozen, refusal, value
from tests.infra.emulators.cloud_sql_process import CloudSqlProcess

CHILD = """
import sys, time
from pathlib import Path
import sqlalchemy as sa
from components.errors import AccessError
from components.database.engine import make_engine
from components.settings import Settings

engine = make_engine(Settings.model_validate_json(Path(sys.argv[1]).read_text()))
try:
    with engine.connect() as connection:
        said = connection.execute(sa.text("select 1")).scalar()
except AccessError as error:
    said = "no answer" if "no answer" in str(error) else error
print(said, time.time(), sep=";")
"""


def test_an_api_that_is_down_for_a_moment_is_not_noticed(open_engine: Callable[..., sa.Engine], cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.control("PUT", "/faults", [{"path": "connectSettings", "status": 503, "count": 1}])
    assert value(open_engine(cloud_sql.settings(connect_timeout_seconds=10))) == 1


def test_too_many_requests_are_tried_again(open_engine: Callable[..., sa.Engine], cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.control("PUT", "/faults", [{"path": "generateEphemeralCert", "status": 429, "count": 1}])
    assert value(open_engine(cloud_sql.settings(connect_timeout_seconds=60))) == 1


def test_requests_that_are_refused_again_and_again_give_one_sentence(hasty_engine: sa.Engine, cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.control("PUT", "/faults", [{"path": "generateEphemeralCert", "status": 429, "count": 99}])
    assert refusal(hasty_engine, within_seconds=TIMEOUT_SECONDS) == f"{PREFIX}its API answers 429 injected fault; try again later"
    assert sum("Ephemeral" in call for call in cloud_sql.control("GET", "/calls")) == ATTEMPTS


def test_an_api_that_is_down_for_long_gives_one_sentence_in_time(hasty_engine: sa.Engine, cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.control("PUT", "/faults", [{"path": "connectSettings", "status": 503, "count": 99}])
    assert refusal(hasty_engine, within_seconds=TIMEOUT_SECONDS) == NO_ANSWER


def test_an_api_that_never_answers_gives_one_sentence_in_time(hasty_engine: sa.Engine, cloud_sql: CloudSqlProcess) -> None:
    cloud_sql.control("PUT", "/faults", [{"path": "connectSettings", "delay_seconds": 20}])
    assert refusal(hasty_engine, within_seconds=TIMEOUT_SECONDS) == NO_ANSWER
    assert value(hasty_engine) == 1


def test_a_rotated_server_authority_is_not_noticed(hasty_engine: sa.Engine, cloud_sql: CloudSqlProcess) -> None:
    assert value(hasty_engine) == 1
    hasty_engine.dispose()
    cloud_sql.control("POST", "/rotate-server-authority")
    assert value(hasty_engine) == 1


def test_an_address_that_takes_connections_and_stays_silent_gives_one_sentence_in_time(
    hasty_engine: sa.Engine, cloud_sql: CloudSqlProcess
) -> None:
    assert value(hasty_engine) == 1  # so that the connector asks its API no more
    hasty_engine.dispose()
    assert cloud_sql.process is not None
    cloud_sql.process.send_signal(signal.SIGSTOP)
    try:
        assert refusal(hasty_engine, within_seconds=TIMEOUT_SECONDS) == NO_ANSWER
    finally:
        cloud_sql.process.send_signal(signal.SIGCONT)
    assert value(hasty_engine) == 1


@pytest.mark.parametrize("act", [lambda connection: connection.execute(sa.text("select 1")), sa.Connection.commit], ids=["read", "commit"])
def test_a_frozen_server_gives_one_sentence_in_time(
    hasty_engine: sa.Engine,
    open_engine: Callable[..., sa.Engine],
    hasty: Settings,
    cloud_sql: CloudSqlProcess,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[sa.Connection], object],
) -> None:
    monkeypatch.setattr(dialect, "ANSWER_SECONDS", TIMEOUT_SECONDS)
    fresh = open_engine(hasty)
    with hasty_engine.connect() as connection:
        connection.execute(sa.text("select 1"))
        with frozen(cloud_sql):
            start = time.monotonic()
            with pytest.raises(AccessError, match=r"the connection was lost \(.*timed out\); run `perennial up`"):
                act(connection)
            assert time.monotonic() - start < TIMEOUT_SECONDS + SLACK_SECONDS
            assert refusal(fresh, within_seconds=TIMEOUT_SECONDS) == NO_ANSWER
    assert (value(hasty_engine), value(fresh)) == (1, 1)


def test_a_process_ends_at_once_and_silently(hasty: Settings, tmp_path: Path) -> None:
    assert run_child(hasty, tmp_path) == "1"


def test_a_process_ends_at_once_and_silently_even_if_the_server_is_frozen(
    hasty: Settings, cloud_sql: CloudSqlProcess, tmp_path: Path
) -> None:
    with frozen(cloud_sql):
        assert run_child(hasty, tmp_path) == "no answer"


def run_child(settings: Settings, folder: Path) -> str:
    """What a process says that connects, and how soon it ends."""
    (folder / "settings.json").write_text(settings.model_dump_json(exclude_none=True))
    command = [sys.executable, "-c", CHILD, str(folder / "settings.json")]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert output.stderr == ""
    said, ended = output.stdout.split(";")
    assert time.time() - float(ended) < SLACK_SECONDS
    return said


def test_what_is_lost_after_a_line_was_given_up_is_shown_to_nobody(cloud_sql: CloudSqlProcess, caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ConnectionError("nobody waits for this")

    async def lose() -> None:
        task = asyncio.ensure_future(fail())
        await asyncio.sleep(0.01)
        del task
        gc.collect()

    line = Line.open(cloud_sql.settings())
    asyncio.run_coroutine_threadsafe(lose(), line.loop).result(10)
    line.close().result(10)
    assert [record.getMessage() for record in caplog.records if record.levelname != "DEBUG"] == []
