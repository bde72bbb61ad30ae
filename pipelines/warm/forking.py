"""What every process does that is forked for commands or for steps. Only the standard library is imported here."""

import gc
import importlib
import json
import socket
import struct
from collections.abc import Sequence
from typing import Any


def import_for_forks(names: Sequence[str]) -> None:
    """Import modules once for all children of this process."""
    gc.disable()  # importing makes no garbage worth a fifth of its time
    for name in names:
        importlib.import_module(name)
    gc.freeze()  # children share these pages: the collector must not touch them
    gc.enable()


def send_request(connection: socket.socket, request: dict[str, Any]) -> None:
    """Send what a child is to do."""
    text = json.dumps(request).encode()
    connection.sendall(struct.pack(">Q", len(text)) + text)


def receive_request(connection: socket.socket) -> dict[str, Any]:
    """What a child is to do."""
    with connection.makefile("rb") as stream:
        (length,) = struct.unpack(">Q", stream.read(8))
        request: dict[str, Any] = json.loads(stream.read(length))
    return request
