"""From bytes that arrive to a live object: received on disk, verified, made durable, then published in one step."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace

from starlette.concurrency import run_in_threadpool

from cloud_storage.calls import Call
from cloud_storage.errors import InvalidError
from cloud_storage.json_api.objects import given_fields
from cloud_storage.json_api.preconditions import ANY, Preconditions, preconditions
from cloud_storage.json_api.resources import Content, StoredObject, check_storage_class
from cloud_storage.state.files import BLOCK_BYTES, Incoming
from cloud_storage.state.store import NewObject, Store

LONGEST_NAME_BYTES = 1024


@dataclass(frozen=True)
class Draft:
    """What a client said of an object, before or beside its bytes."""

    new: NewObject
    conditions: Preconditions = ANY
    checksums: dict[str, str] = field(default_factory=dict)
    """`md5` and `crc32c` in base64, as far as the client told them."""


def draft(call: Call, content_type: str | None) -> Draft:
    """The draft in an upload's resource, parameters and headers. The resource's own content type goes before `content_type`."""
    name = check_name(call.query.get("name", call.body.get("name")))
    given = {"contentType": content_type} | given_fields(call.body)
    storage_class = check_storage_class(call.body["storageClass"]) if "storageClass" in call.body else None
    told = {"md5": call.body.get("md5Hash"), "crc32c": call.body.get("crc32c")}
    checksums = {kind: str(value) for kind, value in told.items() if value}
    new = NewObject(call.bucket, name, given, storage_class)
    return Draft(new, preconditions(call.query), checksums | header_checksums(call.headers))


def header_checksums(headers: Mapping[str, str]) -> dict[str, str]:
    """The checksums in the headers: `X-Goog-Hash: crc32c=...,md5=...` or `Content-MD5`."""
    checksums = {"md5": headers["content-md5"]} if "content-md5" in headers else {}
    for item in headers.get("x-goog-hash", "").split(","):
        kind, _, value = item.strip().partition("=")
        if kind in ("md5", "crc32c"):
            checksums[kind] = value
    return checksums


def check_name(name: object) -> str:
    """An object's name. Raises InvalidError for what cannot be one."""
    if not isinstance(name, str) or not name:
        raise InvalidError("Required parameter: name", reason="required")
    if len(name.encode()) > LONGEST_NAME_BYTES or "\n" in name or "\r" in name or name in (".", ".."):
        raise InvalidError(f"Invalid object name: {name[:100]!r}")
    return name


async def spool(blocks: AsyncIterator[bytes], incoming: Incoming) -> None:
    """Write a body to disk as it arrives, off the event loop."""
    buffer = bytearray()
    async for block in blocks:
        buffer += block
        if len(buffer) >= BLOCK_BYTES:
            await run_in_threadpool(incoming.write, bytes(buffer))
            buffer.clear()
    if buffer:
        await run_in_threadpool(incoming.write, bytes(buffer))


def publish(store: Store, incoming: Incoming, about: Draft, *, components: int | None = None) -> StoredObject:
    """Turn what has arrived into the live version. Nothing is left of it if that is refused or fails."""
    content = incoming.seal()
    _verify(content, about.checksums)
    if components is not None:
        content = replace(content, md5=None, components=components)
    store.keep(content)
    try:
        with store.transaction() as change:
            return change.publish(about.new, content, about.conditions)
    except BaseException:
        store.discard(content)
        raise


def _verify(content: Content, checksums: Mapping[str, str]) -> None:
    calculated = {"md5": content.md5, "crc32c": content.crc32c}
    for kind, told in checksums.items():
        if told != calculated[kind]:
            raise InvalidError(f'Provided {kind.upper()} hash "{told}" doesn\'t match calculated {kind.upper()} hash "{calculated[kind]}".')
