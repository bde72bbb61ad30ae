"""Whoever interrupts a training in a terminal ends it in order."""

import os
import signal
import subprocess
import sys
from pathlib import Path

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


def test_a_command_is_interrupted_once_and_waited_for(tmp_path: Path) -> None:
    started, count = tmp_path / "started", tmp_path / "count"
    arguments = [sys.executable, "-c", PROGRAM, COMMAND, str(started), str(count)]
    with subprocess.Popen(arguments, start_new_session=True, stderr=subprocess.PIPE, text=True) as program:
        wait_until(started.exists, "the command did not start")
        os.killpg(program.pid, signal.SIGINT)  # as a terminal does, to all of its foreground
        _, errors = program.communicate(timeout=60)
    assert (count.read_text(), errors.splitlines()[-1]) == ("1", "KeyboardInterrupt")
