"""The service's end of the log: segment files on this machine, which a process of its own ships to BigQuery.

One write for each micro-batch, before its answers go out. What is in the page cache outlives `kill -9`; a thread has it on the disk within
SYNC_SECONDS, which bounds what a power cut costs. Where there is no room the rows are answered, and not logged, and counted.
"""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from components.files import private_folder, sync

SEGMENT_BYTES = 4 << 20
LIMIT_BYTES = 256 << 20
"""Of all segments of a model that are not shipped yet."""
SYNC_SECONDS = 0.2
SUFFIX = ".segment"


class Spool:
    """Appends to the segments of one model. It has one thread that appends."""

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        """Begin a segment in a folder, beside those of others."""
        self.dropped_rows = 0
        self._folder, self._limit = folder, limit_bytes
        private_folder(folder)
        self._file, self._size, self._others = -1, 0, 0
        self._full: list[int] = []
        """Segments that are to be on the disk before they are closed, and with them their lock is gone."""
        self._begin()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_synced, daemon=True)
        self._thread.start()

    @property
    def is_full(self) -> bool:
        """Whether the last rows found no room."""
        return self._is_full

    def append(self, records: Sequence[bytes], rows: int) -> bool:
        """Write records of so many rows, all or none. False: there was no room, and they are counted as dropped."""
        data = b"".join(records)
        self._is_full = not (self._has_room(len(data)) and self._write(data))
        if self._is_full:
            self.dropped_rows += rows
        elif self._size >= SEGMENT_BYTES:
            with contextlib.suppress(OSError):  # without room for another, this one grows
                self._begin()
        return not self._is_full

    def measured_bytes(self) -> int:
        """Of all segments of the model: what is not shipped yet, and of the newest also what is."""
        return self._measured() + self._size

    def close(self) -> None:
        """End the segment: it is shipped, and deleted."""
        self._ended.set()
        self._thread.join()
        os.close(self._file)

    def _has_room(self, size: int) -> bool:
        if self._others + self._size + size > self._limit:
            self._others = self._measured()  # some may have been shipped
        return self._others + self._size + size <= self._limit

    def _measured(self) -> int:
        sizes = 0
        for entry in os.scandir(self._folder):
            if entry.name.endswith(SUFFIX) and entry.name != self._name:
                with contextlib.suppress(FileNotFoundError):
                    sizes += entry.stat().st_size
        return sizes

    def _write(self, data: bytes) -> bool:
        try:
            written = os.write(self._file, data)
        except OSError:
            written = 0
        if written != len(data):  # the disk is full: half a record is taken back
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            return False
        self._size += written
        return True

    def _begin(self) -> None:
        old, name = self._file, f"{time.time_ns():020d}-{os.getpid()}{SUFFIX}"
        draft = self._folder / f"{name}.draft"
        file = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)  # held while the writer lives: by it the shipper knows whether more may come
            draft.rename(self._folder / name)  # not before: the shipper would take it for one that is ended and empty
        except OSError:
            os.close(file)
            raise
        self._file, self._name, self._size, self._is_full = file, name, 0, False
        self._others = self._measured()
        if old >= 0:
            self._full.append(old)

    def _keep_synced(self) -> None:
        is_last, named = False, ""
        while not is_last:
            is_last = self._ended.wait(SYNC_SECONDS)
            while self._full:
                with contextlib.suppress(OSError):
                    os.fdatasync(self._full[0])
                os.close(self._full.pop(0))
            with contextlib.suppress(OSError):
                os.fdatasync(self._file)
                if named != self._name:
                    sync(self._folder)
                    named = self._name
