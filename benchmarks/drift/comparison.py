"""The comparison of two windows: ours from kept profiles and from rows, and Evidently's drift report on the same rows.

python -m benchmarks.drift.comparison [ROWS]
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.comparison.compare import DataComparison, Side, compare_profiles
from components.comparison.sentences import culprit
from components.model.column_lineage import Lineage
from components.profiles.file import read_profiles, write_profiles
from components.profiles.profile import SOURCE_TABLE, ProfileKey, Profiles
from components.profiles.profiling import profile_batch
from components.settings import REPOSITORY

ROWS = 1_000_000
PARTITIONS = 60
NUMBERS, COUNTS, GROUPS = 12, 4, 4
FEATURES = tuple(f"{kind}_{i}" for kind, several in (("number", NUMBERS), ("count", COUNTS), ("group", GROUPS)) for i in range(several))
LINEAGE = Lineage(FEATURES, {name: frozenset({name}) for name in FEATURES})
TARGET = 0.25


@dataclass(frozen=True)
class DriftTimes:
    """Seconds, over the same two windows."""

    rows: int
    kept: float
    """From profiles on disk to the ranked differences."""
    raw: float
    """From rows in memory."""
    evidently: float
    culprit: str
    """Ours' first line."""

    @property
    def ratio(self) -> float:
        """Ours from rows over Evidently."""
        return self.raw / self.evidently


def compare_drift(rows: int = ROWS, *, progress: Callable[[str], None]) -> DriftTimes:
    """Time all three once, one after the other."""
    with tempfile.TemporaryDirectory(prefix="perennial-bench-") as name:
        folder = Path(name)
        windows = {side: list(partitions(rows, seed, shifted=side == "after")) for seed, side in enumerate(("before", "after"))}
        started = time.monotonic()
        found = _compared({side: profile(window) for side, window in windows.items()})
        raw = time.monotonic() - started
        progress(f"ours from rows: {raw:.1f} s")
        for side, window in windows.items():
            write_profiles(profile(window), folder / f"{side}.profiles")
            pq.write_table(pa.concat_tables(table for _, table in window), folder / f"{side}.parquet")
        started = time.monotonic()
        _compared({side: read_profiles(folder / f"{side}.profiles") for side in windows})
        kept = time.monotonic() - started
        progress(f"ours from profiles: {kept:.2f} s")
        del windows
        evidently = drift_report(folder)
        progress(f"Evidently: {evidently:.1f} s")
        return DriftTimes(rows, kept, raw, evidently, culprit(found))


def partitions(rows: int, seed: int, *, shifted: bool) -> Iterator[tuple[date, pa.Table]]:
    """A window of daily partitions: numbers, whole numbers and groups. The later one has another unit in a tenth of one column."""
    chance, size = np.random.default_rng(seed), rows // PARTITIONS
    for place in range(PARTITIONS):
        columns: dict[str, pa.Array] = {}
        for i in range(NUMBERS):
            values = chance.lognormal(i / 4, 1.0, size)
            if shifted and i == 0 and place >= PARTITIONS - 6:
                values *= 100
            columns[f"number_{i}"] = pa.array(values)
        for i in range(COUNTS):
            columns[f"count_{i}"] = pa.array(chance.poisson(2.0 + i, size))
        for i in range(GROUPS):
            names = np.array([f"value {j}" for j in range(4 + 6 * i)])
            columns[f"group_{i}"] = pa.array(names[chance.integers(0, len(names), size)])
        yield date(2026, 1, 1) + timedelta(days=place + PARTITIONS * shifted), pa.table(columns)


def profile(window: list[tuple[date, pa.Table]]) -> Profiles:
    """The profiles of a window's partitions."""
    return {ProfileKey(SOURCE_TABLE, day, f"{day}"): profile_batch(table.combine_chunks().to_batches()[0]) for day, table in window}


def _compared(profiles: dict[str, Profiles]) -> DataComparison:
    before, after = (Side(name=side, source=found, rows={}) for side, found in profiles.items())
    return compare_profiles(before, after, LINEAGE)


def drift_report(folder: Path) -> float:
    """Seconds of Evidently's report, with the packages of the group `bench` in an environment that is gone afterwards."""
    uv, requirements = REPOSITORY / ".cache" / "uv" / "bin" / "uv", folder / "requirements.txt"
    group: list[str | Path] = ["export", "--locked", "--quiet", "--only-group", "bench", "--no-emit-project", "--project", REPOSITORY]
    call(uv, *group, "--output-file", requirements)
    environment: list[str | Path] = [
        "run",
        "--isolated",
        "--no-project",
        "--quiet",
        "--python",
        sys.executable,
        "--with-requirements",
        requirements,
    ]
    files = [folder / f"{side}.parquet" for side in ("before", "after")]
    printed = call(uv, *environment, "python", Path(__file__).with_name("drift_report.py"), *files)
    return float(json.loads(printed.splitlines()[-1])["seconds"])


def call(*command: str | Path) -> str:
    """Run a command to its end. Returns what it printed.

    Raises:
        SystemExit: it failed; with its last words.
    """
    quiet = {**os.environ, "DO_NOT_TRACK": "1", "UV_NO_PROGRESS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return done.stdout


def main() -> None:
    """Print the seconds as JSON."""
    times = compare_drift(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS, progress=lambda text: print(text, file=sys.stderr))
    print(json.dumps({**vars(times), "ratio": times.ratio}, indent=1))


if __name__ == "__main__":
    main()
