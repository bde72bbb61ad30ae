"""A proxy in front of a service, which a test may turn into a black hole: it takes connections and bytes, and gives nothing back."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """Listens on a port of 127.0.0.1, and passes on what it is sent."""

    server: socket.socket
    target: tuple[str, int]
    silent: Event = field(default_factory=Event)
    """Once it is set, no byte passes in either direction, whoever was connected before."""
    taken: list[socket.socket] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.getsockname()[1]}"

    def serve(self) -> None:
        """Take connections until the server is shut down."""
        with suppress(OSError):
            while True:
                client = self.server.accept()[0]
                self.taken.append(client)
                if self.silent.is_set():
                    continue
                try:
                    service = socket.create_connection(self.target)
                except ConnectionRefusedError:
                    client.close()
                    continue
                self.taken.append(service)
                for source, sink in ((client, service), (service, client)):
                    Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while content := source.recv(1 << 16):
                if not self.silent.is_set():
                    sink.sendall(content)
            if not self.silent.is_set():
                sink.shutdown(socket.SHUT_WR)


@contextmanager
def proxy(endpoint: str) -> Iterator[Proxy]:
    """A proxy of a service at http://HOST:PORT, as long as the block lasts."""
    address = urlsplit(endpoint)
    assert address.hostname is not None
    assert address.port is not None
    with socket.create_server(("127.0.0.1", 0)) as server:
        running = Proxy(server, (address.hostname, address.port))
        thread = Thread(target=running.serve, daemon=True)
        thread.start()
        try:
            yield running
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in running.taken:
                connection.close()
