"""Temporary files that go with the process that made them, however it ends."""

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from components.lock import is_locked

PREFIX = "perennial-"
HELD = "of-a-perennial-process"
"""The file in a process's folder whose lock the process holds, and with it those that it has forked."""
DRAFT = re.compile(r"\..+\.[a-z0-9_]{8}|\.pull-[a-z0-9_]{8}|.+\.unfinished-.+")
"""The names of files and folders that are to replace others when they are whole."""
DRAFT_SECONDS = 24 * 3600
"""Older ones are of a process that was killed."""


@contextmanager
def temporary_files() -> Iterator[None]:
    """Within the block this process, and those that it starts, keep temporary files in one folder, which goes with the block.

    The folders of processes that were killed are deleted first. All lie where the system keeps temporary files, and not in the state
    folder: connections to Cloud SQL have a socket among them, whose path may have a hundred characters.
    """
    before, variable = Path(tempfile.gettempdir()), os.environ.get("TMPDIR")  # noqa: TID251 - no setting: every library reads it
    with ExitStack() as stack:
        try:
            _sweep(before)
            own = _own_folder(before, stack)
        except OSError:  # whatever needs a temporary file will say so
            yield
            return
        tempfile.tempdir = os.environ["TMPDIR"] = str(own)  # noqa: TID251 - handed down
        try:
            yield
        finally:
            tempfile.tempdir = str(before)
            if variable is None:
                del os.environ["TMPDIR"]  # noqa: TID251 - as it was
            else:
                os.environ["TMPDIR"] = variable  # noqa: TID251 - as it was
            shutil.rmtree(own, ignore_errors=True)


def _own_folder(folder: Path, stack: ExitStack) -> Path:
    """A new folder, with a file whose lock is held until the stack is closed, and had been before the file got its name."""
    own = Path(tempfile.mkdtemp(dir=folder, prefix=PREFIX))
    stack.callback(shutil.rmtree, own, ignore_errors=True)
    draft = stack.enter_context((own / f".{HELD}").open("w"))
    fcntl.flock(draft, fcntl.LOCK_EX)
    Path(draft.name).rename(own / HELD)
    return own


def _sweep(folder: Path) -> None:
    """Delete the folders of processes of this user that are no more."""
    for left in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):  # whoever sweeps at the same time has been faster
            if left.lstat().st_uid == os.geteuid() and not left.is_symlink() and _is_abandoned(left):
                shutil.rmtree(left, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    """Whether nobody holds the lock of a folder of ours; without a lock it is being made, unless it has long been empty."""
    if (folder / HELD).is_file():
        return not is_locked(folder / HELD)
    is_old = folder.lstat().st_mtime < time.time() - DRAFT_SECONDS
    return is_old and {path.name for path in folder.iterdir()} <= {f".{HELD}"}


def sweep_drafts(folder: Path) -> None:
    """Delete drafts below a folder that are so old that nobody works on them any more."""
    for path in folder.rglob("*"):
        if DRAFT.fullmatch(path.name):
            _delete_old(path)


def _delete_old(path: Path) -> None:
    try:
        if path.lstat().st_mtime > time.time() - DRAFT_SECONDS:
            return
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError:  # whoever works there has been faster
        return
