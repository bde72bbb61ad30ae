"""Cloud SQL for PostgreSQL on one machine: `python -m cloud_sql PROJECT:REGION:INSTANCE --help`."""

import argparse
import asyncio
import errno
import fcntl
import logging
import os
import sys
from pathlib import Path
from typing import TextIO

from aiohttp.http_exceptions import HttpProcessingError
from identity.private import keep_private

from cloud_sql.emulator import HOST, Options, ServiceAccount, serve
from cloud_sql.errors import StartError
from cloud_sql.proxy import PORT


def main() -> None:
    """Serve until SIGTERM or SIGINT; exit code 1 and one sentence if that is not possible."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("aiohttp.server").addFilter(is_ours)
    options = parse_options(sys.argv[1:])
    try:
        keep_private(options.data)
        with (options.data / "lock").open("w") as lock:
            hold(lock, options.data)
            os.chdir(options.data)  # the path of PostgreSQL's socket is relative: see cloud_sql.postgres
            asyncio.run(serve(options))
    except StartError as error:
        sys.exit(f"cloud_sql: {error}")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.exit(f"cloud_sql: no room on the disk for {options.data}: free some and start again")


def is_ours(record: logging.LogRecord) -> bool:
    """Whether an error is one of the server. Whoever sends what is no HTTP gets 400, and must not fill the log with tracebacks."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def parse_options(arguments: list[str]) -> Options:
    """The command line."""
    parser = argparse.ArgumentParser(prog="cloud_sql", description=__doc__)
    parser.add_argument("connection_name", metavar="PROJECT:REGION:INSTANCE")
    parser.add_argument("--host", default=HOST, metavar="ADDRESS", help=f"where to listen; {HOST} unless told")
    parser.add_argument("--port", type=int, required=True, help="where the Admin API and the token endpoint listen, on the host")
    parser.add_argument("--address", help=f"on whose port {PORT} the instance listens; the host unless told")
    advertised = "the name or address under which others reach it, if that is another one than where it listens"
    parser.add_argument("--advertise", metavar="NAME", help=advertised)
    parser.add_argument("--data", type=absolute_path, required=True, help="the folder of everything that lasts")
    parser.add_argument("--token-key", type=absolute_path, required=True, help="the file of the key that all emulators share")
    accounts = "an IAM user, and where to write its key file; may be repeated: the first one is the instance's administrator"
    parser.add_argument("--service-account", type=account, action="append", required=True, metavar="EMAIL[=FILE]", help=accounts)
    parser.add_argument("--database", required=True, help="a database to make")
    parser.add_argument("--faults", action="store_true", help="let tests break things: see cloud_sql.faults")
    given = parser.parse_args(arguments)
    return Options(
        connection_name=given.connection_name,
        host=given.host,
        port=given.port,
        address=given.address or given.host,
        advertised=given.advertise,
        data=given.data,
        token_key=given.token_key,
        service_accounts=tuple(given.service_account),
        database=given.database,
        with_faults=given.faults,
    )


def account(text: str) -> ServiceAccount:
    """An address, and perhaps a file."""
    email, has_file, file = text.partition("=")
    return ServiceAccount(email, absolute_path(file) if has_file else None)


def absolute_path(text: str) -> Path:
    """A path that stays right when the process changes its folder."""
    return Path(text).absolute()


def hold(lock: TextIO, data: Path) -> None:
    """Keep `data` for this process until it ends.

    Raises:
        StartError: another emulator has it; a second one would take the first one's PostgreSQL for a stale one.
    """
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StartError(f"another Cloud SQL emulator works in {data}: stop that one first") from error


if __name__ == "__main__":
    main()
