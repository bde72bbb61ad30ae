"""Processes that outlive the command that starts them: start one, find it again without mistaking another for it, and stop it."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from components.files import write_whole

GRACE_SECONDS = 20.0
"""How long a process may take to end by itself: PostgreSQL and DuckDB write what they have in memory."""

WAIT_FOR_GO = 'read -r go && exec "$@" </dev/null'
"""A shell that becomes the command when it reads a line, and ends if the process that should write the line has died."""


@dataclass(frozen=True)
class Daemon:
    """A process that was started, as its record on disk describes it."""

    pid: int
    birth: float
    """When the process was created, as `_birth` tells it. With the pid it identifies one process; a pid alone is used again."""
    since: str
    """The same for people, in ISO 8601."""
    command: tuple[str, ...]

    @property
    def is_running(self) -> bool:
        """Whether this very process still runs."""
        return _process(self) is not None


def spawn(command: Sequence[str], record: Path, log: Path) -> Daemon:
    """Start a command in a session of its own. Its output goes to `log`; the log of the run before is kept beside it.

    The command begins only once its record is on disk, so that no unrecorded process stays behind if this one is killed.
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
        process.returncode = 0  # it is meant to outlive this process: no warning that it still runs
        since = datetime.now(UTC).isoformat(timespec="seconds")
        daemon = Daemon(process.pid, _birth(psutil.Process(process.pid)), since, tuple(command))
        write_whole(record, json.dumps(asdict(daemon)))
        mouth.write(b"go\n")
    return daemon


def find(record: Path) -> Daemon | None:
    """The daemon of a record, if it still runs."""
    try:
        fields = json.loads(record.read_bytes())
        daemon = Daemon(int(fields["pid"]), float(fields["birth"]), str(fields["since"]), tuple(fields["command"]))
        datetime.fromisoformat(daemon.since)
        return daemon if daemon.is_running else None
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None


def search(program: str, words: Collection[str]) -> Daemon | None:
    """A process of this user that runs the program with all these words: the daemon of a record that was lost or damaged."""
    for process in psutil.process_iter(["cmdline", "uids", "status"]):
        command, uids = process.info["cmdline"] or [], process.info["uids"]
        is_it = command[:1] == [program] and set(words) <= set(command) and uids is not None and uids.real == os.getuid()
        if not is_it or process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        with contextlib.suppress(psutil.NoSuchProcess):
            since = datetime.fromtimestamp(process.create_time(), UTC).isoformat(timespec="seconds")
            return Daemon(process.pid, _birth(process), since, tuple(command))
    return None


def stop(daemons: Sequence[Daemon], grace_seconds: float = GRACE_SECONDS) -> None:
    """End daemons, all at the same time: by request first, then by force."""
    processes = [process for daemon in daemons if (process := _process(daemon))]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
            process.resume()  # one that was suspended would not hear it
    _, stubborn = psutil.wait_procs(processes, grace_seconds)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, GRACE_SECONDS)


def _process(daemon: Daemon) -> psutil.Process | None:
    """The process of a daemon; None if it has ended, whether or not its parent has taken notice, or another one has its pid."""
    try:
        process = psutil.Process(daemon.pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return process if _birth(process) == daemon.birth else None
        process.wait(0)  # if it was our child, let it go
    except (psutil.NoSuchProcess, psutil.TimeoutExpired):
        pass
    return None


def _birth(process: psutil.Process) -> float:
    """When a process was created, in seconds: on Linux since the system started, which no correction of the clock changes."""
    created: float = process.create_time()
    return round(created - psutil.boot_time(), 2) if sys.platform == "linux" else created
