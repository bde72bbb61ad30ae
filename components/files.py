"""Files that are there whole or not at all, and folders that are their owner's alone."""

import errno
import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from components.errors import PerennialError, StorageFullError

FOR_ITS_OWNER, FOR_EVERYBODY = 0o600, 0o644
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
NO_ROOM_CODE = 74
"""With this a step ends that found no room on the disk, where even the reason may find none."""
NO_ROOM_WORDS = ("No space left on device", "Disk quota exceeded", "database or disk is full")
"""What libraries say that do not raise Python's own error: TensorFlow, DuckDB, SQLite."""
ROOM_BYTES = 256 << 10
OTHERS = 0o077
"""What everybody but the owner may do, in a mode."""
DIGEST_BYTES = 32
log = logging.getLogger(__name__)


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
            sync(path.parent)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise


def write_whole(path: Path, text: str) -> None:
    """Replace a small file at once, readable by its owner only."""
    with replacing(path) as draft:
        draft.write(text.encode())


def kept(path: Path, compute: Callable[[], bytes]) -> bytes:
    """Bytes that took long to compute: what a file holds; where there is none, or not as it was written, it is computed and written.

    Args:
        path: its name says what the bytes depend on.
        compute: gives the bytes.
    """
    found = _intact(path)
    if found is None:
        found = compute()
        with replacing(path) as draft:
            draft.write(hashlib.sha256(found).digest() + found)
    return found


def _intact(path: Path) -> bytes | None:
    """What was written there; None where it is not there, or not as it was written."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    digest, found = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(found).digest() == digest:
        return found
    log.warning("what was kept is damaged and is computed again", extra={"path": str(path)})
    return None


def private_folder(folder: Path) -> None:
    """Have a folder that nobody but its owner may enter, whatever the umask. What was in it before is closed to others too, and so
    are the folders above it that are made for it.

    A folder of another user, such as a volume that a cluster mounts, is left as it is.
    """
    with private_files():
        folder.mkdir(parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid() or not found.st_mode & OTHERS:
        return
    folder.chmod(0o700)  # first, so that nobody comes in meanwhile
    for parent, folders, names in os.walk(folder):
        for path in (Path(parent, name) for name in (*folders, *names)):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~OTHERS)


@contextmanager
def private_files() -> Iterator[None]:
    """Within the block this process, and those that it starts, make files and folders that are the owner's alone."""
    before = os.umask(OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def sync(path: Path) -> None:
    """Return once a file, or the names in a folder, are on the disk: a machine that loses its power then has them."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def disk_full(error: BaseException) -> StorageFullError | None:
    """The sentence for an error that a full disk has caused, whatever library tells of it; None for any other error."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, PerennialError):
        text = str(cause)
        if (isinstance(cause, OSError) and cause.errno in NO_ROOM) or any(words in text for words in NO_ROOM_WORDS):
            first = (text.splitlines() or [""])[0][:500]
            return StorageFullError(f"the disk is full ({first}): free some room and run the same command again")
        cause = cause.__cause__ or cause.__context__
    return None


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder has hardly any room left."""
    return shutil.disk_usage(folder).free < ROOM_BYTES


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
