"""Cache the examples of spans under a fingerprint of what they depend on: a window that slides by a span reads one span."""

import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from components.files import file_sha256, sync, write_whole
from components.lock import exclusive_lock
from components.model.sections import Split

log = logging.getLogger(__name__)

SPLITS = (Split.TRAIN, Split.EVAL)
"""The splits by key, which every span has. Both are the newest split where a span is held out."""
COUNTS = "counts.json"
CHECKSUMS = "checksums.json"
"""SHA-256 of every other file of a span, by name."""
UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class LabelNumbers:
    """The labels of some examples, where they are numbers."""

    lowest: float
    highest: float
    total: float
    """Their sum."""


@dataclass(frozen=True)
class SplitCount:
    """How many examples a span has in a split, by label."""

    span: date
    split: str
    labels: Mapping[str, int]
    """How many examples have each label, by the label's name: the class, or the number in a binary model."""
    numbers: LabelNumbers | None = None
    """Of a regression, whose labels have one name; None where there are no examples."""

    @property
    def rows(self) -> int:
        """How many examples there are, whatever their label."""
        return sum(self.labels.values())


@dataclass(frozen=True)
class SpanCache:
    """A folder of spans, each complete or absent: a span's files are written to a draft, which is then renamed.

    Every file is compared with its SHA-256 before a span is used: files share their bytes with those of runs, by hard links, and
    whoever writes into one of those writes into the cache.
    """

    folder: Path

    def counts(self, fingerprint: str) -> tuple[SplitCount, ...] | None:
        """The counts of a cached span; None if it is not cached."""
        path = self.folder / fingerprint / COUNTS
        return counts_from_json(path.read_text()) if path.is_file() else None

    @contextmanager
    def only_writer(self) -> Iterator[None]:
        """Let no other process write. Unfinished spans, left by a run that was killed, are deleted."""
        with exclusive_lock(self.folder / "lock"):
            self._drop_unfinished()
            try:
                yield
            finally:
                self._drop_unfinished()

    def drop_damaged(self, fingerprint: str) -> None:
        """Forget a span of which a file is missing or has other bytes than were written, so that it is made again. For the only writer."""
        folder = self.folder / fingerprint
        if folder.is_dir() and (wrong := _damage(folder)):
            log.warning("a span of the cache is damaged: it is made again", extra={"folder": str(folder), "file": wrong})
            shutil.rmtree(folder)

    def _drop_unfinished(self) -> None:
        for path in self.folder.glob(f"*{UNFINISHED}"):
            shutil.rmtree(path)

    def begin(self, fingerprint: str) -> Path:
        """Make an empty folder to write a span's files into."""
        folder = self.folder / f"{fingerprint}{UNFINISHED}"
        folder.mkdir()
        return folder

    def finish(self, fingerprint: str, counts: tuple[SplitCount, ...]) -> None:
        """Add the span to the cache: write its counts and checksums, and rename its folder once all of it is on the disk."""
        folder = self.folder / f"{fingerprint}{UNFINISHED}"
        write_whole(folder / COUNTS, counts_to_json(counts))
        checksums = {path.name: file_sha256(path) for path in sorted(folder.iterdir())}
        for name in checksums:
            sync(folder / name)
        write_whole(folder / CHECKSUMS, json.dumps(checksums))
        sync(folder)
        folder.rename(self.folder / fingerprint)
        sync(self.folder)

    def file(self, fingerprint: str, name: str) -> Path:
        """The path of a file of a cached span."""
        return self.folder / fingerprint / name

    def link(self, fingerprint: str, name: str, destination: Path) -> None:
        """Put a file of the span at `destination`: as a hard link, or as a copy on another file system."""
        source = self.file(fingerprint, name)
        destination.unlink(missing_ok=True)
        try:
            os.link(source, destination)
        except OSError:  # another file system
            shutil.copyfile(source, destination)


def _damage(folder: Path) -> str | None:
    """The first file of a span that is not as it was written."""
    try:
        checksums: dict[str, str] = json.loads((folder / CHECKSUMS).read_text())
        return next((name for name in sorted({COUNTS, *checksums}) if file_sha256(folder / name) != checksums.get(name)), None)
    except (OSError, ValueError, AttributeError, TypeError):  # missing, no JSON, or JSON of something else
        return CHECKSUMS


def counts_to_json(counts: tuple[SplitCount, ...]) -> str:
    """The counts as JSON, a list of objects."""
    return json.dumps([asdict(count) for count in counts], default=str)


def counts_from_json(text: str) -> tuple[SplitCount, ...]:
    """Parse what `counts_to_json` returned."""
    return tuple(_count(document) for document in json.loads(text))


def _count(document: dict[str, Any]) -> SplitCount:
    numbers = document.get("numbers")  # counts that were cached before there was a regression have none
    return SplitCount(
        span=date.fromisoformat(document["span"]),
        split=document["split"],
        labels=document["labels"],
        numbers=LabelNumbers(**numbers) if numbers else None,
    )


def sum_numbers(parts: Iterable[LabelNumbers | None]) -> LabelNumbers | None:
    """Those of all parts together; None where no part has any."""
    known = [part for part in parts if part]
    if not known:
        return None
    return LabelNumbers(min(one.lowest for one in known), max(one.highest for one in known), sum(one.total for one in known))
