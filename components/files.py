"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

FOR_ITS_OWNER, FOR_EVERYBODY = 0o600, 0o644


@contextmanager
def replacing(path: Path, mode: int = FOR_ITS_OWNER) -> Iterator[IO[bytes]]:
    """A draft that takes the file's place when the block ends well; whoever reads meanwhile meets the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as draft:
        try:
            yield draft
            draft.flush()
            os.fsync(draft.fileno())
            Path(draft.name).chmod(mode)
            Path(draft.name).replace(path)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise


def write_whole(path: Path, text: str) -> None:
    """Replace a small file at once, readable by its owner only."""
    with replacing(path) as draft:
        draft.write(text.encode())
