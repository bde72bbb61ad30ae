"""New objects out of old ones: copied, moved, rewritten to another class, composed."""

from starlette.responses import JSONResponse, Response

from cloud_storage.calls import Call
from cloud_storage.errors import InvalidError
from cloud_storage.json_api.objects import given_fields
from cloud_storage.json_api.preconditions import preconditions
from cloud_storage.json_api.resources import (
    Json,
    Resource,
    StoredObject,
    check_storage_class,
    checked_number,
    now,
    object_resource,
    section,
    whole_number,
)
from cloud_storage.state.files import BLOCK_BYTES, Incoming
from cloud_storage.state.publishing import Draft, check_name, publish
from cloud_storage.state.store import NewObject

MOST_COMPONENTS = 32
MOST_REWRITTEN_BYTES = 16 << 20
"""In one call, if the bytes have to move to another class."""


def copy(call: Call) -> Response:
    """Copy an object. The new one shares the old one's bytes on disk."""
    return JSONResponse(object_resource(_copied(call), call.root))


def rewrite(call: Call) -> Response:
    """Copy an object, possibly to another class, which takes several calls if it is large: here nothing is done until the last."""
    with call.store.transaction() as change:
        source = change.object(call.bucket, call.name, call.number("sourceGeneration"))
        storage_class = call.body.get("storageClass", change.bucket(call.path["to_bucket"]).storage_class)
    size = source.content.size
    answer: Resource = {"kind": "storage#rewriteResponse", "objectSize": str(size)}
    at_once = size if storage_class == source.storage_class else MOST_REWRITTEN_BYTES
    rewritten = _rewritten(call.query.get("rewriteToken", "0")) + at_once
    if rewritten < size:
        return JSONResponse(answer | {"done": False, "totalBytesRewritten": str(rewritten), "rewriteToken": f"rewritten-{rewritten}"})
    resource = object_resource(_copied(call), call.root)
    return JSONResponse(answer | {"done": True, "totalBytesRewritten": str(size), "resource": resource})


def _rewritten(token: str) -> int:
    count = token.removeprefix("rewritten-")
    if not count.isdecimal():
        raise InvalidError(f"Invalid value for rewriteToken: {token!r} is none that this service gave out.")
    return checked_number(count)


def move(call: Call) -> Response:
    """Rename an object within its bucket, at once."""
    return JSONResponse(object_resource(_copied(call, moving=True), call.root))


def _copied(call: Call, *, moving: bool = False) -> StoredObject:
    to_bucket, to_name = call.path.get("to_bucket", call.bucket), check_name(call.path["to_name"])
    with call.store.transaction() as change:
        source = change.object(call.bucket, call.name, call.number("sourceGeneration"))
        preconditions(call.query, "ifSource").check(source.generation, source.metageneration)
        given = given_fields(call.body) or source.given  # what a client gives stands for all of it
        storage_class = source.storage_class if moving else None
        if "storageClass" in call.body:
            storage_class = check_storage_class(call.body["storageClass"])
        stored = change.publish(NewObject(to_bucket, to_name, given, storage_class), source.content, preconditions(call.query))
        if moving:
            change.retire(source, now())
    return stored


def compose(call: Call) -> Response:
    """Join up to 32 objects of a bucket to one."""
    sources = call.body.get("sourceObjects")
    if not isinstance(sources, list) or not 1 <= len(sources) <= MOST_COMPONENTS:
        raise InvalidError(f"A composed object needs 1 to {MOST_COMPONENTS} source objects.")
    destination = section(call.body, "destination")
    storage_class = check_storage_class(destination["storageClass"]) if "storageClass" in destination else None
    new = NewObject(call.bucket, check_name(call.name), given_fields(destination), storage_class)
    incoming = call.store.receive()
    try:
        components = sum(_append(call, incoming, source) for source in sources)
        stored = publish(call.store, incoming, Draft(new, preconditions(call.query)), components=components)
    finally:
        incoming.drop()
    return JSONResponse(object_resource(stored, call.root))


def _append(call: Call, incoming: Incoming, source: Json) -> int:
    """Add a source's bytes; tells how many components it has itself."""
    source = source if isinstance(source, dict) else {}
    generation = whole_number(source.get("generation")) or None
    conditions: Resource = section(source, "objectPreconditions")
    stored, file = call.store.open(call.bucket, str(source.get("name")), generation, preconditions(conditions))
    with file:
        while block := file.read(BLOCK_BYTES):
            incoming.write(block)
    return stored.content.components or 1
