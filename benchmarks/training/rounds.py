"""Runs of our pipeline and of the stock one, each timed from outside as one process."""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from benchmarks.ground import PERENNIAL, Ground, Size


@dataclass(frozen=True)
class Run:
    """One run: seconds from the start of its process to its end, and of each step by its name."""

    total: float
    steps: dict[str, float]
    peaks: dict[str, int] = field(default_factory=dict)
    """The most memory of each step's process, in bytes."""
    load: float = 0.0
    """The machine's load average over the minute before it. Runs that follow each other alone bring it above 1."""


@dataclass(frozen=True)
class Comparison:
    """Runs over the same rows."""

    rows: int
    ours: tuple[Run, ...]
    stock: tuple[Run, ...]

    @property
    def ratio(self) -> float:
        """Our time over stock TFX's."""
        return median_total(self.ours) / median_total(self.stock)


@dataclass(frozen=True)
class Reading:
    """Our step `read` alone, in a process of its own."""

    rows: int
    seconds: float
    before_bytes: int
    """The process's peak memory before the first row."""
    peak_bytes: int


def median_total(runs: tuple[Run, ...]) -> float:
    """The median of their seconds."""
    return median(run.total for run in runs)


def median_step(runs: tuple[Run, ...], step: str) -> float | None:
    """The median of a step's seconds; None if the runs do not have it."""
    seconds = [run.steps[step] for run in runs if step in run.steps]
    return median(seconds) if seconds else None


def compare(ground: Ground, size: Size, rounds: int, *, progress: Callable[[str], None]) -> Comparison:
    """Run both by turns."""
    rows = write_csv(ground, size)
    ours, stock = [], []
    for number in range(1, rounds + 1):
        ours.append(run_ours(ground, size))
        stock.append(run_stock(ground, size))
        progress(f"{rows:,} rows, round {number} of {rounds}: ours {ours[-1].total:.1f} s, stock TFX {stock[-1].total:.1f} s")
    return Comparison(rows, tuple(ours), tuple(stock))


def write_csv(ground: Ground, size: Size) -> int:
    """Write the rows of a model as CSV for the stock pipeline, once. Returns how many there are."""
    count = ground.csv(size).with_suffix(".rows")
    if not count.exists():
        printed = ground.call(sys.executable, "-m", "benchmarks.training.rows", "csv", size.model, ground.csv(size))
        count.write_text(str(json.loads(printed)["rows"]))
    return int(count.read_text())


def run_ours(ground: Ground, size: Size, *options: str) -> Run:
    """`perennial train`, with nothing in the cache of examples."""
    ground.forget_examples()
    return train(ground, size, *options)


def train(ground: Ground, size: Size, *options: str) -> Run:
    """`perennial train` with what is in the caches."""
    load, started = os.getloadavg()[0], time.monotonic()
    printed = ground.call(PERENNIAL, "train", size.model, "--force", "--json", *options)
    total = time.monotonic() - started
    tasks = json.loads(printed)["tasks"]
    seconds = {task["name"]: task["seconds"] for task in tasks}
    return Run(total, seconds, {task["name"]: task["peak_bytes"] for task in tasks if task["peak_bytes"]}, load)


def run_stock(ground: Ground, size: Size) -> Run:
    """The stock pipeline, in a folder that is empty before and gone after."""
    folder = ground.folder / "stock"
    folder.mkdir()
    load, started = os.getloadavg()[0], time.monotonic()
    ground.call(sys.executable, "-m", "benchmarks.training.stock", size.model, ground.csv(size), folder)
    total = time.monotonic() - started
    steps = json.loads((folder / "seconds.json").read_text())
    if not any((folder / "pushed").glob("*/saved_model.pb")):
        raise SystemExit("the stock pipeline pushed no model: it cannot be compared with ours, which did")
    shutil.rmtree(folder)
    return Run(total, steps, load=load)


def read_alone(ground: Ground, size: Size) -> Reading:
    """The step `read` in a new process."""
    ground.forget_examples()
    folder = ground.folder / "examples" / size.model
    return Reading(**json.loads(ground.call(sys.executable, "-m", "benchmarks.training.rows", "examples", size.model, folder)))
