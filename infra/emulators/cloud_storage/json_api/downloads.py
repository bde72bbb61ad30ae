"""Answers that carry an object's bytes: whole, a range of them, or unpacked."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import format_datetime
from typing import BinaryIO
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse

from cloud_storage.errors import RangeError
from cloud_storage.json_api.resources import StoredObject, section
from cloud_storage.state.files import BLOCK_BYTES

DEFAULT_CONTENT_TYPE = "application/octet-stream"
HEADER_CHARACTERS = "".join(map(chr, range(0x20, 0x7F)))
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
CONTENT_HEADERS = {
    "Cache-Control": "cacheControl",
    "Content-Disposition": "contentDisposition",
    "Content-Encoding": "contentEncoding",
    "Content-Language": "contentLanguage",
}


@dataclass(frozen=True)
class Part:
    """The bytes from `first` up to, but not including, `end`."""

    first: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes that are."""
        return self.end - self.first


def requested_part(header: str, size: int) -> Part | None:
    """What a Range header asks for; None is everything, also for the kinds of ranges that may be ignored (RFC 9110, 14.2).

    Raises:
        RangeError: it begins at the end, or beyond.
    """
    match = RANGE.fullmatch(header.strip())
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    end = min(size, int(last) + 1) if first and last else size
    part = Part(int(first) if first else max(0, size - int(last)), end)  # without a first byte: the last so many
    if part.first >= size:
        raise RangeError(f"The requested range {header} cannot be satisfied: the object has {size} bytes.")
    return part


def content_response(stored: StoredObject, file: BinaryIO, request: Headers, *, head: bool = False) -> Response:
    """Answer with an object's content, as the request's headers want it. The file is closed once it was sent."""
    headers = _headers(stored)
    if stored.given.get("contentEncoding") == "gzip" and "gzip" not in request.get("accept-encoding", ""):
        del headers["Content-Encoding"]
        headers["Warning"] = "214 UploadServer gunzipped"
        return StreamingResponse(_unpacked(file), headers=headers)
    size, status = stored.content.size, 200
    try:
        part = requested_part(request.get("range", ""), size)
    except RangeError:
        file.close()
        raise
    if part is None:
        part = Part(0, size)
    else:
        headers["Content-Range"] = f"bytes {part.first}-{part.end - 1}/{size}"
        status = 206
    headers["Content-Length"] = str(part.size)
    if head:
        file.close()
        return Response(b"", status, headers)
    if part.size <= BLOCK_BYTES:
        return Response(b"".join(_blocks(file, part)), status, headers)
    return StreamingResponse(_blocks(file, part), status, headers)


def _headers(stored: StoredObject) -> dict[str, str]:
    content = stored.content
    hashes = f"crc32c={content.crc32c}" + (f",md5={content.md5}" if content.md5 else "")
    headers = {
        "Content-Type": str(stored.given.get("contentType", DEFAULT_CONTENT_TYPE)),
        "ETag": f'"{content.md5 or content.crc32c}"',
        "Last-Modified": format_datetime(stored.updated, usegmt=True),
        "Accept-Ranges": "bytes",
        "X-Goog-Generation": str(stored.generation),
        "X-Goog-Metageneration": str(stored.metageneration),
        "X-Goog-Storage-Class": stored.storage_class,
        "X-Goog-Stored-Content-Length": str(content.size),
        "X-Goog-Stored-Content-Encoding": str(stored.given.get("contentEncoding", "identity")),
        "X-Goog-Hash": hashes,
    }
    headers |= {header: str(stored.given[name]) for header, name in CONTENT_HEADERS.items() if name in stored.given}
    headers |= {f"X-Goog-Meta-{name}": str(value) for name, value in section(stored.given, "metadata").items()}
    return {name: quote(value, safe=HEADER_CHARACTERS) for name, value in headers.items()}


def _blocks(file: BinaryIO, part: Part) -> Iterator[bytes]:
    with file:
        file.seek(part.first)
        left = part.size
        while left and (block := file.read(min(left, BLOCK_BYTES))):
            left -= len(block)
            yield block


def _unpacked(file: BinaryIO) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # 16: with a gzip header
    with file:
        while block := file.read(BLOCK_BYTES):
            while block:
                yield unpacker.decompress(block, BLOCK_BYTES)
                block = unpacker.unconsumed_tail
    yield unpacker.flush()
