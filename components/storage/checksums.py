"""Compare an object's bytes with those of a version: all of them are read, and their SHA-256 decides."""

import hashlib
from pathlib import Path

from google.api_core.exceptions import NotFound
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption

from components.errors import CorruptObjectError
from components.files import file_sha256
from components.storage.manifest import NAME, Entry, Manifest, parse_manifest
from components.storage.objects import RETRY, problem


class _Digest:
    """A file that keeps nothing of what is written but its SHA-256."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def write(self, block: bytes) -> int:
        """Add a block to the digest."""
        self.sha256.update(block)
        return len(block)


def bytes_problem(entry: Entry, blob: storage.Blob) -> str | None:
    """What is wrong with an object, by what Cloud Storage says of it and then by its bytes; None when it is the entry's.

    Nothing is kept of the bytes, so that objects of any size can be read.
    """
    if wrong := problem(entry, blob):
        return wrong
    digest = _Digest()
    try:
        blob.download_to_file(digest, raw_download=True, checksum="crc32c", retry=RETRY)
    except DataCorruption:
        return f"{entry.path} has bytes that differ from its own CRC32C {blob.crc32c}"
    except NotFound:
        return f"{entry.path} is listed, but its bytes are not there"
    if (found := digest.sha256.hexdigest()) != entry.sha256:
        return f"{entry.path} has SHA-256 {found}, not {entry.sha256}"
    return None


def has_bytes_of(entry: Entry, file: Path) -> bool:
    """Whether a file on this machine is an entry's, whatever it is called."""
    return file_sha256(file) == entry.sha256


def manifest_problem(manifest: Manifest, blob: storage.Blob | None) -> str | None:
    """What is wrong with the object that should hold a manifest. Generations do not count: restored objects have others."""
    if blob is None:
        return f"{NAME} is missing"
    try:
        found = parse_manifest(manifest.uri, blob.download_as_bytes(retry=RETRY))
    except NotFound:
        return f"{NAME} is listed, but its bytes are not there"
    except DataCorruption:
        return f"{NAME} has bytes that differ from its own CRC32C {blob.crc32c}"
    except CorruptObjectError:
        return f"{NAME} is not the manifest of this version"
    same = {(e.path, e.crc32c) for e in found.entries} == {(e.path, e.crc32c) for e in manifest.entries}
    return None if same else f"{NAME} names other checksums than the registry's row"
