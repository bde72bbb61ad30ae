"""pg8000's connection with one round trip for a statement. Its own takes three, three more to commit, and one to begin a transaction."""

from datetime import date, datetime
from functools import lru_cache
from typing import Any

import pg8000.dbapi
from pg8000.converters import DATE, TIMESTAMPTZ, make_params
from pg8000.core import BIND, DESCRIBE, EXECUTE_MSG, NULL_BYTE, PARSE, STATEMENT, SYNC_MSG, Context, H_pack, i_pack
from pg8000.dbapi import convert_paramstyle

BEGIN = "begin transaction"
"""As pg8000's cursor says it, before the first statement of a transaction."""


class Cursor(pg8000.dbapi.Cursor):  # type: ignore[misc]
    """It reads a statement for its placeholders once; pg8000's own does each time, letter by letter."""

    _input_oids: tuple[int, ...]

    def execute(self, operation: str, args: Any = (), stream: Any = None) -> None:
        """Execute a statement."""
        if not args or stream is not None:
            super().execute(operation, args, stream)
            return
        if not self._c._in_transaction and not self._c.autocommit:
            self._c.execute_simple(BEGIN)
        self._context = self._c.execute_unnamed(numbered(operation), vals=args, oids=self._input_oids)
        self._row_iter = None if self._context.rows is None else iter(self._context.rows)
        self._input_oids = ()


@lru_cache(maxsize=500)
def numbered(operation: str) -> str:
    """The statement with $1, $2 … for each %s."""
    return str(convert_paramstyle("format", operation, ())[0])


class Connection(pg8000.dbapi.Connection):  # type: ignore[misc]
    """It sends all messages of a statement at once, after BEGIN if that is due, and then reads the answers."""

    _begins = False

    def read_times_quickly(self) -> None:
        """Parse times in C: reading fifty rows of them by pg8000's own way takes as long as fetching them. Ours fit in Python's years."""
        self.register_in_adapter(TIMESTAMPTZ, datetime.fromisoformat)
        self.register_in_adapter(DATE, date.fromisoformat)

    def cursor(self) -> "Cursor":
        """A new one."""
        return Cursor(self)

    def execute_simple(self, statement: str) -> Any:
        """A statement without parameters; BEGIN waits for the one that follows at once."""
        if statement == BEGIN:
            self._begins = True
            return Context(statement)
        return self._ask(Context(statement), self._message(b"Q", statement.encode() + NULL_BYTE))

    def execute_unnamed(self, statement: str, vals: Any = (), oids: Any = (), stream: Any = None) -> Any:
        """A statement with parameters."""
        if stream is not None:  # COPY, which we have no use for
            return super().execute_unnamed(statement, vals, oids, stream)
        values = [None if value is None else value.encode() for value in make_params(self.py_types, vals)]
        types = [i_pack(0 if oid == -1 else oid) for oid in oids]
        bound = [i_pack(-1) if value is None else i_pack(len(value)) + value for value in values]
        return self._ask(
            Context(statement),
            self._message(PARSE, NULL_BYTE + statement.encode() + NULL_BYTE + H_pack(len(types)) + b"".join(types)),
            self._message(DESCRIBE, STATEMENT + NULL_BYTE),
            self._message(BIND, NULL_BYTE + NULL_BYTE + H_pack(0) + H_pack(len(bound)) + b"".join(bound) + H_pack(0)),
            EXECUTE_MSG,
            SYNC_MSG,
        )

    def _ask(self, context: Any, *messages: bytes) -> Any:
        begins, self._begins = self._begins, False
        first = self._message(b"Q", BEGIN.encode() + NULL_BYTE) if begins else b""
        try:
            self._sock.write(first + b"".join(messages))
            self._sock.flush()
        except (AttributeError, ValueError) as error:  # it is closed, of which pg8000 keeps no other sign
            raise pg8000.InterfaceError("connection is closed") from error
        if begins:
            self.handle_messages(Context(BEGIN))
        self.handle_messages(context)
        return context

    @staticmethod
    def _message(code: bytes, body: bytes) -> bytes:
        return bytes(code + i_pack(4 + len(body)) + body)
