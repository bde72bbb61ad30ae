"""A call of the JSON API, parsed once; handlers get it in a thread of their own and never see the event loop."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response

from cloud_storage.errors import InvalidError
from cloud_storage.json_api.resources import Resource, checked_number
from cloud_storage.state.store import Store

LARGEST_DOCUMENT_BYTES = 8 << 20


@dataclass(frozen=True)
class Call:
    """What a handler needs to know."""

    store: Store
    path: dict[str, str]
    query: QueryParams
    headers: Headers
    root: str
    """Scheme and host that the client used."""
    body: Resource

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.path["bucket"]

    @property
    def name(self) -> str:
        """The object's name; empty where the path is a bucket's."""
        return self.path.get("name", "")

    @property
    def generation(self) -> int | None:
        """The version that is meant; None is the live one."""
        return self.number("generation")

    def flag(self, name: str) -> bool:
        """Whether a parameter says true."""
        return self.query.get(name, "").lower() == "true"

    def number(self, name: str) -> int | None:
        """A parameter that is a whole number, if it is there."""
        value = self.query.get(name)
        if value is None:
            return None
        if not value.isdecimal():
            raise InvalidError(f"Invalid value for {name}: {value!r} is no whole number.")
        return checked_number(value)


def endpoint(handler: Callable[[Call], Response]) -> Callable[[Request], Awaitable[Response]]:
    """Serve requests by a plain function of a call."""

    async def answer(request: Request) -> Response:
        return await run_in_threadpool(handler, parse(request, await read_document(request)))

    return answer


def parse(request: Request, body: Resource) -> Call:
    """The call that a request makes; `body` is given because some requests carry an object's bytes instead."""
    return Call(
        store=request.app.state.store,
        path=request.path_params,
        query=request.query_params,
        headers=request.headers,
        root=f"{request.url.scheme}://{request.url.netloc}",
        body=body,
    )


async def read_document(request: Request) -> Resource:
    """The JSON object in a request's body; empty if there is no body."""
    return parse_document(await read_bytes(request))


async def read_bytes(request: Request) -> bytes:
    """A body that is no object's content and so must be small."""
    body = b""
    async for block in request.stream():
        body += block
        if len(body) > LARGEST_DOCUMENT_BYTES:
            raise InvalidError(f"The request's body is larger than {LARGEST_DOCUMENT_BYTES} bytes.")
    return body


def parse_document(text: bytes) -> Resource:
    """A JSON object. Raises InvalidError for anything else."""
    try:
        document = json.loads(text or b"{}")
    except (ValueError, RecursionError) as error:
        raise InvalidError("Parse Error", reason="parseError") from error
    if not isinstance(document, dict):
        raise InvalidError(f"Parse Error: a JSON object is expected, not {type(document).__name__}", reason="parseError")
    return document
