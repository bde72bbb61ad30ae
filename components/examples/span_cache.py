"""Examples of spans, kept by what they depend on: a window that slides by a span reads one span."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from components.lock import exclusive_lock

SPLITS = ("train", "eval")
COUNTS = "counts.json"
UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class SplitCount:
    """How many examples with each label a span has in a split."""

    span: date
    split: str
    labels: Mapping[str, int]
    """How many examples have each label, by its name: the class, or the number where there are only 0 and 1."""

    @property
    def rows(self) -> int:
        """All of them."""
        return sum(self.labels.values())


@dataclass(frozen=True)
class SpanCache:
    """A folder of spans, each whole or absent: its files are written first, its counts last, under one rename."""

    folder: Path

    def counts(self, fingerprint: str) -> tuple[SplitCount, ...] | None:
        """What the span holds; None when it is not there."""
        path = self.folder / fingerprint / COUNTS
        return counts_from_json(path.read_text()) if path.is_file() else None

    @contextmanager
    def only_writer(self) -> Iterator[None]:
        """Nobody else writes meanwhile, so whatever is unfinished was left by a run that was killed, and goes."""
        with exclusive_lock(self.folder / "lock"):
            self._drop_unfinished()
            try:
                yield
            finally:
                self._drop_unfinished()

    def _drop_unfinished(self) -> None:
        for path in self.folder.glob(f"*{UNFINISHED}"):
            shutil.rmtree(path)

    def begin(self, fingerprint: str) -> Path:
        """An empty folder to write a span's files into."""
        folder = self.folder / f"{fingerprint}{UNFINISHED}"
        folder.mkdir()
        return folder

    def finish(self, fingerprint: str, counts: tuple[SplitCount, ...]) -> None:
        """Make the span's files visible under their fingerprint."""
        folder = self.folder / f"{fingerprint}{UNFINISHED}"
        (folder / COUNTS).write_text(counts_to_json(counts))
        folder.rename(self.folder / fingerprint)

    def file(self, fingerprint: str, name: str) -> Path:
        """A file of the span."""
        return self.folder / fingerprint / name

    def link(self, fingerprint: str, split: str, destination: Path) -> None:
        """Put the span's file of a split at `destination`, without copying bytes where the file system can."""
        source = self.file(fingerprint, f"{split}.tfrecord.gz")
        destination.unlink(missing_ok=True)
        try:
            os.link(source, destination)
        except OSError:  # another file system
            shutil.copyfile(source, destination)


def counts_to_json(counts: tuple[SplitCount, ...]) -> str:
    """As a list of objects."""
    return json.dumps([asdict(count) for count in counts], default=str)


def counts_from_json(text: str) -> tuple[SplitCount, ...]:
    """What `counts_to_json` gave."""
    return tuple(SplitCount(**count | {"span": date.fromisoformat(count["span"])}) for count in json.loads(text))
