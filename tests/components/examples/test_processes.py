"""Reading in processes of their own: killed, in little memory, with the same bytes."""

import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from components.model.folder import Model
from tests.components.examples.records import contents
from tests.components.visits import Site

MANY = """
SELECT as_of, visitor, visitor AS pages, visitor / 7 AS seconds, REPEAT('x', 400) AS device, MOD(visitor, 2) AS returned
FROM UNNEST(@spans) AS as_of, UNNEST(GENERATE_ARRAY(1, IF(as_of = '2026-03-04', 1000, {rows}))) AS visitor
WHERE EXISTS (SELECT 1 FROM {source})
"""
CHILD = """
import pathlib, pickle, re, resource, sys
from components.examples.read import read_examples
from components.cloud import Cloud
settings, model, snapshot, folder = pickle.loads(bytes.fromhex(sys.argv[1]))
read_examples(Cloud(settings), model, snapshot, folder)
status = pathlib.Path("/proc/self/status")  # Linux's getrusage tells of the process that started this one, too
if status.exists():
    print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]) * 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def many(site: Site, rows: int, *, spans: int) -> Model:
    return site.model(name=f"visits{rows}", sql=MANY.replace("{rows}", str(rows)), toml={"spans = 2": f"spans = {spans}"})


def elsewhere(site: Site, state: Path) -> Site:
    return replace(site, settings=site.settings.model_copy(update={"state_folder": state}))


def start(site: Site, model: Model, folder: Path) -> "subprocess.Popen[str]":
    arguments = (site.settings, model, site.pin(model), folder)
    command = [sys.executable, "-c", CHILD, pickle.dumps(arguments).hex()]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def peak_megabytes(process: "subprocess.Popen[str]") -> float:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return int(out) / 1e6


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows_of_a_span(site: Site, tmp_path: Path) -> None:
    """Messages that wait to be read, and what the allocator keeps, are 20 to 45 MB, and more now and then on a busy machine.

    Another 300,000 rows, had they been held, would be 135 MB as messages and as much again as examples, each time.
    """
    sizes = (120_000, 420_000)
    growths = []
    for attempt in range(3):
        folders = [tmp_path / f"{rows}-{attempt}" for rows in sizes]
        peaks = [
            peak_megabytes(start(elsewhere(site, folder.with_suffix(".state")), many(site, rows, spans=1), folder))
            for rows, folder in zip(sizes, folders, strict=True)
        ]
        few_bytes, many_more_bytes = (sum(map(len, contents(folder).values())) for folder in folders)
        assert many_more_bytes > 3 * few_bytes
        growths.append(peaks[1] - peaks[0])
        if growths[-1] < 80:
            return
    pytest.fail(f"the peak grew by {growths} MB")


def test_another_process_writes_the_same_bytes(site: Site, tmp_path: Path) -> None:
    model = site.model()
    process = start(elsewhere(site, tmp_path / "state of the child"), model, tmp_path / "child")
    site.read(model, tmp_path / "here")
    peak_megabytes(process)
    assert contents(tmp_path / "child") == contents(tmp_path / "here")


def whole(cache: Path) -> list[Path]:
    """The spans that a later run would take."""
    return [path.parent for path in cache.glob("*/counts.json") if path.parent.suffix != ".unfinished"]


@pytest.mark.slow
def test_a_killed_read_leaves_nothing_that_is_taken_for_whole(site: Site, tmp_path: Path) -> None:
    model = many(site, 150_000, spans=2)
    cache = site.settings.state_folder / "cache" / "examples" / model.name
    process = start(site, model, tmp_path / "killed")
    deadline = time.monotonic() + 60
    while not (finished := whole(cache)) or not (unfinished := list(cache.glob("*.unfinished/train.tfrecord.gz"))):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(finished) == len(unfinished) == len(whole(cache)) == 1
    assert not (tmp_path / "killed").exists()
    kept = (finished[0] / "train.tfrecord.gz").stat().st_ino
    counts = site.read(model, tmp_path / "again")
    assert sum(count.rows for count in counts) == 151_000
    assert not list(cache.glob("*.unfinished"))
    assert (finished[0] / "train.tfrecord.gz").stat().st_ino == kept
    elsewhere(site, tmp_path / "elsewhere").read(model, tmp_path / "never killed")
    assert contents(tmp_path / "again") == contents(tmp_path / "never killed")
