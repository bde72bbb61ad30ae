"""Processes that outlive the command that started them: started, found again and stopped, and never taken for others."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.local.files import write_whole

GRACE_SECONDS = 20.0
"""How long a process may take to end by itself: PostgreSQL and DuckDB write what they have in memory."""

WAIT_FOR_GO = 'read -r go && exec "$@" </dev/null'
"""A shell that becomes the command once it is told to, and ends if whoever should tell it has died."""


@dataclass(frozen=True)
class Daemon:
    """A process that was started, as its record on disk tells it."""

    pid: int
    birth: str
    """When the kernel made the process. Together with the pid it names one process for ever; a pid alone is used again."""
    since: str
    """The same for people, in ISO 8601."""
    command: tuple[str, ...]

    @property
    def is_running(self) -> bool:
        """Whether this very process still runs."""
        return _birth(self.pid) == self.birth


def spawn(command: Sequence[str], record: Path, log: Path) -> Daemon:
    """Start a command in a session of its own. Its output goes to `log`; the log of the run before is kept beside it.

    The command begins only when its record is on disk, so that whatever kills us leaves no process that nobody knows.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
    reading, writing = os.pipe()
    with log.open("wb") as output, os.fdopen(reading, "rb") as ear, os.fdopen(writing, "wb", buffering=0) as mouth:
        process = subprocess.Popen(
            ["/bin/sh", "-c", WAIT_FOR_GO, "sh", *command],
            stdin=ear,
            stdout=output,
            stderr=output,
            cwd="/",
            start_new_session=True,
        )
        process.returncode = 0  # it is meant to outlive us: nobody shall warn that it still runs
        since = datetime.now(UTC).isoformat(timespec="seconds")
        daemon = Daemon(process.pid, _birth(process.pid) or "", since, tuple(command))
        write_whole(record, json.dumps(asdict(daemon)))
        mouth.write(b"go\n")
    return daemon


def find(record: Path) -> Daemon | None:
    """The daemon of a record, if it still runs."""
    try:
        fields = json.loads(record.read_text())
        daemon = Daemon(fields["pid"], fields["birth"], fields["since"], tuple(fields["command"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return daemon if daemon.is_running else None


def stop(daemons: Sequence[Daemon]) -> None:
    """End daemons, all at the same time: asked first, then by force."""
    for daemon in daemons:
        _signal(daemon, signal.SIGTERM)
    if _wait(daemons, GRACE_SECONDS):
        return
    for daemon in daemons:
        _signal(daemon, signal.SIGKILL)
    _wait(daemons, GRACE_SECONDS)


def _wait(daemons: Sequence[Daemon], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(daemon.is_running for daemon in daemons):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _signal(daemon: Daemon, number: signal.Signals) -> None:
    if daemon.is_running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(daemon.pid, number)


def _birth(pid: int) -> str | None:
    """When a process was made, in the kernel's own words; None if there is no such process, or only its remains."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # if it was our child and has ended, let it go
    return _birth_by_proc(pid) if sys.platform == "linux" else _birth_by_ps(pid)


def _birth_by_proc(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    state, ticks_since_boot = fields[0], fields[19]
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return None if state in "ZX" else f"{boot} {ticks_since_boot}"


def _birth_by_ps(pid: int) -> str | None:
    command = ["/bin/ps", "-o", "state=,lstart=", "-p", str(pid)]
    same_words = {"LC_ALL": "C", "TZ": "UTC"}
    answer = subprocess.run(command, env=same_words, capture_output=True, text=True, check=False)
    state, _, started = answer.stdout.strip().partition(" ")
    return started.strip() if started and not state.startswith("Z") else None
