"""Whether a command gets a Docker engine, and what is said where it does not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from components.settings import REPOSITORY

SCRIPTS = ("infra/image/engine", "infra/userland/host.sh")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The scripts, and a folder `bin` of programs that come before the machine's own."""
    for script in SCRIPTS:
        (tmp_path / script).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / script, tmp_path / script)
    (tmp_path / "bin").mkdir()
    return tmp_path


def program(tree: Path, name: str, text: str) -> None:
    path = tree / "bin" / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def run(tree: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{tree / 'bin'}:{os.environ['PATH']}"}
    return subprocess.run([str(tree / "infra/image/engine"), *command], env=environment, capture_output=True, text=True, check=False)


def test_a_command_uses_the_engine_that_answers(tree: Path) -> None:
    program(tree, "docker", "exit 0")
    program(tree, "dockerd", "echo started >&2; exit 1")
    done = run(tree, "sh", "-c", "echo done; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "done\n", "")


def test_where_no_engine_can_start_one_line_says_so_and_the_command_is_not_run(tree: Path) -> None:
    program(tree, "docker", "exit 1")
    program(tree, "dockerd", "echo no rights >&2; exit 1")
    program(tree, "id", "echo 0")
    done = run(tree, "touch", str(tree / "ran"))
    log = tree / ".cache" / "image" / "engine.log"
    assert (done.returncode, done.stderr) == (1, f"perennial: no Docker engine can start here: no rights (log: {log})\n")
    assert not (tree / "ran").exists()


def test_who_is_not_root_is_told_what_to_do(tree: Path) -> None:
    program(tree, "docker", "exit 1")
    program(tree, "id", "echo 1000")
    done = run(tree, "infra/image/test")
    sentence = "perennial: no Docker engine answers, and only root can start one: start Docker, or run the same command with sudo\n"
    assert (done.returncode, done.stderr) == (1, sentence)


def test_our_own_engine_ends_with_the_command(tree: Path) -> None:
    program(tree, "docker", f"[ -e {tree / 'up'} ]")
    program(tree, "dockerd", f"touch {tree / 'up'}; trap 'rm {tree / 'up'}; exit 0' TERM; while :; do sleep 0.1; done")
    program(tree, "id", "echo 0")
    done = run(tree, "sh", "-c", 'echo "$DOCKER_HOST"')
    assert (done.returncode, done.stdout) == (0, f"unix://{tree}/.cache/image/engine/docker.sock\n")
    assert not (tree / "up").exists()
