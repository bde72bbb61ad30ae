"""Files that only their owner may read, written whole or not at all."""

import secrets
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace `path` at once, so that a reader or a killed process never meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)
