"""A model card on the disk: `model_card.json` and `README.md`, each whole."""

import errno
from pathlib import Path

from components.errors import RegistryError, StorageFullError
from components.export.card import card_json
from components.export.card_text import card_text
from components.export.exported_version import Exported
from components.files import FOR_EVERYBODY, replacing

JSON = "model_card.json"
TEXT = "README.md"
"""The file in which Hugging Face, GitHub and others look for a card."""


def write_card(exported: Exported, folder: Path) -> tuple[Path, Path]:
    """Write both, once both are made: a killed process leaves each as it was or as it shall be. Returns JSON and Markdown.

    Raises:
        StorageFullError: the disk has no room.
        RegistryError: the folder cannot be written.
    """
    texts = card_json(exported).encode(), card_text(exported).encode()
    paths = folder / JSON, folder / TEXT
    try:
        with replacing(paths[0], FOR_EVERYBODY) as json, replacing(paths[1], FOR_EVERYBODY) as text:
            json.write(texts[0])
            text.write(texts[1])
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError(f"no room on the disk for the card in {folder}: free some and run the command again") from error
        raise RegistryError(f"the card cannot be written into {folder} ({error.strerror}): name another folder with -o") from error
    return paths
