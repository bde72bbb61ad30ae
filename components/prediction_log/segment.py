"""The shipper's end of a segment: frames of rows, each noted before it is sent and after it was taken.

A segment is one committed stream of BigQuery, and the number of a row in it is the row's offset. After a crash the frame that was noted
and not taken is sent again, with the same rows: that its offset exists then means that it was taken.
"""

import contextlib
import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.files import sync, write_whole
from components.prediction_log.record import LogRecord, decode, is_cut

FRAME_ROWS = 2_000
READ_BYTES = 8 << 20
DAMAGED = ".damaged"
"""Of a segment that is put aside."""


@dataclass(frozen=True)
class Frame:
    """Rows that are sent together: the number of the first, how many, and where they are in the file."""

    offset: int
    rows: int
    start: int
    end: int


class Segment:
    """Reads a segment from where the journal beside it ends."""

    def __init__(self, path: Path) -> None:
        """`path` is of the segment."""
        self.path = path
        self._journal, self._stream_file = path.with_suffix(".journal"), path.with_suffix(".stream")
        self._row, self._at = 0, 0
        self._sent: Frame | None = None
        self._most_records = FRAME_ROWS
        for line in self._journal.read_text().splitlines() if self._journal.exists() else ():
            self._follow(line.split())

    @property
    def stream(self) -> str | None:
        """The name of its stream in BigQuery; None before there is one."""
        return self._stream_file.read_text() if self._stream_file.exists() else None

    def name_stream(self, name: str) -> None:
        """Remember the stream, before anything is appended to it: one that nobody remembers is empty."""
        write_whole(self._stream_file, name)

    def is_closed(self) -> bool:
        """Whether no more rows come: its writer has ended, or has begun another segment."""
        with self.path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return False
        return True

    def next_frame(self) -> tuple[Frame, Sequence[LogRecord]] | None:
        """The next rows, all of one version; None while there are none."""
        with self.path.open("rb") as file:
            file.seek(self._at)
            data = file.read(self._sent.end - self._at if self._sent else READ_BYTES)
            if not self._sent and is_cut(data):  # a record may be longer
                data += file.read()
        records: list[LogRecord] = []
        rows = end = 0
        for record, after in decode(data):
            is_whole = rows >= FRAME_ROWS or len(records) >= self._most_records
            if not self._sent and records and (is_whole or record.header.version != records[0].header.version):
                break
            records.append(record)
            rows, end = rows + record.header.rows, after
        if not records or (self._sent and rows != self._sent.rows):
            return None
        if self._sent is None:
            self._sent = Frame(self._row, rows, self._at, self._at + end)
            self._note(f"I {self._sent.offset} {self._sent.rows} {self._sent.start} {self._sent.end}")
        return self._sent, records

    def halve(self, records: int) -> None:
        """Cut the frame that was just given, of so many records, into smaller ones: it is too large, so it was never sent."""
        self._sent, self._most_records = None, records // 2

    def forget_stream(self) -> None:
        """Go on in another stream: BigQuery has this one no longer, and with it goes what is known of offsets."""
        self._stream_file.unlink(missing_ok=True)
        self._note("N")
        self._follow(["N", "."])

    def taken(self) -> None:
        """Note that the frame is in BigQuery."""
        self._note("A")
        self._follow(["A", "."])

    def put_aside(self) -> bool:
        """Keep, under another name, a segment whose rest cannot be read; False if all of it was. The last record may be cut off."""
        with self.path.open("rb") as file:
            file.seek(self._at)
            rest = file.read()
        if not rest or (self._sent is None and is_cut(rest)):
            return False
        self.path.rename(self.path.with_suffix(DAMAGED))
        return True

    def delete(self) -> None:
        """Forget the segment: all of it is in BigQuery."""
        for path in (self.path, self._journal, self._stream_file):
            path.unlink(missing_ok=True)

    def _note(self, text: str) -> None:
        is_new = not self._journal.exists()
        with self._journal.open("a") as file:
            file.write(text + " .\n")
            file.flush()
            os.fsync(file.fileno())  # after a power cut the same rows have to be sent with the same offset
        if is_new:
            sync(self.path.parent)

    def _follow(self, fields: list[str]) -> None:
        """A line of the journal. One that does not end with a dot was cut off."""
        if fields[:1] == ["I"] and fields[5:] == ["."]:
            with contextlib.suppress(ValueError):
                self._sent = Frame(*map(int, fields[1:5]))
        elif fields == ["A", "."] and self._sent:
            self._row, self._at, self._sent = self._sent.offset + self._sent.rows, self._sent.end, None
        elif fields == ["N", "."]:
            self._row, self._sent = 0, None
