"""Access tokens over REST and gRPC: nobody gets in without one that our token endpoint issued."""

from collections.abc import Callable, Iterator

import grpc
from identity.tokens import InvalidToken, verify_header
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

DISCOVERY = ("/$discovery/", "/discovery/")
"""The description of the API is public."""
EXPECTED = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
MISSING = f"Request is missing required authentication credential. {EXPECTED}"
INVALID = f"Request had invalid authentication credentials. {EXPECTED}"


class GuardedRequests:
    """An ASGI application in front of another, which sees only requests with a valid token."""

    def __init__(self, application: ASGIApp, key: bytes) -> None:
        self.application = application
        self.key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        refusal = self._refusal(Request(scope)) if scope["type"] == "http" else None
        await (refusal or self.application)(scope, receive, send)

    def _refusal(self, request: Request) -> JSONResponse | None:
        header = request.headers.get("authorization")
        if request.url.path.startswith(DISCOVERY):
            return None
        message = _refusal(self.key, header)
        return None if message is None else _unauthenticated("authError" if header else "required", message)


class GuardedCalls:
    """A server interceptor of gRPC: all services see only calls with a valid token, whatever the method."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None], details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler | None:
        """Choose who answers a call."""
        message = _refusal(self.key, dict(details.invocation_metadata).get("authorization"))
        if message is None:
            return continuation(details)

        def refuse(_requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, message)
            yield b""  # never: `abort` raises

        return grpc.stream_stream_rpc_method_handler(refuse)  # a stream of no message serves every kind of method


def _refusal(key: bytes, header: str | None) -> str | None:
    """Why the bearer of an `Authorization` header is not let in; None if he is."""
    try:
        verify_header(key, header)
    except InvalidToken:
        return INVALID if header else MISSING
    return None


def _unauthenticated(reason: str, message: str) -> JSONResponse:
    detail = {"message": message, "domain": "global", "reason": reason, "location": "Authorization", "locationType": "header"}
    error = {"code": 401, "message": message, "errors": [detail], "status": "UNAUTHENTICATED"}
    return JSONResponse({"error": error}, status_code=401, headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'})
