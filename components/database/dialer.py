"""Open connections through the Cloud SQL connector, with a deadline that the connector (1.23) itself does not keep."""

import asyncio
import contextlib
import logging
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import psycopg

from components import google
from components.database.deadlines import deadlines
from components.database.errors import access_error, connect_errors, is_transient, no_answer
from components.files import disk_full
from components.settings import Settings

if TYPE_CHECKING:
    from google.cloud.sql.connector import Connector

log = logging.getLogger(__name__)

ATTEMPTS = 3
PAUSE_SECONDS = 0.2
CLOSE_SECONDS = 1.0
STATEMENT_SECONDS = 60
TRY_SECONDS = 5
"""How long the first answer on a new connection may take."""
SERVER_SETTINGS = {
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "120s",
    "search_path": "registry",
}

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
    connector: "Connector"

    @classmethod
    def open(cls, settings: Settings) -> "Line":
        """Open a connector and start its event loop."""
        from google.cloud.sql.connector import Connector

        credentials = google.credentials(settings)
        loop = asyncio.new_event_loop()
        loop.set_default_executor(DaemonThreads())
        loop.set_exception_handler(_note)
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
        self._opened: weakref.WeakSet[psycopg.Connection] = weakref.WeakSet()
        self._inherited: tuple[object, ...] = ()

    def connect(self) -> psycopg.Connection:
        """A new connection.

        Raises:
            AccessError: there is none within `connect_timeout_seconds`, or the instance refuses the user.
            StorageFullError: this machine has no room for the certificate of the connection.
        """
        errors = connect_errors()  # which imports the connector: no part of the time that the instance is given
        deadline = time.monotonic() + self._settings.connect_timeout_seconds
        attempt = 0
        while True:
            attempt += 1
            try:
                connection = _tried(self._dial(deadline))
                self._opened.add(connection)
                return connection
            except errors as error:
                pause = PAUSE_SECONDS * attempt
                if attempt == ATTEMPTS or not is_transient(error) or time.monotonic() + pause > deadline:
                    raise disk_full(error) or access_error(error, self._settings) from error
                time.sleep(pause)

    def close(self) -> None:
        """Give up the line, and close the connections that are still open."""
        with self._lock:
            line, self._line = self._line, None
        for connection in list(self._opened):
            connection.close()
        if line is not None:
            with contextlib.suppress(TimeoutError):
                line.close().result(CLOSE_SECONDS)

    def forget(self) -> None:
        """Give up the line in a forked child, where its thread does not exist, nor the one that may hold the lock."""
        self._lock = threading.Lock()
        # They are kept, since a connection or a session of aiohttp that is dropped while it is open complains.
        self._inherited, self._line = (self._line, *self._opened), None
        self._opened = weakref.WeakSet()

    def _dial(self, deadline: float) -> psycopg.Connection:
        settings = self._settings
        with self._lock:
            line = self._line = self._line or Line.open(settings)
        password = settings.database_password
        connecting = line.connector.connect_async(
            settings.cloudsql_instance,
            "psycopg",
            user=settings.database_user,
            password=None if password is None else password.get_secret_value(),
            db=settings.database,
            application_name="perennial",
            timeout=max(1, round(settings.connect_timeout_seconds)),
            options=" ".join(f"-c {name}={value}" for name, value in SERVER_SETTINGS.items()),
        )
        future = asyncio.run_coroutine_threadsafe(connecting, line.loop)
        try:
            connection: psycopg.Connection = future.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError as error:
            if future.done():  # the timeout is not ours, but one of those that it waited for
                raise
            future.cancel()  # its loop may be well, and would go on asking the API
            self._give_up(line)
            raise no_answer(settings) from error
        return connection

    def _give_up(self, line: Line) -> None:
        with self._lock:
            if self._line is line:
                self._line = None
        line.close(after_seconds=self._settings.connect_timeout_seconds)


def _note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Note what went wrong and nobody waits for any more, such as in a line that was given up: whoever waited was told."""
    log.debug(context["message"], exc_info=context.get("exception"))


def _run(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


def _tried(connection: psycopg.Connection) -> psycopg.Connection:
    """The same connection, once it has answered: some are lost at their first statement, which here is still tried again."""
    try:
        with deadlines().within(connection, TRY_SECONDS):
            connection.autocommit = True  # or the query would begin a transaction
            connection.execute("SELECT 1")
            connection.autocommit = False
    except connect_errors():
        connection.close()
        raise
    return connection
