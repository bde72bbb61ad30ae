"""A proxy between Cloud Storage's client and its emulator: it passes everything on, but for what a test tells it to do otherwise."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

from components.settings import Settings

Answer = Callable[[str, bytes, Callable[[], requests.Response]], int | None]
"""Gets method and address, what was sent, and a function that passes the request on; returns a status to answer instead, or None."""
HOP = {"connection", "content-encoding", "content-length", "date", "server", "transfer-encoding"}


@contextmanager
def between(settings: Settings, answer: Answer) -> Iterator[Settings]:
    """Settings whose Cloud Storage is reached through the proxy."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))

            def forward() -> requests.Response:
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                return requests.request(self.command, f"{settings.storage_endpoint}{self.path}", headers=headers, data=body, timeout=30)

            status = answer(f"{self.command} {self.path}", body, forward)
            if status is not None:
                self._send(status, {}, b'{"error": {"message": "not now"}}')
            else:
                done = forward()
                self._send(done.status_code, dict(done.headers), done.content)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = pass_on  # noqa: N815 - the server's names

        def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *values: object) -> None:  # noqa: A002 - the server's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield settings.model_copy(update={"storage_endpoint": f"http://127.0.0.1:{server.server_address[1]}"})
    finally:
        server.shutdown()
        server.server_close()
