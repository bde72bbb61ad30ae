"""A deadline for each answer of the database: libpq waits for ever for a server that is gone without a word."""

import math
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import psycopg


class Deadlines:
    """Shuts down connections whose answer is overdue; one thread watches all of them.

    A statement costs two entries in a dictionary: the thread is woken only for a deadline that is earlier than the one it waits for.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[psycopg.Connection, float] = {}
        self._overdue: set[psycopg.Connection] = set()
        self._next = math.inf
        threading.Thread(target=self._watch, daemon=True, name="database-deadlines").start()

    @contextmanager
    def within(self, connection: psycopg.Connection, seconds: float) -> Iterator[None]:
        """Let the block use the connection for so long.

        Raises:
            TimeoutError: the block failed since its connection was shut down.
        """
        due = time.monotonic() + seconds
        with self._changed:
            self._due[connection] = due
            if due < self._next:
                self._changed.notify()
        try:
            yield
        except psycopg.Error as error:
            if connection in self._overdue:
                raise TimeoutError(f"no answer within {seconds:g} s: timed out") from error
            raise
        finally:
            with self._changed:
                self._due.pop(connection, None)
                self._overdue.discard(connection)

    def _watch(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for connection in [connection for connection, due in self._due.items() if due <= now]:
                    del self._due[connection]
                    self._overdue.add(connection)
                    _shut_down(connection)
                self._next = min(self._due.values(), default=math.inf)
                self._changed.wait(None if self._next == math.inf else self._next - now)


def _shut_down(connection: psycopg.Connection) -> None:
    """End both directions of the connection's socket, so that whoever waits for it learns that nothing will come."""
    try:
        with socket.socket(fileno=os.dup(connection.fileno())) as sock:
            sock.shutdown(socket.SHUT_RDWR)
    except (OSError, psycopg.Error):
        return  # it is closed already


@cache
def deadlines() -> Deadlines:
    """The deadlines of this process: a forked child does not have its parent's thread."""
    os.register_at_fork(after_in_child=deadlines.cache_clear)
    return Deadlines()
