"""What a pushed model folder holds, file by file, and the one SHA-256 that is its address."""

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import google_crc32c

from components.canonical import fingerprint
from components.errors import CorruptObjectError, RegistryError

NAME = "manifest.json"
"""This file is written last: a folder without it is half-written."""
CODE = Path("assets.extra") / "model"
"""Where the model's folder goes in a SavedModel: `assets.extra` is the place that TensorFlow leaves to others."""
BLOCK_BYTES = 1 << 20
LONGEST_PATH = 800
"""The longest path in bytes; Cloud Storage takes 1,024 for the whole name of an object."""


@dataclass(frozen=True)
class Entry:
    """One file. The path is relative, with `/`; the CRC32C is base64, as Cloud Storage writes it."""

    path: str
    size: int
    sha256: str
    crc32c: str
    generation: int
    """The generation of the object in Cloud Storage; 0 while there is no object."""


@dataclass(frozen=True)
class Manifest:
    """A pushed folder: where it is, and its files by path."""

    uri: str
    """gs://BUCKET/content/MODEL/SHA256"""
    entries: tuple[Entry, ...]

    @property
    def sha256(self) -> str:
        """The SHA-256 of the content, which is the address of the folder."""
        return content_sha256(self.entries)


def content_sha256(entries: Sequence[Entry]) -> str:
    """SHA-256 of the canonical list of path, size and SHA-256. Generations do not count: they say when, not what."""
    return fingerprint([[entry.path, entry.size, entry.sha256] for entry in entries])


def scan_folder(folder: Path) -> tuple[Entry, ...]:
    """The files of a local folder, by path.

    Raises:
        RegistryError: the folder is empty, holds something that Cloud Storage cannot hold, or a manifest.json of its own.
    """
    entries = tuple(sorted((_scan_file(folder, path) for path in _files(folder)), key=lambda entry: entry.path))
    if not entries:
        raise RegistryError(f"{folder} holds no files: there is nothing to push")
    return entries


def _files(folder: Path) -> Iterator[Path]:
    """Every file below the folder; refuses links to folders, devices and the like rather than leave them out in silence."""
    for parent, folders, names in os.walk(folder):
        for path in (Path(parent, name) for name in (*folders, *names)):
            if path.is_file():
                yield path
            elif path.is_symlink() or not path.is_dir():
                raise RegistryError(f"{path} is neither a file nor a folder: a model's folder holds nothing else")


def is_acceptable(path: str) -> bool:
    """Whether the path stays below its folder, and reads the same on a disk, in Cloud Storage and in a log."""
    inside = not any(part in ("", ".", "..") for part in path.split("/"))
    return inside and path.isprintable() and len(path.encode()) <= LONGEST_PATH and path != NAME


def _unacceptable_path(entries: Iterable[Entry]) -> str | None:
    """The first path that is not acceptable, is there twice, or is a file where another path needs a folder; None if all are fine."""
    before: set[str] = set()
    folders: set[str] = set()
    for path in (entry.path for entry in entries):
        parents = {parent.as_posix() for parent in PurePosixPath(path).parents}
        if not is_acceptable(path) or path in before | folders or parents & before:
            return path
        before.add(path)
        folders |= parents
    return None


def _scan_file(folder: Path, file: Path) -> Entry:
    """One file's size and checksums, read once in blocks."""
    path = file.relative_to(folder).as_posix()
    if not is_acceptable(path):
        raise RegistryError(f"{path!r} in {folder} cannot be the name of an object of a version: rename the file")
    sha256, crc32c, size = hashlib.sha256(), 0, 0
    with file.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            sha256.update(block)
            crc32c = google_crc32c.extend(crc32c, block)
            size += len(block)
    return Entry(path, size, sha256.hexdigest(), base64.b64encode(crc32c.to_bytes(4, "big")).decode(), generation=0)


def _entries(items: Iterable[Mapping[str, Any]]) -> tuple[Entry, ...]:
    """The entries that were written as JSON. Their names are not checked yet."""
    return tuple(Entry(str(i["path"]), int(i["size"]), str(i["sha256"]), str(i["crc32c"]), int(i["generation"])) for i in items)


def recorded_manifest(uri: str, items: Iterable[Mapping[str, Any]]) -> Manifest:
    """The manifest in the registry's row of a version whose folder was pushed to `uri`.

    Raises:
        RegistryError: it names a path that leads elsewhere, or is the manifest of other content.
    """
    manifest = Manifest(uri, _entries(items))
    remedy = "restore the database from a backup"
    if (path := _unacceptable_path(manifest.entries)) is not None:
        raise RegistryError(f"the registry's row of {uri} names the path {path!r}, which no version has: {remedy}")
    if not uri.endswith(f"/{manifest.sha256}"):
        raise RegistryError(f"the registry's row of {uri} has the manifest of other content, SHA-256 {manifest.sha256}: {remedy}")
    return manifest


def manifest_json(manifest: Manifest) -> str:
    """The text of manifest.json."""
    return json.dumps({"sha256": manifest.sha256, "entries": [asdict(entry) for entry in manifest.entries]}, indent=1)


def parse_manifest(uri: str, text: bytes, *, found_at: str = "") -> Manifest:
    """The manifest of the folder at `uri`; `found_at` is where its text was, if not there.

    Raises:
        CorruptObjectError: the text is no manifest, or not the manifest of this folder.
    """
    where = found_at or uri
    try:
        manifest = Manifest(uri, _entries(json.loads(text)["entries"]))
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptObjectError(f"{where}/{NAME} is not a manifest ({error!r}): push the model again") from error
    if (path := _unacceptable_path(manifest.entries)) is not None:
        raise CorruptObjectError(f"{where}/{NAME} names the path {path!r}, which no version has: do not use it")
    if not uri.endswith(f"/{manifest.sha256}"):
        raise CorruptObjectError(f"{where}/{NAME} is the manifest of other content, {manifest.sha256}: do not use it")
    return manifest
