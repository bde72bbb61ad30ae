"""A connection over HTTP whose requests come in time: uvicorn waits for ever for the head of one, and takes any amount of it."""

from asyncio import TimerHandle, Transport
from http import HTTPStatus
from typing import Literal

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from components.protocol.json_text import error_body

HEAD_SECONDS = 30.0
"""To the end of the headers, from the connection, the first byte or the answer before; from an early answer, to its request's end."""
HEAD_BYTES = 1 << 16
"""Of a request's line and headers, or of what is no body after them, beyond the piece in which the request or the body before ended."""


class Connection(HttpToolsProtocol):
    """Refuses a head that is late, and a head or trailers that are too long; bodies have limits of their own."""

    _timer: TimerHandle | None = None
    _part: Literal["head", "body"] | None = None
    """Of a request, which is being read."""
    _bytes = _piece = 0
    _refusal: tuple[HTTPStatus, str] | None = None
    """Of what is being read: it waits for the answers of what came before."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, if it does not get too long. Who owes a request and waits for no answer is timed: uvicorn forgets its own timer here."""
        if self._refusal is not None:
            return
        self._piece = len(data)
        super().data_received(data)
        self._bytes += self._piece
        if self._bytes > HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the headers have more than {HEAD_BYTES:,} bytes")
        elif self._timer is None and self._is_answered:
            self._wait()

    def on_message_begin(self) -> None:
        """Wait for the head."""
        super().on_message_begin()
        self._part = "head"
        if self._is_answered:
            self._wait()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, and no trailer."""
        if self._part == "head":
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Go on with the body."""
        super().on_headers_complete()
        self._part = "body"
        self._wait_no_more()

    def on_body(self, body: bytes) -> None:
        """Count anew what is no body."""
        super().on_body(body)
        self._bytes = -self._piece

    def on_message_complete(self) -> None:
        """What comes next is a head again."""
        super().on_message_complete()
        self._part, self._bytes = None, -self._piece
        self._wait_no_more()

    def on_response_complete(self) -> None:
        """Refuse what came after the request, if its turn has come; the rest of a request may not take for ever."""
        super().on_response_complete()
        if self._refusal is not None:
            self._refuse(*self._refusal)
        elif self._part is not None and self._is_answered:
            self._wait()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in its turn."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    @property
    def _is_answered(self) -> bool:
        """Whether every request is whose head has come."""
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        self._wait_no_more()
        self._timer = self.loop.call_later(HEAD_SECONDS, self._refuse, HTTPStatus.REQUEST_TIMEOUT, "the headers did not come in time")

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        """Refuse what is being read once all before it is answered; if it has its own answer already, only close."""
        if self.pipeline or (self._part != "body" and not self._is_answered):
            self._refusal = (status, text)
            self.flow.pause_reading()
        elif not self.transport.is_closing():
            if self._part != "body" or not self.cycle.response_started:
                body = error_body(text.encode())
                head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
                self.transport.write(STATUS_LINE[status] + head + body)
            if self._part == "body":
                self.cycle.disconnected = True
            self.transport.close()
