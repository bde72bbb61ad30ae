"""Keep what TensorFlow and Beam print away from whoever waits for an answer: C++ writes to the process's standard error itself."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "compare.log"


@contextmanager
def quiet(folder: Path) -> Iterator[Callable[[str], None]]:
    """Within it standard error is a file in that folder; what it gives writes a line for a person to the old one."""
    folder.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "w") as kept, (folder / FILE).open("w") as file:

        def tell(text: str) -> None:
            kept.write(f"{text}\n")
            kept.flush()

        os.dup2(file.fileno(), 2)
        try:
            yield tell
        finally:
            sys.stderr.flush()
            os.dup2(kept.fileno(), 2)
