"""What a test may break on purpose, if the emulator was started with --faults."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler

from cloud_sql.authority import Certificates
from cloud_sql.errors import ApiError


@dataclass
class Fault:
    """The next `count` requests whose path contains `path` are delayed, then refused with `status` unless that is 0."""

    path: str
    count: int = 1
    status: int = 0
    delay_seconds: float = 0.0


@dataclass
class Faults:
    """The faults that wait for their request, and the requests seen so far."""

    pending: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def strike(self, request: web.Request) -> None:
        """Note a request, and break it if a fault waits for it.

        Raises:
            ApiError: the fault says so.
        """
        self.calls.append(f"{request.method} {request.path}")
        for fault in self.pending:
            if fault.path in request.path and fault.count > 0:
                fault.count -= 1
                await asyncio.sleep(fault.delay_seconds)
                if fault.status:
                    raise ApiError(fault.status, "backendError", "injected fault")


def let_tests_break(application: web.Application, certificates: Certificates, listen: Callable[[], Awaitable[None]]) -> None:
    """Add PUT /faults (a list of Fault), GET and DELETE /calls, PUT /certificate-seconds, POST /rotate-server-authority."""
    faults = Faults()

    @web.middleware
    async def strike(request: web.Request, handler: Handler) -> web.StreamResponse:
        if "/projects/" in request.path or request.path == "/token":
            await faults.strike(request)
        return await handler(request)

    async def put_faults(request: web.Request) -> web.Response:
        faults.pending = [Fault(**fault) for fault in await request.json()]
        return web.Response()

    async def get_calls(request: web.Request) -> web.Response:
        return web.json_response(faults.calls)

    async def delete_calls(request: web.Request) -> web.Response:
        faults.calls.clear()
        return web.Response()

    async def put_certificate_seconds(request: web.Request) -> web.Response:
        certificates.client_seconds = float(await request.json())
        return web.Response()

    async def rotate_server_authority(request: web.Request) -> web.Response:
        certificates.rotate_server()
        await listen()
        return web.Response()

    application.middlewares.append(strike)
    application.router.add_put("/faults", put_faults)
    application.router.add_get("/calls", get_calls)
    application.router.add_delete("/calls", delete_calls)
    application.router.add_put("/certificate-seconds", put_certificate_seconds)
    application.router.add_post("/rotate-server-authority", rotate_server_authority)
