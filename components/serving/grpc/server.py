"""The gRPC server beside the HTTP one, on the same event loop: TensorFlow Serving's services, and the standard health service."""

import asyncio
from collections.abc import AsyncIterator, Callable
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
"""How often one who watches hears of a change."""
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

    async def stop(self, seconds: float) -> None:
        """Take no more calls, and wait for those that have begun."""
        self.health.is_ending.set()
        await self.server.stop(seconds)


@dataclass
class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """Says whether every live model is loaded, without a token."""

    problems: Callable[[], list[str]]
    is_ending: asyncio.Event = field(default_factory=asyncio.Event)

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        """The state now."""
        if request.service not in SERVICES:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return health_pb2.HealthCheckResponse(status=self._status(request.service))

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: ARG002, N802 - gRPC's name
        """The state now, and again whenever it has changed."""
        told = None
        while not self.is_ending.is_set():
            if (status := self._status(request.service)) != told:
                told = status
                yield health_pb2.HealthCheckResponse(status=status)
            try:
                await asyncio.wait_for(self.is_ending.wait(), WATCH_SECONDS)
            except TimeoutError:
                continue

    def _status(self, service: str) -> int:
        states = health_pb2.HealthCheckResponse
        if service not in SERVICES:
            return states.SERVICE_UNKNOWN  # type: ignore[no-any-return]
        return states.NOT_SERVING if self.is_ending.is_set() or self.problems() else states.SERVING  # type: ignore[no-any-return]


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
