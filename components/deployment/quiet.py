"""TensorFlow without what its libraries write to the terminal while they are loaded: of processors, and of GPUs that are not there."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_alone = Lock()


def import_tensorflow() -> None:
    """Import it, in silence the first time. What goes wrong in it is raised as ever."""
    with _alone:
        if "tensorflow" not in sys.modules:
            os.putenv("TF_CPP_MIN_LOG_LEVEL", "3")  # for what it would write later
            with _silence():
                import tensorflow as tf  # noqa: F401 - for all who import it from now on


@contextmanager
def _silence() -> Iterator[None]:
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
