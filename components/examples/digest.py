"""One SHA-256 over all files of examples: two readings with the same one gave the same examples, byte for byte."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from components.canonical import fingerprint
from components.files import file_sha256
from components.model.sections import Split

DIGEST = "examples_sha256"
"""The key of the digest in the metadata of the step `read`'s counts."""


def hash_files(folder: Path) -> dict[tuple[str, str], str]:
    """SHA-256 of each file that `read_examples` wrote into the folder, by split and span (YYYY-MM-DD), in this order.

    Of a span that is held out, the split is newest.train or newest.eval.
    """
    paths = ((split, path) for split in Split for path in sorted((folder / f"Split-{split}").glob("*.gz")))
    return {(_part(split, path), _span(path)): file_sha256(path) for split, path in paths}


def examples_sha256(files: Mapping[tuple[str, str], str]) -> str:
    """The SHA-256 over all hashes that `hash_files` returned."""
    return fingerprint([[split, span, sha256] for (split, span), sha256 in files.items()])


def spans_of(folder: Path, split: Split) -> tuple[date, ...]:
    """The spans of a split of examples, in ascending order."""
    return tuple(sorted({date.fromisoformat(_span(path)) for path in (folder / f"Split-{split}").glob("*.gz")}))


def _span(path: Path) -> str:
    return date.fromisoformat(path.stem.rpartition("-")[2]).isoformat()


def _part(split: Split, path: Path) -> str:
    return f"{split}.{path.stem.split('-')[1]}" if split == Split.NEWEST else split.value
