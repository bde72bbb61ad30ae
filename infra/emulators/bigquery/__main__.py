"""BigQuery on one machine: REST and the Storage Read API, in front of DuckDB and DuckLake."""

import argparse
import concurrent.futures
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NoReturn

import duckdb
import grpc
import uvicorn
from identity.policy import Policy
from identity.private import keep_private
from identity.tokens import read_key
from starlette.types import ASGIApp

from bigquery.access import Guard, GuardedCalls, GuardedRequests, permitted
from bigquery.extensions import link_extensions
from bigquery.sql import webassembly

HOST = "127.0.0.1"
STOP_SECONDS = 5


def main() -> None:
    """Serve until SIGTERM. A port that is taken, or a folder in use, ends in one sentence and exit code 1."""
    arguments = _parse()
    try:
        key = read_key(arguments.token_key.resolve()) if arguments.token_key else None
    except ValueError as error:
        sys.exit(f"bigquery: {error}")
    webassembly.compiled()
    _enter(arguments.data)
    listener = _bind(arguments.host, arguments.port)
    guard = Guard(key, Policy(arguments.policy)) if key else None
    application = _application(arguments.project, arguments.storage_endpoint, key, guard)
    _hold_back(arguments.streaming_buffer_seconds)
    reads = _serve_reads(arguments.host, arguments.grpc_port, guard)
    _warm_up()
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn stops at it, and then raises it again
    config = uvicorn.Config(application, log_level="warning", access_log=False, timeout_graceful_shutdown=STOP_SECONDS)
    uvicorn.Server(config).run(sockets=[listener])
    reads.stop(grace=STOP_SECONDS).wait()
    _close()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bigquery", description=__doc__)
    parser.add_argument("--host", default=HOST, metavar="ADDRESS", help=f"where to listen; {HOST} unless told")
    parser.add_argument("--port", type=int, required=True, help="REST")
    parser.add_argument("--grpc-port", type=int, required=True, help="Storage Read API")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="where everything is kept")
    parser.add_argument("--project", required=True, metavar="NAME")
    parser.add_argument("--storage-endpoint", metavar="URL", help="the Cloud Storage that gs:// means")
    parser.add_argument("--token-key", type=Path, metavar="FILE", help="key of the access tokens; without it nobody is asked for one")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="what the accounts that it names may do; without it, all may do all")
    parser.add_argument(
        "--streaming-buffer-seconds", type=float, default=90, metavar="SECONDS", help="how long no copy has rows that are streamed in"
    )
    return parser.parse_args()


def _enter(data: Path) -> None:
    """Work in the folder. DuckLake keeps its paths as they are given, and relative ones let the folder be moved."""
    keep_private(data)
    os.chdir(data)
    link_extensions(Path("home").absolute())
    tempfile.tempdir = str(Path("uploads").absolute())  # where local-bigquery puts uploads, too


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket(proto=socket.IPPROTO_TCP)  # only then does asyncio send small answers at once
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        _refuse_port(host, port, error)
    return listener


def _refuse_port(host: str, port: int, error: Exception) -> NoReturn:
    sys.exit(f"bigquery: port {port} of {host} is taken ({error}): stop what listens there, or choose another port")


def _application(project: str, storage_endpoint: str | None, key: bytes | None, guard: Guard | None) -> ASGIApp:
    """The REST application, over a state that is in order."""
    import local_bigquery
    from local_bigquery.engine import database
    from local_bigquery.settings import settings

    from bigquery import confinement, recovery
    from bigquery.install import install
    from bigquery.jobs.objects import CloudStorage

    settings.data_dir = Path()
    settings.default_project_id = project
    settings.default_dataset_id = "main"  # DuckLake's own, which is never listed
    install(CloudStorage(storage_endpoint, key))
    try:
        database.execute("SET GLOBAL threads = 1")  # jobs run side by side; to share one out costs more than most of them take
    except duckdb.IOException as error:
        sys.exit(f"bigquery: cannot open the state in {Path.cwd()}: {str(error).splitlines()[0]}")
    confinement.confine(Path.cwd())
    recovery.put_in_order()
    return GuardedRequests(local_bigquery.app, guard) if guard else local_bigquery.app


def _hold_back(seconds: float) -> None:
    """How long no copy has rows that are streamed in."""
    from bigquery.tables import streaming

    streaming.buffer.seconds = seconds


def _warm_up() -> None:
    """Make the analyzer ready while nobody waits for it yet."""
    from bigquery.sql import analysis

    threading.Thread(target=analysis.warm_up, daemon=True).start()


def _serve_reads(host: str, port: int, guard: Guard | None) -> grpc.Server:
    """As local-bigquery does it, but a port that another server has is refused instead of shared."""
    from local_bigquery.grpc.server import SERVICES

    from bigquery.messages import guarded

    options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1)]  # what is too large, BigQuery itself says
    guards = [GuardedCalls(guard)] if guard else []
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=16), interceptors=guards, options=options)
    services = {name: permitted(name, methods, guard) if guard else methods for name, methods in SERVICES.items()}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, guarded(methods)) for name, methods in services.items()])
    try:
        server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        _refuse_port(host, port, error)
    server.start()
    return server


def _close() -> None:
    """Interrupt what runs, and write what is in memory still."""
    from local_bigquery.engine import database
    from local_bigquery.jobs import runner

    from bigquery.jobs import jobs

    runner._executor.shutdown(wait=False, cancel_futures=True)
    deadline = time.monotonic() + STOP_SECONDS
    while (everything := list(runner._running.values())) and time.monotonic() < deadline:
        for running in everything:
            running.cancelled = True
            if running.cursor:
                running.cursor.interrupt()
        time.sleep(0.05)  # and again: an interrupt that comes just before the query begins is lost
    jobs.flush()
    database.connection().close()


if __name__ == "__main__":
    main()
