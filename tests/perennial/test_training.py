"""Whoever interrupts a training in a terminal ends it in order."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from perennial.training import _run
from tests.waiting import wait_until

COMMAND = """
import pathlib, signal, sys, time

told = []
signal.signal(signal.SIGINT, lambda *_: told.append(1))
pathlib.Path(sys.argv[1]).touch()
while not told:
    time.sleep(0.01)
print("x" * 1_000_000)
time.sleep(2)
pathlib.Path(sys.argv[2]).write_text(str(len(told)))
"""
PROGRAM = """
import sys
from perennial.training import _run

_run([sys.executable, "-c", *sys.argv[1:]])
"""


def _take_interrupts() -> None:
    """What is started in the background ignores Ctrl-C, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_command_is_interrupted_once_and_waited_for(tmp_path: Path) -> None:
    started, count = tmp_path / "started", tmp_path / "count"
    arguments = [sys.executable, "-c", PROGRAM, COMMAND, str(started), str(count)]
    options: dict[str, Any] = {"start_new_session": True, "preexec_fn": _take_interrupts, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(arguments, **options) as program:
        try:
            wait_until(started.exists, "the command did not start")
            os.killpg(program.pid, signal.SIGINT)  # as a terminal does, to all of its foreground
            _, errors = program.communicate(timeout=60)
        finally:
            program.kill()
    assert (count.read_text(), errors.splitlines()[-1]) == ("1", "KeyboardInterrupt")


STEPS = """
import sys

print("{}")
print("  ✓ pin          done       3.2 s", file=sys.stderr, flush=True)
print("a warning", file=sys.stderr, flush=True)

print("  ✗ train        failed     1.0 s", file=sys.stderr, flush=True)
"""


def test_steps_are_told_as_they_end_and_are_no_errors() -> None:
    told: list[str] = []
    output, errors = _run([sys.executable, "-c", STEPS], told.append)
    assert (output, errors) == ("{}\n", "a warning\n")
    assert told == ["✓ pin          done       3.2 s", "✗ train        failed     1.0 s"]


ENDLESS = "import sys, time; print('  ✓ pin', file=sys.stderr, flush=True); time.sleep(600)"


def test_what_the_receiver_of_progress_raises_ends_the_run() -> None:
    def refuse(line: str) -> None:
        raise LookupError(line)

    with pytest.raises(LookupError, match="^✓ pin$"):
        _run([sys.executable, "-c", f"import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); {ENDLESS}"], refuse)


def test_a_command_that_does_not_end_in_time_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(line: str) -> None:
        raise LookupError(line)

    monkeypatch.setattr("perennial.training.STOP_SECONDS", 0.5)
    with pytest.raises(LookupError, match="^✓ pin$"):
        _run([sys.executable, "-c", f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {ENDLESS}"], refuse)
