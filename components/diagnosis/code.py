"""Compare the code that is stored with two versions; only files that differ are fetched."""

import difflib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from google.cloud import storage

from components.storage.errors import storage_errors
from components.storage.manifest import CODE, Manifest
from components.storage.objects import pull_file, split_uri

CONTEXT_LINES = 3


@dataclass(frozen=True)
class FileDifference:
    """A file of the model's folder that differs, as a unified diff, or the reason why there is no diff."""

    path: str
    diff: str

    @property
    def changed(self) -> tuple[int, int]:
        """The number of lines that were added, and that were removed."""
        lines = self.diff.splitlines()[2:]
        return sum(line.startswith("+") for line in lines), sum(line.startswith("-") for line in lines)


def compare_code(client: storage.Client, before: Manifest, after: Manifest) -> tuple[FileDifference, ...]:
    """List the files of the model's folder whose bytes differ, and fetch no others.

    Raises:
        RegistryError: an object is missing or has other bytes.
        AccessError: Cloud Storage refuses or does not answer.
    """
    old, new = _code(before), _code(after)
    changed = [path for path in sorted(old.keys() | new.keys()) if old.get(path) != new.get(path)]
    return tuple(_difference(path, read_code(client, before, path), read_code(client, after, path)) for path in changed)


def _code(manifest: Manifest) -> dict[str, str]:
    prefix = f"{CODE.as_posix()}/"
    return {entry.path.removeprefix(prefix): entry.sha256 for entry in manifest.entries if entry.path.startswith(prefix)}


def read_code(client: storage.Client, manifest: Manifest, path: str) -> str | None:
    """The text of a file of the model's folder; None if it does not exist or is not text."""
    entry = next((entry for entry in manifest.entries if entry.path == (CODE / path).as_posix()), None)
    if entry is None:
        return None
    bucket, prefix = split_uri(manifest.uri)
    with storage_errors(bucket), tempfile.TemporaryDirectory() as folder:
        pull_file(client.bucket(bucket), prefix, entry, Path(folder))
        try:
            return (Path(folder) / entry.path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return None


def _difference(path: str, before: str | None, after: str | None) -> FileDifference:
    old, new = (text.splitlines() if text else [] for text in (before, after))
    was, now = (path if text is not None else "absent" for text in (before, after))
    diff = "\n".join(difflib.unified_diff(old, new, was, now, n=CONTEXT_LINES, lineterm=""))
    return FileDifference(path, diff or "no text: its bytes differ")
