"""Calls over gRPC, from bytes to bytes: the token, limits, the log of what is refused, and a status for every error."""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.message import Message

from components.protocol.refusal import HTTP_STATUS, Refusal
from components.serving.application import REQUEST_ID, TRACE, is_bearer
from components.serving.grpc.methods import METHODS, Caller, Method, Reply, parse_message
from components.serving.service import Service, Unanswered

log = logging.getLogger(__name__)

LONGEST_ERROR = 1500
"""Bytes of a status's text: it goes in a header, and a client takes 8 KiB of them."""
PREDICTS = re.compile(r".*/(Predict|Classify|Regress)")


@dataclass(frozen=True)
class Calls:
    """Answers every method, as the REST service does."""

    service: Service
    token: str | None

    def handlers(self) -> dict[str, Callable[[Any, Any], Awaitable[bytes]]]:
        """A function a method. Each reads its one message itself, so that a slow sender is told."""
        return {path: self._handler(path, kind, method) for path, (kind, method) in METHODS.items()}

    def _handler(self, path: str, kind: type[Message], method: Method) -> Callable[[Any, Any], Awaitable[bytes]]:
        async def handle(_: Any, context: Any) -> bytes:
            return await self._answer(path, kind, method, context)

        return handle

    async def _answer(self, path: str, kind: type[Message], method: Method, context: Any) -> bytes:
        started = time.perf_counter()
        headers = {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}
        named, trace = headers.get("x-request-id", ""), TRACE.fullmatch(headers.get("traceparent", ""))
        caller = Caller(named if REQUEST_ID.fullmatch(named) else uuid4().hex, trace[1] if trace else None, time.time_ns() // 1000)
        context.set_trailing_metadata((("x-request-id", caller.request_id),))
        request: Any = None
        try:
            self._require_token(headers)
            async with asyncio.timeout(self.service.limits.seconds):
                data = await context.read()
                if data is grpc.aio.EOF:
                    raise Refusal("the call has no message")
                request = parse_message(kind, data)
                reply: Reply = await method(self.service, request, caller)
        except Refusal as refusal:
            code, text = refusal.code, refusal.text
        except TimeoutError:
            late = b"the message did not come in time" if request is None else b"the answer took too long"
            code, text = "DEADLINE_EXCEEDED", late
        except Exception:
            log.exception("a call failed", extra={"path": path, "request_id": caller.request_id})
            code, text = "INTERNAL", b"an internal error, which the service's log has"
        else:
            self._count(path, request, "OK")
            if reply.version is not None:
                context.set_trailing_metadata((("x-request-id", caller.request_id), ("x-model-version", str(reply.version))))
            return reply.message.SerializeToString()  # type: ignore[no-any-return]
        self._count(path, request, code)
        self._remember_refused(path, request, caller, code, time.perf_counter() - started)
        return await context.abort(grpc.StatusCode[code], _details(text))  # type: ignore[no-any-return] # it raises

    def _require_token(self, headers: dict[str, str]) -> None:
        if self.token is not None and not is_bearer(headers.get("authorization", ""), self.token):
            raise Refusal("the call needs the metadata `authorization: Bearer TOKEN`, with the token of this service", "UNAUTHENTICATED")

    def _count(self, path: str, request: Any, status: str) -> None:
        if PREDICTS.fullmatch(path) and request is not None and request.model_spec.name in self.service.directory.models:
            self.service.metrics.count("request_count", model_name=request.model_spec.name, status=status)

    def _remember_refused(self, path: str, request: Any, caller: Caller, code: str, seconds: float) -> None:
        """Remember a request to predict by a model that is served, as over HTTP."""
        if self.service.refuse is None or request is None or not PREDICTS.fullmatch(path):
            return
        if (model := request.model_spec.name) in self.service.directory.models:
            rows = _rows(request, self.service.limits.rows)
            self.service.refuse(Unanswered(model, caller.request_id, HTTP_STATUS[code], rows, seconds))


def _rows(request: Any, most: int) -> int:
    """As far as the message says how many; 1 where it does not, and one more than are taken where it claims more."""
    inputs = getattr(request, "inputs", {}).values()
    claimed = max((tensor.tensor_shape.dim[0].size for tensor in inputs if tensor.tensor_shape.dim), default=1)
    return 1 if claimed < 0 else min(claimed, most + 1)


def _details(text: bytes) -> str:
    return text[:LONGEST_ERROR].decode(errors="replace")
