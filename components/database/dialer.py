"""Open connections through the Cloud SQL connector, which with pg8000 keeps no deadline of its own (seen in 1.23)."""

import asyncio
import contextlib
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, ParamSpec, TypeVar

from google.cloud.sql.connector import Connector

from components import google
from components.database import driver
from components.database.errors import CONNECT_ERRORS, access_error, is_transient, no_answer
from components.settings import Settings

ATTEMPTS = 3
PAUSE_SECONDS = 0.2
CLOSE_SECONDS = 1.0
STATEMENT_SECONDS = 60
READ_SECONDS = STATEMENT_SECONDS + 30
"""The server gives up first, unless it is gone."""
SERVER_SETTINGS = {
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "120s",
    "search_path": "registry",
}
SOCKET_SETTINGS = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 60_000}
"""By name, since not every system has all of them. In seconds, a count, and milliseconds."""

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class DaemonThreads(ThreadPoolExecutor):
    """Each call in a daemon thread of its own: the interpreter waits for a pool's threads, even for one that is stuck for ever."""

    def submit(self, function: Callable[Arguments, Answer], /, *arguments: Arguments.args, **options: Arguments.kwargs) -> Future[Answer]:
        """Call `function` soon."""
        future: Future[Answer] = Future()
        future.set_running_or_notify_cancel()  # nobody can cancel it any more

        def call() -> None:
            try:
                future.set_result(function(*arguments, **options))
            except BaseException as error:  # it belongs to the one who waits, and is raised there
                future.set_exception(error)

        threading.Thread(target=call, daemon=True, name="cloud-sql-connect").start()
        return future


@dataclass(frozen=True)
class Line:
    """A connector and the event loop, in a thread of its own, on which it works."""

    loop: asyncio.AbstractEventLoop
    connector: Connector

    @classmethod
    def open(cls, settings: Settings) -> "Line":
        """A new one."""
        credentials = google.credentials(settings)
        loop = asyncio.new_event_loop()
        loop.set_default_executor(DaemonThreads())
        connector = Connector(
            loop=loop,
            credentials=credentials,
            ip_type=settings.cloudsql_ip_type,
            enable_iam_auth=settings.database_password is None,
            sqladmin_api_endpoint=settings.cloudsql_endpoint,
            refresh_strategy="lazy",
        )
        threading.Thread(target=_run, args=(loop,), daemon=True, name="cloud-sql-connector").start()
        return cls(loop, connector)

    def close(self, after_seconds: float = 0.0) -> Future[None]:
        """Close it, in a while if others may still wait for it; never if its loop is blocked, which hurts nobody."""

        async def close() -> None:
            await asyncio.sleep(after_seconds)
            await self.connector.close_async()
            self.loop.call_soon(self.loop.stop)  # and not at once, or nobody would learn that this has ended

        return asyncio.run_coroutine_threadsafe(close(), self.loop)


class Dialer:
    """Opens connections to the instance of the settings.

    An address that takes a connection and then stays silent blocks the connector's event loop for good, and with it all
    that wait for that connector. So every wait has a deadline, and a line that missed one is given up for a new one.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._line: Line | None = None
        self._inherited: Line | None = None

    def connect(self) -> Any:
        """A new connection of pg8000.

        Raises:
            AccessError: there is none within `connect_timeout_seconds`, or the instance refuses the user.
        """
        deadline = time.monotonic() + self._settings.connect_timeout_seconds
        for attempt in itertools.count(1):
            try:
                return tried(with_deadlines(self._dial(deadline)))
            except CONNECT_ERRORS as error:
                pause = PAUSE_SECONDS * attempt
                if attempt == ATTEMPTS or not is_transient(error) or time.monotonic() + pause > deadline:
                    raise access_error(error, self._settings) from error
                time.sleep(pause)

    def close(self) -> None:
        """Give up the line. Connections that are open live on."""
        with self._lock:
            line, self._line = self._line, None
        if line is not None:
            with contextlib.suppress(TimeoutError):
                line.close().result(CLOSE_SECONDS)

    def forget(self) -> None:
        """Give up the line in a forked child, where its thread does not exist, nor the one that may hold the lock."""
        self._lock = threading.Lock()
        self._inherited, self._line = self._line, None  # kept, since a session of aiohttp that is dropped complains

    def _dial(self, deadline: float) -> Any:
        settings = self._settings
        with self._lock:
            line = self._line = self._line or Line.open(settings)
        password = settings.database_password
        connecting = line.connector.connect_async(
            settings.cloudsql_instance,
            "pg8000",
            user=settings.database_user,
            password=None if password is None else password.get_secret_value(),
            db=settings.database,
            application_name="perennial",
            startup_params={"options": " ".join(f"-c {name}={value}" for name, value in SERVER_SETTINGS.items())},
        )
        future = asyncio.run_coroutine_threadsafe(connecting, line.loop)
        try:
            return future.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError as error:
            if future.done():  # not ours, but one of those that it waited for
                raise
            future.cancel()  # its loop may be well, and would go on asking the API
            self._give_up(line)
            raise no_answer(settings) from error

    def _give_up(self, line: Line) -> None:
        with self._lock:
            if self._line is line:
                self._line = None
        line.close(after_seconds=self._settings.connect_timeout_seconds)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


class OwnErrorsOnly(ssl.SSLSocket):
    """A TLS connection that does not fail for what another one in the same thread has died of.

    OpenSSL keeps a queue of errors for each thread. Python (3.13, cpython #148594) leaves an error of the system there, such as EPIPE,
    and the next connection of the thread that has to wait for bytes would be told that it was its own.
    """

    def recv_into(self, *arguments: Any, **options: Any) -> int:
        """Read, with an empty queue."""
        forget_tls_errors()
        return super().recv_into(*arguments, **options)

    def send(self, *arguments: Any, **options: Any) -> int:
        """Write, with an empty queue."""
        forget_tls_errors()
        return super().send(*arguments, **options)


def forget_tls_errors() -> None:
    """Empty the thread's queue: whoever makes a new TLS object does, and Python has no other way. It takes 7 microseconds."""
    idle_context().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)


@cache
def idle_context() -> ssl.SSLContext:
    """For connections that are never made."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def with_deadlines(connection: Any) -> Any:
    """The same connection, on which a read ends at last even if the other side is gone without a word."""
    connection.__class__ = driver.Connection
    connection.read_times_quickly()
    sock = connection._usock
    sock.__class__ = OwnErrorsOnly
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in SOCKET_SETTINGS.items():
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    sock.settimeout(READ_SECONDS)
    return connection


def tried(connection: Any) -> Any:
    """The same connection, once it has answered: some are lost at their first statement, which here is still tried again."""
    try:
        connection.autocommit = True  # or the query would begin a transaction
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        cursor.close()
        connection.autocommit = False
    except CONNECT_ERRORS:
        with contextlib.suppress(*CONNECT_ERRORS):
            connection.close()
        raise
    return connection
