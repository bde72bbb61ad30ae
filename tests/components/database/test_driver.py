"""One round trip for a statement: what the database answers is what pg8000's own way gives."""

import datetime as dt
import math
from collections.abc import Callable

import pg8000
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from components.settings import Settings
from tests.infra.emulators.cloud_sql_process import CloudSqlProcess

TIMES = [
    dt.date(1998, 6, 30),
    dt.datetime(2026, 11, 25, 2, 17, 0, tzinfo=dt.UTC),
    dt.datetime(2026, 11, 25, 2, 17, 0, 120_300, tzinfo=dt.UTC),
    dt.datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=dt.timezone(dt.timedelta(hours=-5, minutes=-30))),
]
VALUES = [None, True, 0, 2**40, 0.1, math.inf, "", "'; %s $1 :x \\ 😀", [1, 2], ["a", None], {"a": [1, None]}, *TIMES]
TYPES = ["text", "bool", "int4", "int8", "float8", "float8", "text", "text", "int4[]", "text[]", "jsonb", "date", *["timestamptz"] * 3]


@pytest.mark.parametrize(("value", "kind"), list(zip(VALUES, TYPES, strict=True)))
def test_values_come_back_as_they_were(connection: sa.Connection, value: object, kind: str) -> None:
    given = value if not isinstance(value, dict) else '{"a": [1, null]}'
    assert connection.execute(sa.text(f"SELECT CAST(:value AS {kind})"), {"value": given}).scalar() == value


def trips(connection: sa.Connection, act: Callable[[], object]) -> int:
    """How often the driver waits for an answer meanwhile."""
    driver = connection.connection.dbapi_connection
    assert driver is not None
    flushed: list[None] = []
    stream, driver._sock = driver._sock, Flushes(driver._sock, flushed)
    act()
    driver._sock = stream
    return len(flushed)


class Flushes:
    """A stream that counts."""

    def __init__(self, stream: object, flushed: list[None]) -> None:
        self._stream, self._flushed = stream, flushed

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def flush(self) -> None:
        self._flushed.append(None)
        self._stream.flush()  # type: ignore[attr-defined]


def test_a_transaction_takes_one_round_trip_for_a_statement_and_one_for_its_end(engine: sa.Engine) -> None:
    with engine.connect() as connection:

        def act() -> None:
            connection.execute(sa.text("SELECT CAST(:one AS int)"), {"one": 1})
            connection.execute(sa.text("SELECT 2"))
            connection.commit()
            connection.execute(sa.text("SELECT CAST(:one AS int)"), {"one": 1})
            connection.rollback()

        assert trips(connection, act) == 5


def test_a_statement_that_is_refused_leaves_the_connection_whole(connection: sa.Connection) -> None:
    for sql, value in (("SELECT 1 / CAST(:value AS int)", 0), ("SELECT CAST(:value AS int)", "x"), ("SELEC :value", 1)):
        with pytest.raises(DBAPIError), connection.begin_nested():
            connection.execute(sa.text(sql), {"value": value})
        assert connection.execute(sa.text("SELECT CAST(:value AS int)"), {"value": 7}).scalar() == 7


def test_what_is_not_committed_is_gone(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TEMPORARY TABLE kept (n int)"))
        connection.commit()
        connection.execute(sa.text("INSERT INTO kept VALUES (:n)"), {"n": 1})
        connection.rollback()
        connection.execute(sa.text("INSERT INTO kept VALUES (:n)"), {"n": 2})
        connection.commit()
        assert connection.execute(sa.text("SELECT n FROM kept")).scalars().all() == [2]
        assert connection.execute(sa.text("INSERT INTO kept VALUES (:n), (:m)"), {"n": 3, "m": 4}).rowcount == 2


def test_a_closed_connection_says_so(hasty: Settings, open_engine: Callable[..., sa.Engine], cloud_sql: CloudSqlProcess) -> None:
    with open_engine(hasty).connect() as connection:
        driver = connection.connection.dbapi_connection
        assert driver is not None
        driver.close()
        with pytest.raises(pg8000.InterfaceError, match="connection is closed"):
            driver.execute_unnamed("SELECT 1")
