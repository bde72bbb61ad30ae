"""A disk without room is named as one, by every command that needs some; the others work."""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from components.runs.record import RunState
from components.settings import REPOSITORY
from tests.pipelines.command_line import CommandLine, quick_churn
from tests.pipelines.small_disk import SmallDisk

pytestmark = pytest.mark.slow
SENTENCES = (
    "the disk is full",
    " is full: free some",
    "no room on the disk",
    "Disk full",
    "No space left on device",
    "no room to write the report",
)


@pytest.fixture(scope="module")
def model(command_line: CommandLine) -> str:
    """A small model that has a version."""
    folder = quick_churn(command_line.settings.models_folder, "narrow")
    assert command_line.json("train", folder.name)["version"] == 1
    return folder.name


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a short path."""
    with TemporaryDirectory(prefix="d") as folder:
        yield Path(folder)


def assert_named(done: subprocess.CompletedProcess[str]) -> None:
    assert "Traceback" not in done.stderr
    assert done.returncode == 1, done.stdout + done.stderr
    told = done.stdout + done.stderr
    assert any(sentence in told for sentence in SENTENCES), told


@pytest.mark.parametrize("size", ["128k", "1m"])
def test_a_training_on_a_full_disk_says_so_and_has_failed(command_line: CommandLine, model: str, folder: Path, size: str) -> None:
    before = command_line.runs(model)
    assert_named(SmallDisk(command_line, size, folder).run("train", model, "--force"))
    new = [run for run in command_line.runs(model) if run.run.run_id not in {earlier.run.run_id for earlier in before}]
    assert {run.state for run in new} <= {RunState.FAILED}
    assert all(run.error is not None and any(sentence in run.error for sentence in SENTENCES) for run in new)
    assert [version["version"] for version in command_line.json("versions", model)] == [1]


NEEDY = {
    "reproduce {} 1": "160k",
    "compare {} 1": "100k",
    "deploy {} 1 --target staging --reason test": "100k",
    "export {} 1": "24k",
}
"""Commands, and disks that are too small for them."""


@pytest.mark.parametrize(("words", "size"), NEEDY.items(), ids=[words.split()[0] for words in NEEDY])
def test_a_command_that_needs_room_says_so(command_line: CommandLine, model: str, folder: Path, words: str, size: str) -> None:
    assert_named(SmallDisk(command_line, size, folder).run(*words.format(model).split()))


@pytest.mark.parametrize("words", ["verify {}", "restore {} 1", "gc --dry-run"], ids=lambda words: words.split()[0])
def test_a_command_that_needs_hardly_any_room_works_or_says_so(command_line: CommandLine, model: str, folder: Path, words: str) -> None:
    done = SmallDisk(command_line, "128k", folder).run(*words.format(model).split())
    assert done.returncode == 0, done.stdout + done.stderr
    assert_named(SmallDisk(command_line, "8k", folder).run(*words.format(model).split()))


@pytest.mark.parametrize("size", ["16k", "30m"])
def test_emulators_without_room_say_so(command_line: CommandLine, folder: Path, size: str) -> None:
    perennial = shlex.join([sys.executable, "-m", "pipelines"])
    done = SmallDisk(command_line, size, folder).script(f"{perennial} up; code=$?; {perennial} down >&2; exit $code")
    assert_named(done)


def test_data_for_which_the_emulators_have_no_room_are_told(command_line: CommandLine, folder: Path) -> None:
    perennial = shlex.join([sys.executable, "-m", "pipelines"])
    fill = f'dd if=/dev/zero of="{folder}/filler" bs=64k 2> /dev/null'
    steps = f"cd {shlex.quote(str(REPOSITORY))} && {perennial} up && {{ {fill}; {perennial} seed churn; code=$?; }}"
    done = SmallDisk(command_line, "250m", folder).script(f"{steps}; rm '{folder}/filler'; {perennial} down >&2; exit $code")
    assert_named(done)
