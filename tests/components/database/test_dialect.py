"""What the driver makes of values and of refused statements."""

import datetime as dt
import math

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

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
