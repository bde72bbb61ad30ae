"""The service over HTTP, as an ASGI application: health, metrics, both protocols, limits, the token."""

import asyncio
import base64
import hmac
import logging
import os
import re
import time
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from components.protocol.json_text import error_body
from components.protocol.refusal import Refusal
from components.serving.answering import Answer, HttpCall, answer_request, asked_model, count_rows
from components.serving.openapi import openapi_document, openapi_page
from components.serving.service import Service, Unanswered

log = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Scope = Mapping[str, Any]

REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
"""W3C Trace Context."""
ID_BYTES = 16
"""Of the id of a request that comes without one."""
OPEN_PATHS = {"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"}
"""What a probe asks, without a token."""
BROWSED_PATHS = {"/docs", "/openapi.json"}
"""What a person reads in a browser, which asks for the token as a password. Nothing else takes it so."""
FIRST_REFUSED, UNAUTHENTICATED = 400, 401
METRICS = ("/metrics", "/monitoring/prometheus/metrics")


def is_bearer(authorization: str, token: str) -> bool:
    """Whether a header has the token. How long that takes tells nothing of it."""
    return hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())


def _is_basic(authorization: str, token: str) -> bool:
    """Whether a header has the token as its password, as browsers send what a person types in."""
    scheme, _, given = authorization.partition(" ")
    try:
        password = base64.b64decode(given, validate=True).partition(b":")[2]
    except ValueError:
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(password, token.encode())


class Application:
    """Answers every request, and lets those finish that have begun when it is told to stop."""

    def __init__(
        self, service: Service, *, token: str | None, problems: Callable[[], list[str]], notes: Callable[[], list[str]] = list
    ) -> None:
        """Make an application.

        Args:
            service: what answers.
            token: which a request must have; None asks for none.
            problems: says why the service is not ready; an empty list if it is.
            notes: says what is wrong although it is.
        """
        self.service, self.token, self.problems, self.notes = service, token, problems, notes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        path = (scope["raw_path"] + query).decode("latin-1")
        named = headers.get(b"x-request-id", "")
        request_id = named if REQUEST_ID.fullmatch(named) else os.urandom(ID_BYTES).hex()
        trace = TRACE.fullmatch(headers[b"traceparent"]) if b"traceparent" in headers else None
        body: bytes | None = None
        try:
            self._require_token(scope["path"], headers)
            async with asyncio.timeout(self.service.limits.seconds):
                body = await self._body(headers, receive)
                call = HttpCall(scope["method"], path, body, request_id, trace[1] if trace else None, time.time_ns() // 1000)
                answer = await self._answer(call)
        except Refusal as refusal:
            answer = Answer(refusal.status, b"" if refusal.silent else error_body(refusal.text))
        except TimeoutError:
            late = (408, b"the body did not come in time") if body is None else (504, b"the answer took too long")
            answer = Answer(late[0], error_body(late[1]))
        except ConnectionAbortedError:
            return
        except Exception:
            log.exception("a request failed", extra={"path": scope["path"], "request_id": request_id})
            answer = Answer(500, error_body(b"an internal error, which the service's log has"))
        if answer.status >= FIRST_REFUSED:
            route, model = asked_model(scope["method"], path)
            answer = replace(answer, route=route if answer.route == "other" else answer.route)
            self._remember_refused(model, request_id, answer.status, body, time.perf_counter() - started)
        sent = _headers(answer, request_id, trace and trace[0], is_browsed=scope["path"] in BROWSED_PATHS)
        await send({"type": "http.response.start", "status": answer.status, "headers": sent})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})
        self.service.metrics.request(scope["method"][:16], answer.route, answer.status, time.perf_counter() - started)

    def _remember_refused(self, model: str | None, request_id: str, status: int, body: bytes | None, seconds: float) -> None:
        """Remember a request to predict by a model that is served, if it came from somebody who may ask."""
        if self.service.refuse is None or status == UNAUTHENTICATED or model is None:
            return
        if model in self.service.directory.models:
            self.service.refuse(Unanswered(model, request_id, status, count_rows(body or b""), seconds))

    def _require_token(self, path: str, headers: Mapping[bytes, str]) -> None:
        if self.token is None or path in OPEN_PATHS:
            return
        given = headers.get(b"authorization", "")
        if not is_bearer(given, self.token) and not (path in BROWSED_PATHS and _is_basic(given, self.token)):
            raise Refusal("the request needs the header `Authorization: Bearer TOKEN`, with the token of this service", "UNAUTHENTICATED")

    async def _body(self, headers: Mapping[bytes, str], receive: Receive) -> bytes:
        limit = self.service.limits.body_bytes
        length = headers.get(b"content-length", "0")
        if length.isdecimal() and int(length) > limit:
            raise _too_large(limit)
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionAbortedError
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise _too_large(limit)
            if not message.get("more_body"):
                body = parts[0] if len(parts) == 1 else b"".join(parts)
                return _inflated(body, limit) if headers.get(b"content-encoding") == "gzip" else body

    async def _answer(self, call: HttpCall) -> Answer:
        if call.method in ("GET", "HEAD"):
            if call.path == "/healthz":
                return Answer(200, b"ok\n", "/healthz", b"text/plain")
            if call.path in ("/readyz", "/v2/health/ready"):
                problems = self.problems()
                return Answer(
                    503 if problems else 200, ("\n".join(problems or ["ready", *self.notes()])).encode() + b"\n", "/readyz", b"text/plain"
                )
            if call.path in METRICS:
                return Answer(200, self.service.metrics.page(), "/metrics", b"text/plain; version=0.0.4; charset=utf-8")
            if call.path == "/openapi.json":
                return Answer(200, openapi_document(self.service.directory), "/openapi.json")
            if call.path in ("/", "/docs"):
                return Answer(200, openapi_page(self.service.directory), "/docs", b"text/html; charset=utf-8")
        return await answer_request(self.service, call)


def _inflated(body: bytes, limit: int) -> bytes:
    """What was compressed, as TensorFlow Serving takes it. No more is inflated than may be sent."""
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(body, limit + 1)
    except zlib.error:
        raise Refusal("the body is no gzip, as its Content-Encoding says") from None
    if len(plain) > limit:
        raise _too_large(limit)
    if not inflater.eof:
        raise Refusal("the body is no whole gzip, as its Content-Encoding says")
    return plain


def _too_large(limit: int) -> Refusal:
    return Refusal(f"the body has more than {limit:,} bytes: send several requests", status=413)


def _headers(answer: Answer, request_id: str, traceparent: str | None, *, is_browsed: bool) -> list[tuple[bytes, bytes]]:
    sent = [
        (b"content-type", answer.content_type),
        (b"content-length", str(len(answer.body)).encode()),
        (b"x-request-id", request_id.encode()),
    ]
    if answer.status == UNAUTHENTICATED:
        sent.append((b"www-authenticate", b'Basic realm="the token is the password", charset="UTF-8"' if is_browsed else b"Bearer"))
    if answer.version is not None:
        sent.append((b"x-model-version", str(answer.version).encode()))
    if traceparent is not None:
        sent.append((b"traceparent", traceparent.encode("latin-1")))
    return sent
