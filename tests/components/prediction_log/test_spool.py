"""The spool where there is no room: whole records are kept, the rest is counted, and nothing fails."""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.prediction_log.record import decode, encode
from components.prediction_log.spool import Spool
from tests.components.prediction_log.test_record import RECORD

FULL_DISK = """
import json, resource, signal, sys
from pathlib import Path
from components.prediction_log.record import encode
from components.prediction_log.spool import Spool
from tests.components.prediction_log.test_record import RECORD
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
spool = Spool(Path(sys.argv[1]))
kept = [spool.append([encode(RECORD)], 2) for _ in range(100)]
print(json.dumps([sum(kept), spool.dropped_rows, spool.is_full]))
"""


def records(folder: Path) -> int:
    return sum(len(list(decode(path.read_bytes()))) for path in folder.glob("*.segment"))


def test_a_spool_that_is_full_drops_the_newest_and_counts_them(tmp_path: Path) -> None:
    data = encode(RECORD)
    spool = Spool(tmp_path, limit_bytes=len(data) * 5 + 10)
    assert [spool.append([data], 2) for _ in range(7)] == [True] * 5 + [False] * 2
    assert (spool.dropped_rows, spool.is_full, records(tmp_path)) == (4, True, 5)
    spool.close()
    other = Spool(tmp_path, limit_bytes=len(data) * 5 + 10)
    assert not other.append([data], 2)
    min(tmp_path.glob("*.segment")).unlink()  # the older of two: the full one
    assert other.append([data], 2)
    assert not other.is_full
    other.close()


def test_a_full_disk_keeps_whole_records(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True)
    kept, dropped, is_full = json.loads(run.stdout)
    assert (records(tmp_path), 2 * (100 - kept), is_full) == (kept, dropped, True)
    assert 0 < kept < 100
    (segment,) = tmp_path.glob("*.segment")
    assert segment.stat().st_size == kept * len(encode(RECORD))


@pytest.mark.parametrize("sizes", [[1, 1, 1], [3]])
def test_a_batch_is_written_whole(tmp_path: Path, sizes: list[int]) -> None:
    spool = Spool(tmp_path)
    for size in sizes:
        assert spool.append([encode(RECORD)] * size, 2 * size)
    assert records(tmp_path) == 3
    spool.close()


def test_a_segment_is_seen_once_its_writer_holds_its_lock_and_is_on_the_disk_before_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who looks at it before would take it for an empty one whose writer has ended, and delete it."""
    synced: set[int] = set()
    flock, fdatasync = fcntl.flock, os.fdatasync

    def hold(file: int, how: int) -> None:
        assert not any(path.stat().st_ino == os.fstat(file).st_ino for path in tmp_path.glob("*.segment"))
        flock(file, how)

    def sync(file: int) -> None:
        synced.add(os.fstat(file).st_ino)
        fdatasync(file)

    monkeypatch.setattr("components.prediction_log.spool.SEGMENT_BYTES", 1)
    monkeypatch.setattr("components.prediction_log.spool.fcntl.flock", hold)
    monkeypatch.setattr("components.prediction_log.spool.os.fdatasync", sync)
    spool = Spool(tmp_path)
    for _ in range(5):
        assert spool.append([encode(RECORD)], 2)
    spool.close()
    assert synced == {path.stat().st_ino for path in tmp_path.glob("*.segment")}
    assert (len(synced), list(tmp_path.glob("*.draft"))) == (6, [])
