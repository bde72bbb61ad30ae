"""Daemons: found again, never confused, stopped for sure."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipelines.local import daemons
from pipelines.local.daemons import Daemon

DEADLINE_SECONDS = 60


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def wait_for_the_end(daemon: Daemon) -> None:
    psutil.wait_procs([psutil.Process(daemon.pid)], DEADLINE_SECONDS)
    assert not daemon.is_running


def test_a_daemon_is_found_again_until_it_is_stopped(tmp_path: Path) -> None:
    daemon = daemons.spawn(python("import time; time.sleep(60)"), tmp_path / "sleeper.pid", tmp_path / "sleeper.log")

    assert daemons.find(tmp_path / "sleeper.pid") == daemon
    assert os.getsid(daemon.pid) == daemon.pid  # no terminal's hang-up reaches it

    daemons.stop([daemon])

    assert not daemon.is_running
    assert daemons.find(tmp_path / "sleeper.pid") is None


def test_a_daemon_that_ended_by_itself_is_not_found(tmp_path: Path) -> None:
    daemon = daemons.spawn(python(""), tmp_path / "short.pid", tmp_path / "short.log")

    wait_for_the_end(daemon)

    assert daemons.find(tmp_path / "short.pid") is None


def test_a_recycled_pid_is_neither_found_nor_stopped(tmp_path: Path) -> None:
    with subprocess.Popen(python("input()"), stdin=subprocess.PIPE) as stranger:
        record = tmp_path / "daemon.pid"
        fields = {"pid": stranger.pid, "birth": 0.25, "since": "2026-01-01T00:00:00+00:00", "command": ["x"]}
        record.write_text(json.dumps(fields))

        found = daemons.find(record)
        daemons.stop([Daemon(stranger.pid, 0.25, "2026-01-01T00:00:00+00:00", ("x",))])

        assert found is None
        assert stranger.poll() is None
        stranger.communicate(b"\n")


@pytest.mark.parametrize("text", ["", "12345", "{}", '{"pid": 1', "[]"])
def test_a_damaged_record_is_no_daemon(tmp_path: Path, text: str) -> None:
    (tmp_path / "daemon.pid").write_text(text)

    assert daemons.find(tmp_path / "daemon.pid") is None


def test_a_command_without_a_record_never_begins(tmp_path: Path) -> None:
    (tmp_path / "record").mkdir()
    earlier = set(psutil.Process().children())
    begin = python(f"open({str(tmp_path / 'begun')!r}, 'w')")

    with pytest.raises(OSError, match="directory"):
        daemons.spawn(begin, tmp_path / "record", tmp_path / "daemon.log")

    _, running = psutil.wait_procs(set(psutil.Process().children()) - earlier, DEADLINE_SECONDS)
    assert running == []
    assert not (tmp_path / "begun").exists()


def test_a_daemon_that_ignores_the_request_is_stopped_by_force(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ready")
    deaf = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(tmp_path / 'ready')!r}, 'w'); time.sleep(600)"
    daemon = daemons.spawn(python(deaf), tmp_path / "deaf.pid", tmp_path / "deaf.log")
    (tmp_path / "ready").read_bytes()  # waits until the daemon opens it

    daemons.stop([daemon], grace_seconds=0.1)

    assert not daemon.is_running


def test_a_daemon_that_is_suspended_hears_the_request(tmp_path: Path) -> None:
    daemon = daemons.spawn(python("import time; time.sleep(600)"), tmp_path / "asleep.pid", tmp_path / "asleep.log")
    os.kill(daemon.pid, signal.SIGSTOP)
    began = time.monotonic()

    daemons.stop([daemon])

    assert not daemon.is_running
    assert time.monotonic() - began < daemons.GRACE_SECONDS


def test_the_log_of_the_run_before_is_kept(tmp_path: Path) -> None:
    for text in ("first", "second", "third"):
        daemon = daemons.spawn(python(f"print({text!r})"), tmp_path / "writer.pid", tmp_path / "writer.log")
        wait_for_the_end(daemon)

    assert (tmp_path / "writer.log").read_text() == "third\n"
    assert (tmp_path / "writer.log.1").read_text() == "second\n"
