"""The gRPC server beside the HTTP one, on the same event loop: TensorFlow Serving's services, and the standard health service."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from components.errors import SettingsError
from components.serving.grpc.calls import Calls
from components.serving.grpc.methods import METHODS
from components.serving.service import Service

MOST_STREAMS = 1024
"""Calls of one connection at a time."""
IDLE_MILLISECONDS = 300_000
"""After so long without a call a connection is closed."""
WATCH_SECONDS = 1.0
"""How often it is looked whether those who watch are to hear of a change."""
MOST_WATCHERS = 64
"""At a time, of all connections: they need no token."""
SERVICES = {"", *(path.split("/")[1] for path in METHODS)}
"""Of whose health can be asked. They are ready together."""


@dataclass
class GrpcServer:
    """A server that has its port."""

    server: Any
    health: "Health"
    address: str

    async def start(self) -> None:
        """Answer from now on."""
        await self.server.start()
        self.health.telling = asyncio.create_task(self.health.tell())

    async def stop(self, seconds: float) -> None:
        """Take no more calls, and wait for those that have begun; called again, for so long at most."""
        self.health.end()
        await self.server.stop(seconds)


@dataclass
class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """Says whether every live model is loaded, without a token."""

    problems: Callable[[], list[str]]
    telling: "asyncio.Task[None] | None" = None
    """One for all who watch."""
    _has_problems: bool = True
    """When it was last looked, for all who watch: one of them alone must not hear of a change."""
    _is_ending: bool = False
    _watchers: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        """The state now."""
        if request.service not in SERVICES:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return health_pb2.HealthCheckResponse(status=self._status(request.service, bool(self.problems())))

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802 - gRPC's name
        """The state now, and again whenever it has changed."""
        if self._watchers >= MOST_WATCHERS:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{MOST_WATCHERS} watch already: ask with Check")
        self._watchers += 1
        try:
            told = None
            while True:
                news, is_last = self._news, self._is_ending
                if (status := self._status(request.service, self._has_problems)) != told:
                    told = status
                    await context.write(health_pb2.HealthCheckResponse(status=status))
                if is_last:
                    return
                await news.wait()
        finally:
            self._watchers -= 1

    async def tell(self) -> None:
        """Wake those who watch whenever the state has changed."""
        while True:
            if (has_problems := bool(self.problems())) != self._has_problems:
                self._has_problems = has_problems
                self._wake()
            await asyncio.sleep(WATCH_SECONDS)

    def end(self) -> None:
        """Tell those who watch that the service ends."""
        self._is_ending = True
        if self.telling is not None:
            self.telling.cancel()
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _status(self, service: str, has_problems: bool) -> int:
        states = health_pb2.HealthCheckResponse
        if service not in SERVICES:
            return states.SERVICE_UNKNOWN  # type: ignore[no-any-return]
        return states.NOT_SERVING if self._is_ending or has_problems else states.SERVING  # type: ignore[no-any-return]


def make_grpc_server(service: Service, token: str | None, problems: Callable[[], list[str]], host: str, port: int) -> GrpcServer:
    """Listen for gRPC on the running event loop; port 0 takes a free one.

    Raises:
        SettingsError: the port is taken.
    """
    options = [
        ("grpc.max_receive_message_length", service.limits.body_bytes),
        ("grpc.max_concurrent_streams", MOST_STREAMS),
        ("grpc.max_connection_idle_ms", IDLE_MILLISECONDS),
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.aio.server(options=options)
    methods = {
        path: grpc.stream_unary_rpc_method_handler(handle) for path, handle in Calls(service, token).handlers().items()
    }  # on the wire one message is a stream of one
    server.add_generic_rpc_handlers((_Methods(methods),))
    health = Health(problems)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    name = f"[{host}]" if ":" in host else host
    try:
        port = server.add_insecure_port(f"{name}:{port}")
    except RuntimeError as error:
        raise SettingsError(f"{name}:{port} cannot be served on by gRPC: choose another --host or --grpc-port") from error
    return GrpcServer(server, health, f"{name}:{port}")


@dataclass(frozen=True)
class _Methods(grpc.GenericRpcHandler):  # type: ignore[misc]
    handlers: dict[str, Any]

    def service(self, handler_call_details: Any) -> Any:
        return self.handlers.get(handler_call_details.method)
