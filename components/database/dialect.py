"""SQLAlchemy's dialect of pg8000, for a server that may stop, freeze or vanish between two statements."""

import contextlib
from typing import Any

import pg8000
from sqlalchemy.dialects.postgresql.pg8000 import PGDialect_pg8000

from components.database.dialer import READ_SECONDS
from components.database.errors import is_broken_off

PING_SECONDS = 3


class Dialect(PGDialect_pg8000):
    """It differs in what it takes for a lost connection, and in how it parts with one."""

    supports_statement_cache = True

    def is_disconnect(self, e: Exception, connection: object, cursor: object) -> bool:
        """Whether the connection is lost. SQLAlchemy's own knows not all that a server says when it stops."""
        return is_broken_off(e)

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Whether the connection is alive. SQLAlchemy's own waits as long as for a statement."""
        try:
            dbapi_connection._usock.settimeout(PING_SECONDS)
            dbapi_connection.autocommit = True  # or the query would begin a transaction
            super().do_ping(dbapi_connection)
            dbapi_connection.autocommit = False
            dbapi_connection._usock.settimeout(READ_SECONDS)
        except (OSError, pg8000.Error):
            return False
        return True

    def do_close(self, dbapi_connection: Any) -> None:
        """Close the connection. On a lost one pg8000 cannot say goodbye, and would complain twice."""
        stream = dbapi_connection._sock
        with contextlib.suppress(OSError, pg8000.Error):
            dbapi_connection.close()
        with contextlib.suppress(OSError):
            stream.close()
