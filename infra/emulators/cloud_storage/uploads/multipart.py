"""A multipart/related body, read as it arrives: one small document, then content of any length."""

from collections.abc import AsyncIterator
from email.message import Message

from cloud_storage.calls import LARGEST_DOCUMENT_BYTES
from cloud_storage.errors import InvalidError


def boundary_of(content_type: str) -> bytes:
    """The boundary in a Content-Type header; some clients put it in single quotes."""
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_param("boundary")
    if not isinstance(boundary, str):
        raise InvalidError(f"Content-Type {content_type!r} names no boundary.")
    return boundary.strip("'").encode()


class RelatedBody:
    """The two parts, to be read in turn: `document`, then `content`. Lines end as the first one does, with or without CR."""

    def __init__(self, blocks: AsyncIterator[bytes], boundary: bytes) -> None:
        self._blocks = blocks
        self._boundary = b"--" + boundary
        self._newline = b"\r\n"
        self._buffer = b""
        self.content_type: str | None = None
        """Of the second part, once `document` was read."""

    async def document(self) -> bytes:
        """The first part."""
        line = b""
        while line.rstrip(b"\r") != self._boundary:  # nothing is said of what comes before the first boundary
            line = await self._read_until(b"\n")
        self._newline = b"\r\n" if line.endswith(b"\r") else b"\n"
        await self._headers()
        document = await self._read_until(self._newline + self._boundary)
        await self._read_until(self._newline)
        self.content_type = (await self._headers()).get("content-type")
        return document

    async def content(self) -> AsyncIterator[bytes]:
        """The second part."""
        end = self._newline + self._boundary
        while (found := self._buffer.find(end)) < 0:
            safe = max(0, len(self._buffer) - len(end) + 1)  # what follows may be the beginning of the end
            if safe:
                yield self._buffer[:safe]
            self._buffer = self._buffer[safe:]
            await self._read_more()
        yield self._buffer[:found]
        async for _ in self._blocks:  # the client waits until all was read
            pass

    async def _headers(self) -> dict[str, str]:
        headers = {}
        while line := await self._read_until(self._newline):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return headers

    async def _read_until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            if len(self._buffer) > LARGEST_DOCUMENT_BYTES:
                raise InvalidError(f"A multipart body's first part is larger than {LARGEST_DOCUMENT_BYTES} bytes.")
            await self._read_more()
        text, _, self._buffer = self._buffer.partition(end)
        return text

    async def _read_more(self) -> None:
        try:
            self._buffer += await anext(self._blocks)
        except StopAsyncIteration:
            raise InvalidError("The multipart body ends before its last boundary.") from None
