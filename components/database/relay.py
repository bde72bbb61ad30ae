"""A way to Cloud SQL for PostgreSQL's own programs: a socket that only this user reaches, and behind it a connection of the connector's.

That connection is logged in already, by IAM or with a password that the program never sees. The program is told what a server says
that asks for no password; from then on bytes pass both ways as they are.
"""

import contextlib
import select
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.database.dialer import READ_SECONDS, Dialer
from components.settings import Settings

SOCKET_NAME = ".s.PGSQL.5432"
"""As libpq calls it in the folder that it is given for a host."""
ENCRYPTION_REQUESTS = (80877103, 80877104)
"""For TLS and GSS, which nobody needs on this socket."""
PIECE = 1 << 16


@dataclass(frozen=True)
class Relay:
    """Where a program finds the server: once, since there is one connection."""

    folder: Path
    server_version: int
    """The major one."""


@contextmanager
def relay(settings: Settings) -> Iterator[Relay]:
    """A socket for one program, which is gone when the block ends.

    Raises:
        AccessError: the instance cannot be reached, or refuses the user.
    """
    dialer = Dialer(settings)
    connection = dialer.connect()
    try:
        with tempfile.TemporaryDirectory(prefix="perennial-") as folder, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(Path(folder) / SOCKET_NAME))
            listener.listen(1)
            server = threading.Thread(target=_serve, args=(listener, connection), daemon=True, name="cloud-sql-relay")
            server.start()
            try:
                yield Relay(Path(folder), int(connection.parameter_statuses["server_version"].split(".")[0]))
            finally:
                with contextlib.suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)  # for a program that never came
                server.join()
    finally:
        with contextlib.suppress(OSError):
            connection._sock.close()  # pg8000's file on the socket, which stays open as long as that is
            connection._usock.close()
        dialer.close()


def _serve(listener: socket.socket, connection: Any) -> None:
    with contextlib.suppress(OSError, EOFError):  # whoever hangs up; the program says what became of it
        program, _ = listener.accept()
        listener.close()  # or a program that wants to cancel what it does would wait for ever for a second connection
        with program:
            _read_startup(program)
            program.sendall(_welcome(connection))
            _pass_on(program, connection._usock)


def _read_startup(program: socket.socket) -> None:
    """Read the program's first packet, after refusing what it may ask for before. User and database are those of the connection."""
    with program.makefile("rb", buffering=0) as reader:
        while True:
            head = reader.read(8) or b""
            if len(head) < 8:
                raise EOFError
            length, code = struct.unpack("!II", head)
            if code not in ENCRYPTION_REQUESTS:
                break
            program.sendall(b"N")
        left = length - 8
        while left > 0:
            piece = reader.read(left)
            if not piece:
                raise EOFError
            left -= len(piece)


def _welcome(connection: Any) -> bytes:
    """That no password is needed, the parameters that the server has told, its key for cancelling, and that it is ready."""
    parameters = [f"{name}\0{value}\0".encode() for name, value in connection.parameter_statuses.items()]
    messages = [(b"R", struct.pack("!I", 0)), *((b"S", parameter) for parameter in parameters)]
    messages += [(b"K", connection._backend_key_data), (b"Z", b"I")]
    return b"".join(kind + struct.pack("!I", 4 + len(body)) + body for kind, body in messages)


def _pass_on(program: socket.socket, server: ssl.SSLSocket) -> None:
    """Until one of the two hangs up."""
    while True:
        ready = [server] if server.pending() else select.select([program, server], [], [])[0]
        if program in ready:
            piece = program.recv(PIECE)
            if not piece:
                return
            server.settimeout(READ_SECONDS)
            server.sendall(piece)
        if server in ready:
            server.settimeout(0)  # part of a TLS record, or one that is none of the program's, gives no bytes
            try:
                piece = server.recv(PIECE)
            except ssl.SSLWantReadError:
                continue
            if not piece:
                return
            program.sendall(piece)
