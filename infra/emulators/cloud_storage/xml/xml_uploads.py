"""Multipart uploads of the XML API: parts in any order and at once, then joined. The client's transfer manager uses them."""

import secrets
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from cloud_storage.calls import Call, parse, read_bytes
from cloud_storage.errors import InvalidError, NotFoundError
from cloud_storage.json_api.resources import Content
from cloud_storage.state.files import Incoming
from cloud_storage.state.publishing import Draft, publish, spool
from cloud_storage.state.store import Store

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass
class PartedUpload:
    """An upload under way, in memory like a resumable one."""

    about: Draft
    parts: dict[int, Incoming] = field(default_factory=dict)

    def drop(self) -> None:
        """Forget all parts."""
        for part in self.parts.values():
            part.drop()


async def answer_parts(request: Request, about: Draft) -> Response:
    """Begin an upload, take a part, join all parts, or give the upload up."""
    uploads: dict[str, PartedUpload] = request.app.state.parted_uploads
    call = parse(request, {})
    if "uploads" in call.query:
        identifier = secrets.token_urlsafe(32)
        uploads[identifier] = PartedUpload(about)
        return _xml("InitiateMultipartUploadResult", call, f"<UploadId>{identifier}</UploadId>")
    identifier = call.query["uploadId"]
    if identifier not in uploads:
        raise NotFoundError(f"There is no upload {identifier}: it was completed or given up, or the emulator was restarted since.")
    if request.method == "PUT":
        return await _take_part(request, call, uploads[identifier])
    await read_bytes(request)
    upload = uploads.pop(identifier)
    try:
        if request.method == "DELETE":
            return Response(status_code=204)
        await run_in_threadpool(_join, call.store, upload)
    finally:
        upload.drop()
    return _xml("CompleteMultipartUploadResult", call, "")


async def _take_part(request: Request, call: Call, upload: PartedUpload) -> Response:
    number = call.number("partNumber")
    if number is None:
        raise InvalidError("Required parameter: partNumber", reason="required")
    incoming = await run_in_threadpool(call.store.receive)
    try:
        await spool(request.stream(), incoming)
        content: Content = await run_in_threadpool(incoming.seal)
    except BaseException:
        incoming.drop()
        raise
    replaced = upload.parts.pop(number, None)
    upload.parts[number] = incoming
    if replaced is not None:
        replaced.drop()
    return Response(headers={"ETag": f'"{content.md5}"', "X-Goog-Hash": f"crc32c={content.crc32c},md5={content.md5}"})


def _join(store: Store, upload: PartedUpload) -> None:
    incoming = store.receive()
    try:
        for number in sorted(upload.parts):
            for block in upload.parts[number].blocks():
                incoming.write(block)
        publish(store, incoming, upload.about, components=len(upload.parts))
    finally:
        incoming.drop()


def _xml(kind: str, call: Call, text: str) -> Response:
    where = f"<Bucket>{call.bucket}</Bucket><Key>{escape(call.name)}</Key>"
    return Response(f'<{kind} xmlns="{NAMESPACE}">{where}{text}</{kind}>', media_type="application/xml")
