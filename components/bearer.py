"""Access tokens on a gRPC channel without TLS, which gRPC itself leaves away: the emulator of this machine asks for them too."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.auth.credentials import Credentials
from google.auth.transport.requests import Request


@dataclass(frozen=True)
class Call:
    """What gRPC is told of a call before it is made."""

    method: str
    timeout: float | None
    metadata: Sequence[tuple[str, str | bytes]] | None
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


@dataclass(frozen=True)
class Bearer(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamStreamClientInterceptor):  # type: ignore[misc] # grpc has no types
    """Adds `Authorization: Bearer TOKEN` to every call; a token that ends is renewed."""

    account: Credentials

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: grpc.ClientCallDetails, request: Any) -> Any:
        """Make a call with one answer."""
        return continuation(self._authorized(details), request)

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: grpc.ClientCallDetails, request: Any) -> Any:
        """Make a call with many answers."""
        return continuation(self._authorized(details), request)

    def intercept_stream_stream(self, continuation: Callable[..., Any], details: grpc.ClientCallDetails, requests: Any) -> Any:
        """Make a call with many requests and answers."""
        return continuation(self._authorized(details), requests)

    def _authorized(self, details: grpc.ClientCallDetails) -> Call:
        headers: dict[str, str] = {}
        self.account.before_request(Request(), "POST", details.method, headers)
        metadata = [*(details.metadata or ()), *((name.lower(), value) for name, value in headers.items())]
        return Call(details.method, details.timeout, metadata, details.credentials, details.wait_for_ready, details.compression)
