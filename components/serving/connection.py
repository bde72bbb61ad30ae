"""A connection over HTTP whose requests come in time: uvicorn waits for ever for the head of one, and takes any amount of it."""

from asyncio import TimerHandle, Transport
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from components.protocol.json_text import error_body

HEAD_SECONDS = 30.0
"""From the connection, or from a request's first byte, to the end of its headers."""
HEAD_BYTES = 1 << 16
"""Of a request's line and headers, beyond the piece in which the request before ended."""


class Connection(HttpToolsProtocol):
    """Refuses a head that is late or too long; bodies have limits of their own."""

    _timer: TimerHandle | None = None
    _is_in_head = True
    _bytes = _piece = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, if the head does not get too long."""
        self._piece = len(data)
        super().data_received(data)
        if self._is_in_head:
            self._bytes += self._piece
            if self._bytes > HEAD_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the headers have more than {HEAD_BYTES:,} bytes")

    def on_message_begin(self) -> None:
        """Wait for the head."""
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        """Go on with the body."""
        super().on_headers_complete()
        self._is_in_head = False
        self._wait_no_more()

    def on_message_complete(self) -> None:
        """What comes next is a head again."""
        super().on_message_complete()
        self._is_in_head, self._bytes = True, -self._piece

    def _wait(self) -> None:
        self._wait_no_more()
        self._timer = self.loop.call_later(HEAD_SECONDS, self._refuse, HTTPStatus.REQUEST_TIMEOUT, "the headers did not come in time")

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        if self.transport.is_closing():
            return
        body = error_body(text.encode())
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()
