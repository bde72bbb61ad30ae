"""Small files that are there whole or not at all."""

from pathlib import Path

from components.files import replacing


def write_whole(path: Path, text: str) -> None:
    """Replace a file at once; whoever reads or is killed meanwhile meets the old text or the new one."""
    with replacing(path) as draft:
        draft.write(text.encode())
