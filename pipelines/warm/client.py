"""Ask a warm interpreter to run a command in a fork of itself. Only the standard library is imported here: it is the point of it."""

import os
import signal
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pipelines.warm.address import Warmth, connected, folder_of
from pipelines.warm.forking import send_request

GREETING_SECONDS = 2.0
"""How long a warm interpreter may take to fork. One that is stopped or swapped out is not waited for: the command is run without it."""
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
LOST = 1
KILLED = 128
"""As a shell: this and the number of the signal."""


def begin(
    state_folder: Path, warmth: Warmth, entry: str, arguments: Sequence[str], streams: tuple[int, int, int] = (0, 1, 2)
) -> socket.socket | None:
    """Begin a command in a fork of the warm interpreter. It is killed when the connection that is returned is closed.

    Args:
        state_folder: whose interpreter to ask.
        warmth: what it must have imported.
        entry: MODULE:FUNCTION, imported and called in the fork.
        arguments: `sys.argv[1:]` there.
        streams: the file descriptors of its standard input, output and error.

    Returns:
        A connection; None if there is no such interpreter, or it does not answer: nothing was begun then.
    """
    try:
        connection = connected(folder_of(state_folder) / warmth)
    except OSError:  # no lock, or no environment
        return None
    if connection is None:
        return None
    environment = dict(os.environ)  # noqa: TID251 - handed over, not read
    mask = os.umask(0)
    os.umask(mask)
    request = {"entry": entry, "arguments": list(arguments), "folder": str(Path.cwd()), "environment": environment, "umask": mask}
    try:
        connection.settimeout(GREETING_SECONDS)
        greeting = connection.recv(1)
        connection.settimeout(None)
        if greeting:
            socket.send_fds(connection, [b"\0"], list(streams))
            send_request(connection, request)
            return connection
    except OSError:  # it went away, or one of the streams is closed
        pass
    connection.close()
    return None


def run(state_folder: Path, warmth: Warmth, entry: str, arguments: Sequence[str]) -> int | None:
    """Run a command in a fork of the warm interpreter, on this process's terminal, to its end. None if there is no such interpreter.

    Returns the exit code of the command.
    """
    connection = begin(state_folder, warmth, entry, arguments)
    if connection is None:
        return None
    with connection, _forwarded(connection):
        try:
            answer = connection.recv(4)
        except ConnectionError:
            answer = b""
    if not answer:
        sys.stderr.write("Error: the process that ran this command was lost: run it again\n")
        return LOST
    (code,) = struct.unpack(">i", answer)
    return int(code) if code >= 0 else KILLED - int(code)


@contextmanager
def _forwarded(connection: socket.socket) -> Iterator[None]:
    """Hand signals to the process that runs the command, which does not belong to this terminal."""

    def forward(number: int, _: object) -> None:
        with suppress(OSError):
            connection.send(bytes([number]))

    before = {number: signal.signal(number, forward) for number in FORWARDED if signal.getsignal(number) is not signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
