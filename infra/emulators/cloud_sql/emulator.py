"""One instance put together: its ports, its PostgreSQL, the credentials that it hands out."""

import asyncio
import contextlib
import errno
import logging
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aiohttp import web
from identity import tokens

from cloud_sql.api import AdminApi
from cloud_sql.application import make_application
from cloud_sql.authority import Certificates
from cloud_sql.errors import StartError
from cloud_sql.faults import let_tests_break
from cloud_sql.instance import Instance, parse_connection_name
from cloud_sql.oauth import ServiceAccounts
from cloud_sql.permissions import Policy
from cloud_sql.postgres import Postgres
from cloud_sql.private_file import write_private
from cloud_sql.proxy import PORT, Proxy

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
WATCH_SECONDS = 0.5
"""How often is looked whether PostgreSQL runs."""
SHUTDOWN_SECONDS = 1.0
"""How long a request that is being answered may delay the end."""


@dataclass(frozen=True)
class ServiceAccount:
    """An IAM user, and where its key file is to be written."""

    email: str
    key_file: Path | None


@dataclass(frozen=True)
class Options:
    """What to emulate, and where. Every path is absolute."""

    connection_name: str
    host: str
    """Where the Admin API and the token endpoint listen."""
    port: int
    address: str
    """Where the instance listens."""
    advertised: str | None
    """The name under which others reach both; None: the addresses themselves."""
    data: Path
    token_key: Path
    service_accounts: tuple[ServiceAccount, ...]
    """The first one is the administrator."""
    database: str
    with_faults: bool


async def serve(options: Options) -> None:
    """Take the ports, start PostgreSQL, hand out the credentials, and serve until SIGTERM or SIGINT.

    Raises:
        StartError: a port is taken, PostgreSQL will not start, or an option is wrong.
    """
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    instance = Instance(*parse_connection_name(options.connection_name), options.advertised or options.address, Postgres(options.data))
    token_uri = f"http://{options.advertised or options.host}:{options.port}/token"
    accounts = ServiceAccounts(options.data / "service-accounts", _read_key(options), token_uri)
    certificates = Certificates(options.data / "authorities")
    proxy = Proxy(instance, options.address)

    async def listen() -> None:
        context = certificates.server_context(f"{instance.project}:{instance.name}", instance.dns_name)
        await _take_port(options.address, PORT, partial(proxy.listen, context))

    emails = [account.email for account in options.service_accounts]
    policy = Policy(administrator=emails[0], users=frozenset(emails))
    application = make_application(AdminApi(instance, certificates, accounts.token_key, policy), accounts)
    if options.with_faults:
        let_tests_break(application, certificates, listen)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await _take_port(options.host, options.port, web.TCPSite(runner, options.host, options.port).start)
        await listen()
        await asyncio.to_thread(_open, instance, accounts, options)
        log.info("%s listens on %s:%s, its API on %s:%s", instance.connection_name, options.address, PORT, options.host, options.port)
        await _keep_alive(instance.postgres, stopped)
    finally:
        proxy.close()
        await runner.cleanup()
        await asyncio.to_thread(instance.postgres.stop)


async def _keep_alive(postgres: Postgres, stopped: asyncio.Event) -> None:
    """Start PostgreSQL again whenever it ends by itself, as Cloud SQL does, until the emulator is stopped.

    Raises:
        StartError: it cannot be started.
    """
    while not stopped.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), WATCH_SECONDS)
        if not stopped.is_set() and await asyncio.to_thread(postgres.revive):
            log.warning("PostgreSQL had ended, and was started again")


def _open(instance: Instance, accounts: ServiceAccounts, options: Options) -> None:
    """Start PostgreSQL, and do what the owner of a fresh instance would do."""
    instance.postgres.start()
    instance.make_roles()
    if options.database not in instance.databases():
        instance.make_database(options.database)
    for account in options.service_accounts:
        instance.admit(account.email)
        key = accounts.issue_key(account.email, instance.project)
        if account.key_file is not None:
            write_private(account.key_file, key)
    instance.promote(options.service_accounts[0].email)
    instance.is_set_up = True


def _read_key(options: Options) -> bytes:
    try:
        return tokens.read_key(options.token_key)
    except ValueError as error:
        raise StartError(str(error)) from error


async def _take_port(address: str, port: int, start: Callable[[], Awaitable[None]]) -> None:
    try:
        await start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartError(f"port {port} on {address} is taken: stop what listens there, or choose another one") from error
        raise StartError(f"port {port} on {address} cannot be had ({error}): choose an address of this machine, such as {HOST}") from error
