"""What `perennial new` keeps of how it made a folder, so that a newer template can be merged into it later: the hidden folder `.new`.

It is no part of a model's code, since hidden files are not. It belongs into git with the other files.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path

from components.errors import ModelFolderError
from components.files import write_whole
from pipelines.scaffold.guess import Wish

FOLDER = ".new"
WISH = "wish.json"
FILES = "files"
"""The files as they were written, without a word of anybody's."""


def origin_files(wish: Wish, through: date, files: Mapping[str, str]) -> dict[str, str]:
    """What is kept of a folder that was made from a table whose last day was `through`: texts by their place in the folder."""
    document = json.dumps(asdict(wish) | {"through": through.isoformat()}, indent=2, ensure_ascii=False)
    return {f"{FOLDER}/{WISH}": f"{document}\n"} | {f"{FOLDER}/{FILES}/{name}": text for name, text in files.items()}


def read_origin(folder: Path) -> tuple[Wish, date, dict[str, str]]:
    """The wish, the last day of the table, and the files as they were written.

    Raises:
        ModelFolderError: nothing is kept there.
    """
    path = folder / FOLDER / WISH
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        through = date.fromisoformat(document.pop("through"))
        kept = {file.name: file.read_text(encoding="utf-8") for file in sorted((folder / FOLDER / FILES).iterdir())}
        return Wish(**document | {"inputs": tuple(document["inputs"])}), through, kept
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(
            f"{path} does not tell how the folder was made: `perennial new` writes it; a folder that was made otherwise is changed by hand"
        ) from error


def keep_origin(folder: Path, wish: Wish, through: date, files: Mapping[str, str]) -> None:
    """Keep other files as those that were written."""
    (folder / FOLDER / FILES).mkdir(parents=True, exist_ok=True)
    for name, text in origin_files(wish, through, files).items():
        write_whole(folder / name, text)
