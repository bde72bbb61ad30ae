"""What the tests of the warm interpreter let it run."""

import importlib
import os
import signal
import sys
from pathlib import Path


def tell() -> None:
    """Print what a process knows of itself."""
    own = sorted(name for name in sys.modules if name.split(".")[0] in ("components", "pipelines") and "." in name)
    mask = os.umask(0)
    print(f"{sys.argv[1:]} {Path.cwd()} {os.environ.get('SAID')} {mask:o} {sys.stdin.read()!r} {own} {'sqlalchemy' in sys.modules}")  # noqa: T201


def import_from() -> None:
    """Import the module `changing` from a folder, and print what it says."""
    sys.path.insert(0, sys.argv[1])
    print(importlib.import_module("changing").TEXT)  # noqa: T201


def fail() -> None:
    """End with an exit code."""
    raise SystemExit(int(sys.argv[1]))


def wait() -> None:
    """Write the process id into a file, and wait for a signal."""
    Path(sys.argv[1]).write_text(str(os.getpid()))
    signal.pause()


def be_killed() -> None:
    """End by a signal."""
    os.kill(os.getpid(), signal.SIGKILL)


def print_much() -> None:
    """Print more than a pipe holds."""
    for number in range(100_000):
        print(number)  # noqa: T201
