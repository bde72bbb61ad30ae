"""Where the warm interpreter of a state folder listens, for exactly the libraries and the interpreter of this process."""

import hashlib
import os
import socket
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
READ_AT_IMPORT = ("PYTHON", "TF_", "KERAS_", "GRPC_", "OMP_", "MKL_", "CUDA_", "XLA_", "LD_", "MALLOC_", "LANG", "LC_")
"""Beginnings of the variables that the interpreter or a library reads when it starts: a fork could not change what they did."""


class Warmth(StrEnum):
    """What a warm interpreter has imported."""

    LIGHT = "light"
    """The clients, the command line and the drawing of reports."""
    HEAVY = "heavy"
    """TensorFlow and TFX too."""


def folder_of(state_folder: Path) -> Path:
    """The folder of the sockets of the interpreter that has imported what this process would import.

    Its name changes with the locked packages, with what is installed, with the interpreter, with the variables that are read at import,
    and with the code of the warm interpreter itself. Of our other code nothing is imported before a command is forked.
    """
    digest = hashlib.sha256()
    for path in (REPOSITORY / "uv.lock", *sorted(Path(__file__).parent.glob("*.py"))):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    variables = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith(READ_AT_IMPORT))  # noqa: TID251 - compared
    installed = Path(sysconfig.get_path("purelib")).stat().st_mtime_ns
    digest.update("\0".join((sys.version, sys.prefix, str(installed), *variables)).encode())
    return state_folder.absolute() / "warm" / digest.hexdigest()[:16]


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """The same socket by a path that is short enough: the kernel takes 107 bytes, and a state folder may lie deeper."""
    if len(os.fsencode(path)) < 100:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def connected(path: Path) -> socket.socket | None:
    """A connection to a socket; None if nobody listens there."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        with short_path(path) as short:
            connection.connect(short)
    except OSError:
        connection.close()
        return None
    return connection
