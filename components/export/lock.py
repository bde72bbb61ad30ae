"""One export to one place at a time: other services have no way to make a thing only if it is not there."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from components.database.statements import execute


@contextmanager
def only_exporter(connection: sa.Connection, place: str) -> Iterator[None]:
    """Hold a lock of the registry's database while exporting to `place`; the connection is of no use afterwards.

    Raises:
        AccessError: somebody else has been exporting there for too long, or the database cannot be reached.
    """
    execute(connection, "exports.lock", place=place)
    connection.commit()
    try:
        yield
    finally:
        connection.invalidate()  # the session's end gives back the lock, whatever happened to it meanwhile
