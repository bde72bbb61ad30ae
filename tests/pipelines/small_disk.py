"""The command line on a disk of a given size: its state folder is a file system in memory, which is there for one command only."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from components.settings import ENDPOINTS_FILE, REPOSITORY
from tests.pipelines.command_line import CommandLine

SCRIPT = """
set -e
size=$1 state=$2 endpoints=$3
shift 3
mount -t tmpfs -o "size=$size,mode=700" tmpfs "$state"
mkdir "$TMPDIR"
[ ! -e "$endpoints" ] || cp "$endpoints" "$state/"
exec "$@"
"""


@dataclass(frozen=True)
class SmallDisk:
    """Commands whose state, caches and temporary files have so much room as `size` says, such as 300k."""

    command_line: CommandLine
    size: str
    folder: Path
    """An empty one, where the disk is mounted. Its path is short, since sockets lie below it."""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `perennial` to its end, with the services of the test."""
        endpoints = self.command_line.settings.state_folder / ENDPOINTS_FILE
        return self._run(endpoints, sys.executable, "-m", "pipelines", *arguments)

    def script(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script to its end; the disk is empty, and no emulator runs."""
        return self._run(Path("/nonexistent"), "sh", "-c", text)

    def _run(self, endpoints: Path, *words: str) -> subprocess.CompletedProcess[str]:
        alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--user", "--map-root-user"]
        command = [*alone, "sh", "-c", SCRIPT, "sh", self.size, str(self.folder), str(endpoints), *words]
        environment = {**self.command_line.environment, "PERENNIAL_STATE_FOLDER": str(self.folder), "TMPDIR": str(self.folder / "t")}
        return subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=False)
