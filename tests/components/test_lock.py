"""One process at a time, and what happens to the others."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from components.lock import exclusive_lock

HOLDER = """
import sys
from pathlib import Path
from components.lock import exclusive_lock

with exclusive_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> subprocess.Popen[str]:
    """Another process, which holds the lock until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "folder" / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_whoever_finds_the_lock_held_may_refuse_to_wait(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    def refuse() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError), exclusive_lock(tmp_path / "folder" / "lock", on_busy=refuse):
        pass
    holder.communicate()


def test_the_lock_of_a_process_that_is_killed_is_free(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    with exclusive_lock(tmp_path / "folder" / "lock", on_busy=holder.kill):
        assert holder.wait() != 0
    holder.communicate()
    with exclusive_lock(tmp_path / "folder" / "lock", on_busy=pytest.fail):
        pass


def test_whoever_waits_says_so(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    said = list[str]()

    class Free(logging.Handler):
        """Lets the lock go once it has been told that somebody waits for it."""

        def emit(self, record: logging.LogRecord) -> None:
            said.append(f"{record.getMessage()}: {vars(record)['lock']}")
            holder.kill()

    log, handler = logging.getLogger("components.lock"), Free()
    log.addHandler(handler)
    try:
        with exclusive_lock(tmp_path / "folder" / "lock"):
            assert said == [f"waiting for another process, which holds a lock: {tmp_path / 'folder' / 'lock'}"]
    finally:
        log.removeHandler(handler)
    holder.communicate()
