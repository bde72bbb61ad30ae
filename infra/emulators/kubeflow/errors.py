"""Errors as the API server writes them: grpc-gateway's JSON of a google.rpc.Status (backend/src/common/util/error.go, tag 2.17.0)."""

import json
from enum import IntEnum


class Code(IntEnum):
    """The codes of gRPC that the server uses."""

    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    FAILED_PRECONDITION = 9
    ABORTED = 10
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAUTHENTICATED = 16


HTTP_STATUS = {
    Code.INVALID_ARGUMENT: 400,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAUTHENTICATED: 401,
}
"""As grpc-gateway v2 maps them."""

KINDS = {
    Code.INVALID_ARGUMENT: "Invalid input error",
    Code.NOT_FOUND: "ResourceNotFoundError",
    Code.ALREADY_EXISTS: "Already exist error",
    Code.ABORTED: "BadRequestError",
    Code.INTERNAL: "InternalServerError",
}
"""How the server's own log, which it sends too, begins."""


class Refusal(Exception):
    """The server refuses a call. Whoever passes it on says what failed for it, as `util.Wrap` does."""

    def __init__(self, code: Code, external: str, internal: str | None = None) -> None:
        super().__init__(external)
        self.code = code
        self.external = external
        self.internal = internal or f"{KINDS.get(code, code.name)}: {external}"

    def wrapped(self, context: str) -> "Refusal":
        """The same, with what failed for it before the internal text."""
        return Refusal(self.code, self.external, f"{context}: {self.internal}")

    def internal_error(self, context: str) -> "Refusal":
        """An internal error with this one as its cause, as `util.NewInternalServerError` hides one."""
        return Refusal(Code.INTERNAL, "Internal Server Error", f"InternalServerError: {context}: {self.internal}")

    @property
    def status(self) -> int:
        """The HTTP status."""
        return HTTP_STATUS[self.code]

    @property
    def body(self) -> bytes:
        """The JSON: no field `error`, which grpc-gateway dropped with its second version."""
        detail = {"@type": "type.googleapis.com/google.rpc.Status", "code": int(self.code), "message": self.external}
        return json.dumps({"code": int(self.code), "message": self.internal, "details": [detail]}).encode()


def not_found(kind: str, name: str) -> Refusal:
    """Nothing of that kind has that name."""
    return Refusal(Code.NOT_FOUND, f"{kind} {name} not found")


def invalid(message: str) -> Refusal:
    """A value that the server does not accept."""
    return Refusal(Code.INVALID_ARGUMENT, message)
