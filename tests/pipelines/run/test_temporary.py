"""Temporary files: a folder of its own for each process, which goes with it, and is deleted by the next one if it was killed."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from components.settings import REPOSITORY
from pipelines.run.temporary import DRAFT_SECONDS, sweep_drafts, temporary_files

PROGRAM = """
import sys, tempfile
from pipelines.run.temporary import temporary_files
tempfile.tempdir = sys.argv[1]
with temporary_files():
    print(tempfile.mkdtemp(), flush=True)
    sys.stdin.read()
"""


def begin(folder: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that has made a temporary folder, and that folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_process_left_goes_and_what_a_living_one_uses_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "of another program").mkdir()
    killed, left = begin(tmp_path)
    living, used = begin(tmp_path)
    killed.kill()
    killed.communicate()
    assert left.is_dir()
    with temporary_files():
        assert not left.parent.exists()
        assert used.is_dir()
        own = Path(tempfile.mkdtemp())
        assert os.environ["TMPDIR"] == str(own.parent)
        assert own.parent.stat().st_mode & 0o077 == 0
    living.communicate("")
    assert list(tmp_path.iterdir()) == [tmp_path / "of another program"]
    assert tempfile.gettempdir() == str(tmp_path)


def test_a_folder_that_is_being_made_stays_until_it_is_old_and_anybody_elses_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    new, old, theirs = (tmp_path / f"perennial-{name}" for name in ("new", "old", "data"))
    for folder in (new, old, theirs):
        folder.mkdir()
    (theirs / "rows.csv").touch()
    for folder in (old, theirs):
        os.utime(folder, (time.time() - DRAFT_SECONDS - 1,) * 2)
    with temporary_files():
        assert (new.exists(), old.exists(), theirs.exists()) == (True, False, True)


@pytest.mark.parametrize("name", [".profile.json.a1b2_3xy", ".pull-a1b2_3xy", "span.unfinished-0a"])
def test_old_drafts_are_swept(tmp_path: Path, name: str) -> None:
    old, young, whole = tmp_path / "cache" / name, tmp_path / name, tmp_path / "profile.json"
    old.parent.mkdir()
    for path in (old, young, whole):
        path.touch()
    day_before = time.time() - DRAFT_SECONDS - 1
    for path in (old, whole):
        os.utime(path, (day_before, day_before))
    sweep_drafts(tmp_path)
    assert (old.exists(), young.exists(), whole.exists()) == (False, True, True)
