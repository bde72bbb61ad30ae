"""Runs the service: uvicorn with uvloop and httptools on loopback, a token, a follower of the log, and an end that drops no request."""

import asyncio
import gc
import logging
import secrets
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from components.cloud import Cloud
from components.errors import SettingsError
from components.files import private_folder, write_whole
from components.serving.application import Application
from components.serving.connection import Connection
from components.serving.following import Follower, Targets
from components.serving.metrics import Metrics
from components.serving.remembering import LogOptions, Remembering
from components.serving.service import Limits, Service
from components.settings import Settings

if TYPE_CHECKING:
    from components.serving.grpc.server import GrpcServer

log = logging.getLogger(__name__)

SWITCH_SECONDS = 0.0005
"""How long a thread that loads a version may keep the event loop waiting: Python's own 5 ms double the slowest answers of a swap."""
STOP_SECONDS = 30
"""For requests that have begun when the service is told to stop."""
TOKEN_BYTES = 32
EXIT_SECONDS = 0.1
"""How often it is looked whether the HTTP server ends."""
SHIPPER_SECONDS = 1.0
"""How often it is looked whether the process that ships the log lives."""


@dataclass(frozen=True)
class ServeOptions:
    """How the service runs."""

    targets: Targets
    host: str = "127.0.0.1"
    port: int = 8501
    grpc_port: int | None = None
    """None: no gRPC. 0 takes a free one."""
    canary_share: float = 0.05
    asks_for_token: bool = True
    token_file: Path | None = None
    """Where the token is, such as a mounted secret; None means `own_token_file`, which is made."""
    limits: Limits = field(default_factory=Limits)
    poll_seconds: float = 2.0
    log: LogOptions | None = field(default_factory=LogOptions)
    """None logs nothing."""


def own_token_file(settings: Settings) -> Path:
    """Where the token of this machine's service is, readable by its owner only."""
    return settings.state_folder / "serving" / "token"


def _read_token(settings: Settings, file: Path | None) -> str:
    """The token, made when it is first asked for.

    Raises:
        SettingsError: there is none in the file.
    """
    path = file or own_token_file(settings)
    if file is None and not path.exists():
        private_folder(path.parent)
        write_whole(path, secrets.token_urlsafe(TOKEN_BYTES))
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the token in {path} cannot be read ({error}): correct the file or --token-file") from error
    if not token:
        raise SettingsError(f"{path} has no token: write one, or delete the file if it is this machine's own")
    return token


def serve(cloud: Cloud, options: ServeOptions, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. `on_ready` is given the address once everything that is live is loaded.

    Raises:
        SettingsError: the port is taken.
        AccessError: the log of deployments cannot be read.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    listener = _listen(options)
    token = _read_token(cloud.settings, options.token_file) if options.asks_for_token else None
    service = Service(Metrics(), options.limits, options.canary_share if options.targets.canary else 0.0)
    remembering = None if options.log is None else Remembering(cloud.settings, options.targets.live, service.metrics, options.log)
    if remembering is not None:
        service.note, service.refuse, service.opened = remembering.note, remembering.refuse, remembering.open
    follower = Follower(cloud, service, options.targets, options.poll_seconds)
    log_notes = list if remembering is None else remembering.notes
    config = uvicorn.Config(
        Application(service, token=token, problems=follower.problems, notes=lambda: [*follower.notes(), *log_notes()]),
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # nobody asks for the client's address
        timeout_graceful_shutdown=STOP_SECONDS,
        timeout_keep_alive=75,
    )
    server = uvicorn.Server(config)
    address = f"http://{options.host}:{listener.getsockname()[1]}"

    def make_grpc() -> "GrpcServer":
        from components.serving.grpc.server import make_grpc_server  # it imports TensorFlow

        return make_grpc_server(service, token, follower.problems, options.host, options.grpc_port or 0)

    make = None if options.grpc_port is None else make_grpc
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_run(server, listener, follower, remembering, make, lambda beside: on_ready(address + beside)))


async def _run(
    server: uvicorn.Server,
    listener: socket.socket,
    follower: Follower,
    remembering: Remembering | None,
    make_grpc: "Callable[[], GrpcServer] | None",
    on_ready: Callable[[str], None],
) -> None:
    beside = make_grpc() if make_grpc is not None else None  # on this loop, and before anything is loaded: its port may be taken
    await follower.follow()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises it again when it has stopped, before this has come to its end
    gc.collect()
    gc.freeze()
    tasks = [asyncio.create_task(follower.run())]
    if remembering is not None:
        tasks.append(asyncio.create_task(_ship(remembering)))
    ends = []
    if beside is not None:
        await beside.start()
        ends.append(asyncio.create_task(_stop_with(server, beside)))
    on_ready("" if beside is None else f" and by gRPC on {beside.address}")
    try:
        await server.serve(sockets=[listener])
    finally:
        signal.signal(signal.SIGINT, server.handle_exit)  # a second Ctrl-C, for what is still there
        server.should_exit = True
        await asyncio.gather(*ends, return_exceptions=True)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await follower.service.finish_begun()
        if remembering is not None:
            remembering.close()


async def _stop_with(server: uvicorn.Server, beside: "GrpcServer") -> None:
    """End the calls over gRPC while those over HTTP end; a second Ctrl-C waits for none of them."""
    while not server.should_exit:
        await asyncio.sleep(EXIT_SECONDS)
    end = asyncio.create_task(beside.stop(STOP_SECONDS))
    while not end.done():
        if server.force_exit:
            await beside.stop(0)
        await asyncio.wait([end], timeout=EXIT_SECONDS)
    await end


async def _ship(remembering: Remembering) -> None:
    while True:
        remembering.keep_shipping()
        await asyncio.sleep(SHIPPER_SECONDS)


def _listen(options: ServeOptions) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"{options.host}:{options.port} cannot be served on ({error.strerror}): choose another --host or --port"
        ) from error
    listener.set_inheritable(True)
    return listener
