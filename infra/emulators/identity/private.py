"""State that is its owner's alone: an emulator's folder, and every file that its process makes."""

import os
from pathlib import Path


def keep_private(folder: Path) -> None:
    """Have the folder, closed to all others, and make this process and its children create nothing that others may read."""
    os.umask(0o077)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # it may have been there before, and open
