"""Uploads by the JSON API. In one request: bare content, or content after the object's resource. Or in several: resumable.py."""

from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cloud_storage.calls import Call, parse, parse_document
from cloud_storage.errors import InvalidError
from cloud_storage.json_api.resources import Resource, object_resource
from cloud_storage.state.publishing import Draft, draft, publish, spool
from cloud_storage.uploads import resumable
from cloud_storage.uploads.multipart import RelatedBody, boundary_of


async def upload(request: Request) -> Response:
    """Whatever kind of upload the parameters name."""
    if "upload_id" in request.query_params:
        return await resumable.advance(request)
    match request.query_params.get("uploadType"):
        case "resumable":
            return await resumable.begin(request)
        case "multipart":
            return await _multipart(request)
        case "media":
            return await _media(request)
        case other:
            raise InvalidError(f"Invalid value for uploadType: {other!r}; known are media, multipart and resumable.")


async def _media(request: Request) -> Response:
    encoding = request.query_params.get("contentEncoding")
    given: Resource = {"contentEncoding": encoding} if encoding else {}
    call = parse(request, given)
    return await _receive(call, draft(call, request.headers.get("content-type")), request.stream())


async def _multipart(request: Request) -> Response:
    body = RelatedBody(request.stream(), boundary_of(request.headers.get("content-type", "")))
    document = parse_document(await body.document())
    call = parse(request, document)
    return await _receive(call, draft(call, body.content_type), body.content())


async def _receive(call: Call, about: Draft, blocks: AsyncIterator[bytes]) -> Response:
    incoming = await run_in_threadpool(call.store.receive)
    try:
        await spool(blocks, incoming)
        stored = await run_in_threadpool(publish, call.store, incoming, about)
    finally:
        incoming.drop()
    return JSONResponse(object_resource(stored, call.root))
