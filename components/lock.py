"""One process at a time: a lock that goes with the process that holds it, however that ends."""

import fcntl
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from components.files import private_files

log = logging.getLogger(__name__)


def is_locked(path: Path) -> bool:
    """Whether a process holds the exclusive lock of a file that exists."""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def exclusive_lock(path: Path, *, on_busy: Callable[[], object] | None = None) -> Iterator[int]:
    """Hold the exclusive lock of a file, which is made if it is missing and stays. Gives the file's descriptor: a process that
    inherits it holds the lock as well, until its own end.

    Args:
        path: the file, whose folder is made too.
        on_busy: called before waiting for whoever holds the lock; it may raise instead. Without it the wait is logged.
    """
    with private_files():
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if on_busy is not None:
                on_busy()
            else:
                log.warning("waiting for another process, which holds a lock", extra={"lock": str(path)})
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()
