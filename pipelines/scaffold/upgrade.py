"""Merge what `perennial new` writes today into a folder that it wrote before, three ways as git does: edits of one's own stay."""

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from components.cloud import Cloud
from components.errors import ModelFolderError
from components.files import write_whole
from pipelines.scaffold.make import draft_files
from pipelines.scaffold.origin import keep_origin, read_origin
from pipelines.scaffold.start import START_FILE, START_FOLDER

LABELS = ("yours", "as it was made", "as it would be made today")


class Merge(StrEnum):
    """What becomes of a file."""

    UNCHANGED = "unchanged"
    UPGRADED = "upgraded"
    ADDED = "added"
    CONFLICT = "conflict"
    """Both sides changed the same lines, which stand between <<<<<<< and >>>>>>> now."""
    DELETED = "left deleted"
    """Somebody has deleted it."""


@dataclass(frozen=True)
class MergedFile:
    """A file, and its text after the merge."""

    name: str
    outcome: Merge
    text: str


def upgrade_model(cloud: Cloud, name: str, *, progress: Callable[[str], None], dry_run: bool = False) -> tuple[MergedFile, ...]:
    """Merge today's templates into a model's folder. The table is looked at up to the day that it had then: only Perennial is newer.

    Args:
        cloud: the services.
        name: the model's.
        progress: is told what is done.
        dry_run: write nothing.

    Raises:
        ModelFolderError: the folder was not made by `perennial new`, or has conflicts of an earlier upgrade or a file that is not
            UTF-8, or there is no git.
        SourceError: the table has no such rows any more.
        AccessError: BigQuery refuses or does not answer.
    """
    folder = cloud.settings.models_folder / name
    wish, through, before = read_origin(folder)
    for file in before:
        if (folder / file).is_file() and _has_conflicts(_text(folder / file)):
            raise ModelFolderError(f"{folder / file} has conflicts of an earlier upgrade: choose between its sides first")
    kept = replace(
        wish,
        keras=str(folder / START_FILE) if wish.keras else None,
        saved_model=str(folder / START_FOLDER) if wish.saved_model else None,
    )
    _, today = draft_files(cloud, kept, progress=progress, through=through)
    merged = tuple(_merge(folder, file, before.get(file), text) for file, text in today.items())
    if not dry_run:
        for one in merged:
            if one.outcome not in (Merge.UNCHANGED, Merge.DELETED):
                write_whole(folder / one.name, one.text)
        keep_origin(folder, wish, through, today)
    return merged


def _merge(folder: Path, file: str, before: str | None, today: str) -> MergedFile:
    path = folder / file
    if not path.is_file():
        return MergedFile(file, Merge.ADDED, today) if before is None else MergedFile(file, Merge.DELETED, today)
    own = _text(path)
    if today in (before, own):
        return MergedFile(file, Merge.UNCHANGED, own)
    text, conflicts = _merge_texts(own, before or "", today)
    return MergedFile(file, Merge.CONFLICT if conflicts else Merge.UPGRADED, text)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ModelFolderError(f"{path} is not UTF-8 (byte {error.start}): save it so, and upgrade then") from error


def _merge_texts(own: str, before: str, today: str) -> tuple[str, bool]:
    """The three texts in one, and whether they contradict each other."""
    with tempfile.TemporaryDirectory() as temporary:
        paths = [Path(temporary, str(number)) for number in range(3)]
        for path, text in zip(paths, (own, before, today), strict=True):
            path.write_text(text, encoding="utf-8")
        labels = [word for label in LABELS for word in ("-L", label)]
        try:
            done = subprocess.run(["git", "merge-file", "-p", "--diff3", *labels, *map(str, paths)], capture_output=True, check=False)
        except OSError as error:
            raise ModelFolderError(f"git cannot be run ({error.strerror}), which merges the files: install it") from error
    if done.returncode > 127 or done.returncode < 0:
        raise ModelFolderError(f"git cannot merge the files: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(), done.returncode > 0


def _has_conflicts(text: str) -> bool:
    return any(line.startswith(f"<<<<<<< {LABELS[0]}") for line in text.splitlines())
