"""The application: which path is answered by what, and how errors are told."""

import errno
import sqlite3
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from identity.policy import Policy
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, ExceptionHandler, Receive, Scope, Send

from cloud_storage.authentication import Authentication
from cloud_storage.calls import endpoint
from cloud_storage.errors import FullError, NotFoundError, ServiceError, json_response, xml_response
from cloud_storage.json_api import buckets, copies, listing, objects
from cloud_storage.json_api.batch import batch
from cloud_storage.permissions import JSON_PATHS, Permissions, is_json_api
from cloud_storage.state import lifecycle
from cloud_storage.state.store import Store
from cloud_storage.uploads.resumable import Sessions
from cloud_storage.uploads.uploads import upload
from cloud_storage.xml import xml

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
BUCKETS = "/storage/v1/b"
BUCKET = BUCKETS + "/{bucket}"
OBJECTS = BUCKET + "/o"
OBJECT = OBJECTS + "/{name:path}"


def application(store: Store, key: bytes | None, accounts: Path | None, policy: Policy) -> ASGIApp:
    """The emulator, over a store. With a key only requests with a token signed by it are served, and URLs signed by the accounts.

    Whom the policy names may do what it grants him.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        store.close()

    errors = (ServiceError, OSError, sqlite3.Error, HTTPException, ClientDisconnect)
    handlers: dict[Any, ExceptionHandler] = dict.fromkeys(errors, _tell)
    app = Starlette(routes=_routes(), exception_handlers=handlers, lifespan=lifespan)
    app.state.store = store
    app.state.sessions = Sessions()
    app.state.parted_uploads = {}
    return TitledHeaders(Authentication(Permissions(app), key, accounts, policy))


def _routes() -> list[BaseRoute]:
    def route(path: str, handler: Any, *methods: str) -> Route:
        return Route(path, endpoint(handler), methods=methods)

    return [
        route(BUCKETS, buckets.list_buckets, "GET"),
        route(BUCKETS, buckets.create, "POST"),
        route(BUCKET + "/iam", buckets.get_policy, "GET"),
        route(BUCKET + "/iam", buckets.set_policy, "PUT"),
        route(BUCKET + "/iam/testPermissions", buckets.test_permissions, "GET"),
        route(BUCKET + "/storageLayout", buckets.layout, "GET"),
        route(BUCKET, buckets.get, "GET"),
        route(BUCKET, buckets.patch, "PATCH"),
        route(BUCKET, buckets.update, "PUT"),
        route(BUCKET, buckets.delete, "DELETE"),
        route(OBJECTS, listing.list_objects, "GET"),
        route(OBJECT + "/compose", copies.compose, "POST"),
        route(OBJECT + "/restore", objects.restore, "POST"),
        route(OBJECT + "/copyTo/b/{to_bucket}/o/{to_name:path}", copies.copy, "POST"),
        route(OBJECT + "/rewriteTo/b/{to_bucket}/o/{to_name:path}", copies.rewrite, "POST"),
        route(OBJECT + "/moveTo/o/{to_name:path}", copies.move, "POST"),
        route(OBJECT, objects.get, "GET"),
        route(OBJECT, objects.patch, "PATCH"),
        route(OBJECT, objects.update, "PUT"),
        route(OBJECT, objects.delete, "DELETE"),
        route("/download" + OBJECT, objects.download, "GET"),
        Route("/upload" + OBJECTS, upload, methods=["POST", "PUT", "DELETE"]),
        Route("/resumable/upload" + OBJECTS, upload, methods=["POST", "PUT", "DELETE"]),
        Route("/batch/storage/v1", batch, methods=["POST"]),
        route("/_emulator/lifecycle", lifecycle.run_now, "POST"),
        *(Route(path + "{rest:path}", _no_such_call, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]) for path in JSON_PATHS),
        Route("/{bucket}", xml.serve, methods=["GET"]),
        Route("/{bucket}/{name:path}", xml.serve, methods=["GET", "HEAD", "PUT", "POST", "DELETE"]),
    ]


def _no_such_call(request: Request) -> Response:
    raise NotFoundError(f"{request.method} {request.url.path} is no call that this emulator knows.")


def _tell(request: Request, error: Exception) -> Response:
    """An error in the shape of the API that the path belongs to."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=499)  # nobody reads it
    return (json_response if is_json_api(request.url.path) else xml_response)(_service_error(request, error))


def _service_error(request: Request, error: Exception) -> ServiceError:
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, HTTPException):
        refusal = ServiceError(f"{request.method} {request.url.path}: {error.detail}", reason="methodNotAllowed")
        refusal.status = error.status_code
        return refusal
    if getattr(error, "errno", None) in NO_ROOM or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return FullError(f"The emulator's disk is full ({error}): nothing was changed; make room and try again.")
    return ServiceError(f"The emulator's disk failed ({error}): nothing was changed.")


class TitledHeaders:
    """Sends `Location` and `Range`, not `location` and `range`: TensorFlow's client looks them up by their exact case."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, and change the answer's head on its way out."""

        async def send_titled(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [(name.title(), value) for name, value in message["headers"]]
            await send(message)

        await self._app(scope, receive, send_titled)
