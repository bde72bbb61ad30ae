"""`make install`: a command `perennial` that finds its checkout, wherever that is, and replaces nothing that is not ours."""

import os
import subprocess
from pathlib import Path

from components.settings import REPOSITORY

SCRIPT = REPOSITORY / "infra" / "userland" / "install-command"


def install(root: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PERENNIAL_BIN": str(folder)}
    return subprocess.run(["sh", str(SCRIPT), str(root)], env=environment, capture_output=True, text=True, check=False)


def test_the_command_runs_perennial_in_its_checkout(tmp_path: Path) -> None:
    root = tmp_path / "it's a checkout"
    enter = root / "infra" / "userland" / "enter"
    enter.parent.mkdir(parents=True)
    enter.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    enter.chmod(0o755)
    for _ in range(2):  # a second time renews it
        done = install(root, tmp_path / "bin")
        assert (done.returncode, done.stdout) == (0, f"{tmp_path}/bin/perennial\n")
    assert "is not on the PATH" in done.stderr
    called = subprocess.run([tmp_path / "bin" / "perennial", "show", "a b"], capture_output=True, text=True, check=True)
    assert called.stdout == "perennial|show|a b|"


def test_a_command_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    command = tmp_path / "perennial"
    command.write_text("#!/bin/sh\n")
    done = install(REPOSITORY, tmp_path)
    assert (done.returncode, command.read_text()) == (1, "#!/bin/sh\n")
    assert done.stderr.startswith(f"perennial: {command} exists and is not ours")
