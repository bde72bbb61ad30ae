"""The HTTP server of an instance: its Admin API, the token endpoint, its health."""

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler
from pg8000.native import DatabaseError

from cloud_sql.api import AdminApi
from cloud_sql.errors import ApiError, GrantError
from cloud_sql.oauth import ServiceAccounts


def make_application(api: AdminApi, accounts: ServiceAccounts) -> web.Application:
    """All that a client of Google Cloud may ask, and GET /healthz."""

    async def token(request: web.Request) -> web.Response:
        form = await request.post()
        return web.json_response(accounts.grant(str(form.get("grant_type")), str(form.get("assertion"))))

    async def health(request: web.Request) -> web.Response:
        is_healthy = await asyncio.to_thread(api.instance.is_healthy)
        return web.Response(status=200 if is_healthy else 503, text="ok" if is_healthy else "PostgreSQL does not answer")

    application = web.Application(middlewares=[_answer_errors])
    application.add_routes([*api.routes(), web.post("/token", token), web.get("/healthz", health)])
    return application


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return web.json_response(error.body, status=error.status)
    except GrantError as error:
        return web.json_response(error.body, status=400)
    except DatabaseError as error:  # what PostgreSQL refuses, such as a name that is taken
        refused = ApiError(400, "invalidRequest", f"Invalid request: {error.args[0]['M']}.")
        return web.json_response(refused.body, status=refused.status)
