"""What a test may break on purpose, if the emulator was started with --faults."""

import asyncio
import json
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud_storage.errors import ServiceError, json_response

FAULTS, CALLS = "/_faults", "/_calls"


@dataclass
class Fault:
    """What befalls the next `count` requests of this method, if one is named, whose path and query contain `path`."""

    path: str
    method: str = ""
    count: int = 1
    delay_seconds: float = 0.0
    status: int = 0
    """Refuse it; 0 is to let it through."""
    cut_bytes: int = -1
    """Break the connection when so many bytes of its body have arrived; a negative number is never."""


class InjectedError(ServiceError):
    """A refusal that a fault asked for."""

    def __init__(self, status: int) -> None:
        super().__init__("injected fault")
        self.status = status


@dataclass
class Faults:
    """Around the application: the faults that wait for their request, and the requests seen so far.

    Adds PUT /_faults (a list of Fault), GET and DELETE /_calls.
    """

    app: ASGIApp
    pending: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, and break what is to be broken."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["path"] in (FAULTS, CALLS):
            await (await self._control(Request(scope, receive)))(scope, receive, send)
        else:
            await self._strike(scope, receive, send)

    async def _control(self, request: Request) -> Response:
        if request.url.path == FAULTS:
            self.pending = [Fault(**fault) for fault in json.loads(await request.body())]
        elif request.method == "DELETE":
            self.calls.clear()
        return JSONResponse(self.calls)

    async def _strike(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = f"{scope['path']}?{scope['query_string'].decode()}"
        self.calls.append(f"{scope['method']} {asked}")
        fault = next((it for it in self.pending if it.count and it.path in asked and it.method in ("", scope["method"])), None)
        if fault is None:
            await self.app(scope, receive, send)
            return
        fault.count -= 1
        await asyncio.sleep(fault.delay_seconds)
        if fault.status:
            while (await receive()).get("more_body"):
                pass
            await json_response(InjectedError(fault.status))(scope, receive, send)
        elif fault.cut_bytes >= 0:
            await self._cut(scope, receive, send, left=fault.cut_bytes)
        else:
            await self.app(scope, receive, send)

    async def _cut(self, scope: Scope, receive: Receive, send: Send, *, left: int) -> None:
        async def receive_some() -> Message:
            nonlocal left
            if not left:
                return {"type": "http.disconnect"}
            message = await receive()
            body = message.get("body", b"")[:left]
            left = left - len(body) if message.get("more_body") else 0
            return {"type": "http.request", "body": body, "more_body": True}

        async def send_nothing(_: Message) -> None:
            """Nobody is there any more."""

        await self.app(scope, receive_some, send_nothing)
        # A response that has begun and does not go on makes the server close the connection.
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
