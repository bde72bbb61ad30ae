"""The bytes of objects: written beside, made durable, then moved into place whole."""

import base64
import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from cloud_storage.errors import NotFoundError
from cloud_storage.json_api.resources import Content

BLOCK_BYTES = 1 << 20
"""Nothing larger is ever held of an object."""


class Incoming:
    """Bytes that are still arriving, in a file that nothing refers to yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb", buffering=0)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc32c = 0
        self.size = 0

    def write(self, block: bytes) -> None:
        """Append `block` wholly or, when the disk is full, not at all: an upload goes on where it stood."""
        try:
            view = memoryview(block)
            while view:
                view = view[self._file.write(view) :]
        except OSError:
            with contextlib.suppress(OSError):
                self._file.seek(self.size)
                self._file.truncate()
            raise
        self.size += len(block)
        self._md5.update(block)
        self._crc32c = google_crc32c.extend(self._crc32c, block)

    def seal(self) -> Content:
        """What has arrived, with its checksums. Nothing more can be written."""
        os.fsync(self._file.fileno())
        self._file.close()
        return Content(
            file=self._path.name,
            size=self.size,
            crc32c=base64.b64encode(self._crc32c.to_bytes(4, "big")).decode(),
            md5=base64.b64encode(self._md5.digest()).decode(),
        )

    def blocks(self) -> Iterator[bytes]:
        """What has arrived, read back."""
        with self._path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield block

    def drop(self) -> None:
        """Forget what has arrived. Does nothing to a file that was moved into place."""
        self._file.close()
        self._path.unlink(missing_ok=True)


class Files:
    """A folder of whole files and one of incoming ones, on the same disk, so that moving is atomic."""

    def __init__(self, folder: Path) -> None:
        self._whole = folder / "objects"
        self._incoming = folder / "incoming"
        self._whole.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(exist_ok=True)

    def receive(self) -> Incoming:
        """A new file to write to."""
        return Incoming(self._incoming / secrets.token_hex(16))

    def keep(self, content: Content) -> None:
        """Move a sealed file into place. A power cut after this cannot lose it."""
        (self._incoming / content.file).replace(self._whole / content.file)
        folder = os.open(self._whole, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def open(self, content: Content) -> BinaryIO:
        """The bytes, to be read.

        Raises:
            NotFoundError: somebody took the file away, or part of it. Nothing else would end a client's patience.
        """
        path = self._whole / content.file
        if not path.is_file() or path.stat().st_size != content.size:
            raise NotFoundError(f"The bytes of this object are gone: {path} was changed by something else.")
        return path.open("rb")

    def remove(self, file: str) -> None:
        """Delete a whole file; fine if it is gone already."""
        (self._whole / file).unlink(missing_ok=True)

    def sweep(self, used: frozenset[str]) -> None:
        """Remove what a crash left: everything incoming, and whole files that no row refers to."""
        for path in self._incoming.iterdir():
            path.unlink()
        for path in self._whole.iterdir():
            if path.name not in used:
                path.unlink()
