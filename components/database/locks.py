"""One process at a time, wherever it runs: advisory locks of the registry's database."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from components.database.statements import execute


@contextmanager
def only_holder(engine: sa.Engine, subject: str) -> Iterator[bool]:
    """Whether this process is the one that holds a subject's lock, as long as the block lasts. Nobody waits for it.

    It is an advisory lock of PostgreSQL, which goes with the connection, however this process ends, and holds no transaction open. It
    only says who is alive: that nothing is done twice, the tables hold.
    """
    with engine.connect() as connection:
        got = bool(execute(connection, "locks.try", subject=subject).scalar())
        connection.commit()
        try:
            yield got
        except BaseException:
            connection.invalidate()
            raise
        if got:
            execute(connection, "locks.end", subject=subject)
            connection.commit()
