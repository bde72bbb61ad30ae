"""Redirect the process's standard error, file descriptor 2: C++ libraries write to it without asking Python.

The redirection is seen by all threads of the process.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def stderr_to(path: Path) -> Iterator[TextIO]:
    """Within the block standard error is the file of that path, which is emptied first. Yields the real one."""
    sys.stderr.flush()
    with path.open("w") as file, os.fdopen(os.dup(2), "w", buffering=1) as real:
        os.dup2(file.fileno(), 2)
        try:
            yield real
        finally:
            sys.stderr.flush()
            os.dup2(real.fileno(), 2)
