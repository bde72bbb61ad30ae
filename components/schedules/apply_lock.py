"""One process at a time that puts the schedules right, wherever it runs: an advisory lock of the registry's database."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from components.database.statements import execute
from components.errors import ConflictError

LOCK = 727_302
"""The number of the lock: any that no other program on the database uses."""


@contextmanager
def only_apply(engine: sa.Engine) -> Iterator[None]:
    """Hold the lock as long as the block lasts. It goes with the connection, however this process ends.

    Raises:
        ConflictError: another process has it.
    """
    with engine.connect() as connection:
        if not execute(connection, "claims.lock", number=LOCK).scalar():
            raise ConflictError("another `perennial apply` is at work: wait until it has ended, then run it again")
        try:
            yield
        finally:
            connection.invalidate()
