"""Reading, changing and deleting one object by the JSON API."""

from dataclasses import replace

from starlette.responses import JSONResponse, Response

from cloud_storage.calls import Call
from cloud_storage.errors import InvalidError
from cloud_storage.json_api.downloads import content_response
from cloud_storage.json_api.preconditions import preconditions
from cloud_storage.json_api.resources import OBJECT_FIELDS, Resource, now, object_resource
from cloud_storage.state.store import NewObject


def get(call: Call) -> Response:
    """An object's resource or, with `alt=media`, its content."""
    conditions = preconditions(call.query)
    if call.query.get("alt") == "media":
        return download(call)
    with call.store.transaction() as change:
        stored = change.object(call.bucket, call.name, call.generation, soft_deleted=call.flag("softDeleted"))
    conditions.check(stored.generation, stored.metageneration, reading=True)
    return JSONResponse(object_resource(stored, call.root))


def download(call: Call) -> Response:
    """An object's content."""
    stored, file = call.store.open(call.bucket, call.name, call.generation, preconditions(call.query))
    return content_response(stored, file, call.headers)


def delete(call: Call) -> Response:
    """Without a generation the live version is retired; with one, that version is removed."""
    with call.store.transaction() as change:
        stored = change.object(call.bucket, call.name, call.generation)
        preconditions(call.query).check(stored.generation, stored.metageneration)
        if call.generation is None:
            change.retire(stored, now())
        else:
            change.remove(stored, now())
    return Response(status_code=204)


def patch(call: Call) -> Response:
    """Change the fields that the body names; null removes one."""
    return _change(call, keep_others=True)


def update(call: Call) -> Response:
    """Replace all fields that a client may set."""
    return _change(call, keep_others=False)


def _change(call: Call, *, keep_others: bool) -> Response:
    changes = given_fields(call.body)
    with call.store.transaction() as change:
        stored = change.object(call.bucket, call.name, call.generation)
        preconditions(call.query).check(stored.generation, stored.metageneration)
        given = merged(stored.given if keep_others else {}, changes)
        stored = replace(stored, given=given, metageneration=stored.metageneration + 1, updated=now())
        change.rows.save(stored)
    return JSONResponse(object_resource(stored, call.root))


def restore(call: Call) -> Response:
    """Make a soft-deleted version live again, as a new generation with the same bytes."""
    if call.generation is None:
        raise InvalidError("Required parameter: generation", reason="required")
    with call.store.transaction() as change:
        deleted = change.object(call.bucket, call.name, call.generation, soft_deleted=True)
        new = NewObject(call.bucket, call.name, deleted.given, deleted.storage_class)
        stored = change.publish(new, deleted.content, preconditions(call.query))
    return JSONResponse(object_resource(stored, call.root))


def given_fields(body: Resource) -> Resource:
    """The fields of an object's resource that a client may set. Others are ignored, as the service does."""
    return {name: body[name] for name in OBJECT_FIELDS if name in body}


def merged(old: Resource, changes: Resource) -> Resource:
    """A JSON merge patch (RFC 7396): null removes, objects merge, everything else replaces."""
    result = dict(old)
    for name, value in changes.items():
        before = result.get(name)
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = merged(before if isinstance(before, dict) else {}, value)
        else:
            result[name] = value
    return result
