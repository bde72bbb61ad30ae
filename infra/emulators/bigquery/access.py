"""Who gets in, over REST and gRPC: nobody without a token that our token endpoint issued, and nobody to what his roles do not permit."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import grpc
from identity.policy import Policy
from identity.tokens import InvalidToken, verify_header
from local_bigquery.errors import BigQueryError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bigquery.handlers import looked_at

DISCOVERY = ("/$discovery/", "/discovery/")
"""The description of the API is public."""
EXPECTED = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
MISSING = f"Request is missing required authentication credential. {EXPECTED}"
INVALID = f"Request had invalid authentication credentials. {EXPECTED}"


@dataclass(frozen=True)
class Guard:
    """What tells who asks, and what each account may do."""

    key: bytes
    policy: Policy

    def email(self, header: str | None) -> str:
        """The account behind an `Authorization` header.

        Raises:
            InvalidToken: there is none; the text is what BigQuery says.
        """
        try:
            return verify_header(self.key, header).email
        except InvalidToken as error:
            raise InvalidToken(INVALID if header else MISSING) from error


class GuardedRequests:
    """An ASGI application in front of another, which sees only requests that are permitted."""

    def __init__(self, application: ASGIApp, guard: Guard) -> None:
        self.application = application
        self.guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"].startswith(DISCOVERY):
            await self.application(scope, receive, send)
            return
        header = Request(scope).headers.get("authorization")
        try:
            email = self.guard.email(header)
            receive = await self._permitted(email, scope, receive)
        except InvalidToken as error:
            await _unauthenticated("authError" if header else "required", str(error))(scope, receive, send)
        except BigQueryError as error:
            await JSONResponse(error.response(), status_code=error.code)(scope, receive, send)
        else:
            await self.application(scope, receive, send)

    async def _permitted(self, email: str, scope: Scope, receive: Receive) -> Receive:
        """What gives the request's body, which had to be looked at if the account may not do everything."""
        from bigquery import permissions

        try:
            if not self.guard.policy.names(email):
                return receive
        except ValueError as error:
            raise BigQueryError("accessDenied", str(error)) from error
        content = await Request(scope, receive).body()
        needs = lambda: permissions.of_request(scope["method"], scope["path"], content)  # noqa: E731 - a thread asks for them
        await run_in_threadpool(permissions.refuse, self.guard.policy, email, needs)
        read = [content]

        async def give_again() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": read.pop()} if read else await receive()

        return give_again


class GuardedCalls:
    """A server interceptor of gRPC: all services see only calls with a valid token, whatever the method."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard

    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler | None], details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler | None:
        """Choose who answers a call."""
        try:
            self.guard.email(dict(details.invocation_metadata).get("authorization"))
        except InvalidToken as error:
            message = str(error)
        else:
            return continuation(details)

        def refuse(_requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, message)
            yield b""  # never: `abort` raises

        return grpc.stream_stream_rpc_method_handler(refuse)  # a stream of no message serves every kind of method


def permitted(service: str, methods: Mapping[str, grpc.RpcMethodHandler], guard: Guard) -> dict[str, grpc.RpcMethodHandler]:
    """The methods of a service, each of which sees only messages of whoever may send them."""
    return {name: _permitted(handler, f"{service}/{name}", guard) for name, handler in methods.items()}


def _permitted(handler: grpc.RpcMethodHandler, method: str, guard: Guard) -> grpc.RpcMethodHandler:
    from bigquery import permissions

    def checked(message: Any, context: grpc.ServicerContext) -> Any:
        try:
            email = guard.email(dict(context.invocation_metadata()).get("authorization"))
            permissions.refuse(guard.policy, email, lambda: permissions.of_call(method, type(message).pb(message)))
        except BigQueryError as error:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, error.message)
        return message

    return looked_at(handler, checked, handler.request_deserializer)


def _unauthenticated(reason: str, message: str) -> JSONResponse:
    detail = {"message": message, "domain": "global", "reason": reason, "location": "Authorization", "locationType": "header"}
    error = {"code": 401, "message": message, "errors": [detail], "status": "UNAUTHENTICATED"}
    return JSONResponse({"error": error}, status_code=401, headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'})
