"""The part of the XML API that clients use: objects by their plain path, signed URLs, listings, and uploads in parts."""

from xml.sax.saxutils import escape

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from cloud_storage.calls import Call, parse, read_bytes
from cloud_storage.errors import InvalidError
from cloud_storage.json_api.downloads import content_response
from cloud_storage.json_api.listing import LARGEST_PAGE, Listing, read_page
from cloud_storage.json_api.preconditions import Preconditions, preconditions
from cloud_storage.json_api.resources import Resource, StoredObject, now, timestamp
from cloud_storage.state.publishing import Draft, check_name, header_checksums, publish, spool
from cloud_storage.state.store import NewObject
from cloud_storage.xml.xml_uploads import NAMESPACE, answer_parts

META = "x-goog-meta-"
HEADER_FIELDS = {
    "cache-control": "cacheControl",
    "content-disposition": "contentDisposition",
    "content-encoding": "contentEncoding",
    "content-language": "contentLanguage",
    "content-type": "contentType",
}
HEADER_CONDITIONS = {
    "x-goog-if-generation-match": "ifGenerationMatch",
    "x-goog-if-metageneration-match": "ifMetagenerationMatch",
}


async def serve(request: Request) -> Response:
    """Answer whatever a path without /storage/ asks for."""
    call = parse(request, {})
    if not call.name:
        return await run_in_threadpool(_list, call)
    if "uploadId" in call.query or "uploads" in call.query:
        return await answer_parts(request, _draft(call))
    if request.method == "PUT":
        return await _put(request, call)
    await read_bytes(request)
    handlers = {"GET": _get, "HEAD": _get, "DELETE": _delete}
    if request.method not in handlers:
        raise InvalidError(f"{request.method} is not served for the path of an object.")
    return await run_in_threadpool(handlers[request.method], call, request.method)


def _get(call: Call, method: str) -> Response:
    stored, file = call.store.open(call.bucket, call.name, call.generation, _conditions(call))
    return content_response(stored, file, call.headers, head=method == "HEAD")


def _delete(call: Call, _: str) -> Response:
    with call.store.transaction() as change:
        stored = change.object(call.bucket, call.name, call.generation)
        _conditions(call).check(stored.generation, stored.metageneration)
        (change.retire if call.generation is None else change.remove)(stored, now())
    return Response(status_code=204)


async def _put(request: Request, call: Call) -> Response:
    incoming = await run_in_threadpool(call.store.receive)
    try:
        await spool(request.stream(), incoming)
        stored = await run_in_threadpool(publish, call.store, incoming, _draft(call))
    finally:
        incoming.drop()
    hashes = f"crc32c={stored.content.crc32c},md5={stored.content.md5}"
    headers = {"ETag": f'"{stored.content.md5}"', "X-Goog-Generation": str(stored.generation), "X-Goog-Hash": hashes}
    return Response(headers=headers)


def _draft(call: Call) -> Draft:
    given: Resource = {field: call.headers[header] for header, field in HEADER_FIELDS.items() if header in call.headers}
    metadata: Resource = {name.removeprefix(META): value for name, value in call.headers.items() if name.startswith(META)}
    if metadata:
        given["metadata"] = metadata
    new = NewObject(call.bucket, check_name(call.name), given)
    return Draft(new, _conditions(call), header_checksums(call.headers))


def _conditions(call: Call) -> Preconditions:
    return preconditions({name: call.headers[header] for header, name in HEADER_CONDITIONS.items() if header in call.headers})


def _list(call: Call, _: str = "GET") -> Response:
    """A listing as Amazon S3 gives it, which is also how the XML API does; DuckDB finds the files behind a glob with it."""
    listing = Listing(call.bucket, prefix=call.query.get("prefix", ""), delimiter=call.query.get("delimiter", ""))
    limit = call.number("max-keys") or LARGEST_PAGE
    with call.store.transaction() as change:
        change.bucket(call.bucket)
        page = read_page(change.rows, listing, limit, call.query.get("continuation-token", ""))
    text = (
        f"<Name>{call.bucket}</Name><Prefix>{escape(listing.prefix)}</Prefix><KeyCount>{len(page.objects)}</KeyCount>"
        f"<MaxKeys>{limit}</MaxKeys><IsTruncated>{str(page.next_token is not None).lower()}</IsTruncated>"
    )
    if page.next_token is not None:
        text += f"<NextContinuationToken>{page.next_token}</NextContinuationToken>"
    text += "".join(map(_contents, page.objects))
    text += "".join(f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>" for folder in page.folders)
    text = f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="{NAMESPACE}">{text}</ListBucketResult>'
    return Response(text, media_type="application/xml")


def _contents(stored: StoredObject) -> str:
    return (
        f"<Contents><Key>{escape(stored.name)}</Key><LastModified>{timestamp(stored.updated)}</LastModified>"
        f"<ETag>&quot;{stored.content.md5 or stored.content.crc32c}&quot;</ETag><Size>{stored.content.size}</Size>"
        f"<StorageClass>{stored.storage_class}</StorageClass></Contents>"
    )
