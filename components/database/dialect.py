"""SQLAlchemy's dialect of psycopg, for a server that may stop, freeze or vanish between two statements."""

from typing import Any

import psycopg
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from components.database.deadlines import deadlines
from components.database.dialer import STATEMENT_SECONDS

ANSWER_SECONDS = STATEMENT_SECONDS + 30
"""This is longer than the server's own limit, so that the server gives up first unless it is gone."""
PING_SECONDS = 3


class Dialect(PGDialect_psycopg):
    """Every answer has a deadline."""

    supports_statement_cache = True

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Execute a statement."""
        with deadlines().within(cursor.connection, ANSWER_SECONDS):
            cursor.execute(statement, parameters)

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Execute a statement once for each set of parameters."""
        with deadlines().within(cursor.connection, ANSWER_SECONDS):
            cursor.executemany(statement, parameters)

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:
        """Execute a statement as it is written."""
        with deadlines().within(cursor.connection, ANSWER_SECONDS):
            cursor.execute(statement)

    def do_commit(self, dbapi_connection: Any) -> None:
        """Commit the transaction."""
        with deadlines().within(dbapi_connection.driver_connection, ANSWER_SECONDS):
            dbapi_connection.commit()

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Roll the transaction back."""
        with deadlines().within(dbapi_connection.driver_connection, ANSWER_SECONDS):
            dbapi_connection.rollback()

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Whether the connection is alive."""
        try:
            with deadlines().within(dbapi_connection, PING_SECONDS):
                return bool(super().do_ping(dbapi_connection))  # type: ignore[no-untyped-call]
        except (OSError, psycopg.Error):
            return False
