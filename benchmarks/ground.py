"""What a benchmark stands on: emulators of its own with CDNOW in them, and models that differ in their number of rows alone."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.settings import REPOSITORY

PERENNIAL = Path(sys.executable).with_name("perennial")
WARM_SECONDS = 180.0
CHURN = REPOSITORY / "pipelines" / "models" / "churn"


@dataclass(frozen=True)
class Size:
    """A copy of the model churn, with its own window, and all customers, only the first ones, or each several times."""

    model: str
    spans: int
    customers: int | None = None
    copies: int = 1
    """How many times each customer is there, under a number of its own each time."""
    every_days: int = 7
    is_wide: bool = False
    """With eight more numbers: 20 columns that are features."""


SMALL = Size("churn_small", spans=8, customers=625)
"""5,000 rows."""
MEDIUM = Size("churn_medium", spans=2)
"""47,140 rows; only for how memory grows."""
LARGE = Size("churn_large", spans=13)
"""306,410 rows."""
HUGE = Size("churn_huge", spans=13, copies=4)
"""1,225,640 rows."""
DAILY = Size("churn_daily", spans=30, every_days=1)
"""707,100 rows: a window of 30 days that moves by a day."""
WIDE = Size("churn_wide", spans=9, is_wide=True)
"""212,130 rows by 20 columns, for reading."""
WIDEST = Size("churn_widest", spans=13, copies=4, is_wide=True)
"""1,225,640 rows by 20 columns."""
CURVE = (
    Size("churn_1e3", spans=8, customers=125),
    Size("churn_1e4", spans=8, customers=1250),
    Size("churn_1e5", spans=4),
    Size("churn_1e6", spans=11, copies=4),
    Size("churn_3e6", spans=11, copies=12),
    Size("churn_1e7", spans=11, copies=39),
)
"""From 1,000 rows to 10,111,530."""
SIZES = (SMALL, MEDIUM, LARGE, HUGE, DAILY, WIDE, WIDEST, *CURVE)


@dataclass(frozen=True)
class Ground:
    """A folder of the benchmark's own, and the environment of every process it starts."""

    folder: Path

    @property
    def models(self) -> Path:
        """The folder of the copies of churn."""
        return self.folder / "models"

    @property
    def state(self) -> Path:
        """Perennial's state folder."""
        return self.folder / "state"

    @property
    def environment(self) -> Mapping[str, str]:
        """This process's, but Perennial's settings are its defaults: nothing except emulators is ever reached.

        Compiled modules are kept, as they are wherever nobody forbids it: otherwise mostly the compiler would be timed.
        """
        given = os.environ
        plain = {name: value for name, value in given.items() if not name.startswith("PERENNIAL_") and name != "PYTHONDONTWRITEBYTECODE"}
        return plain | {"PERENNIAL_STATE_FOLDER": str(self.state), "PERENNIAL_MODELS_FOLDER": str(self.models)}

    def csv(self, size: Size) -> Path:
        """The folder with the rows of a model as CSV."""
        return self.folder / "csv" / size.model

    def forget_examples(self) -> None:
        """Empty the cache of spans, so that the next run reads BigQuery."""
        shutil.rmtree(self.state / "cache", ignore_errors=True)

    @property
    def is_warm(self) -> bool:
        """Whether commands run in forks of an interpreter that `perennial up` started, as they do for people."""
        return any((self.state / "warm").glob("*/heavy"))

    def wait_until_warm(self) -> None:
        """Let the interpreter import what it imports: it is there when people work, and would take a core from what is timed."""
        deadline = time.monotonic() + WARM_SECONDS
        while not self.is_warm:
            if time.monotonic() > deadline:
                raise SystemExit("the warm interpreter is not ready: see its log by `perennial status`")
            time.sleep(0.1)

    def call(self, *command: str | Path) -> str:
        """Run a command at the repository's root to its end. Returns what it printed.

        Raises:
            SystemExit: it failed; with its last words.
        """
        done = subprocess.run(command, cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}")
        return done.stdout


@contextmanager
def ground() -> Iterator[Ground]:
    """A ground that is gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="perennial-bench-") as folder:
        made = Ground(Path(folder))
        shutil.copytree(CHURN, made.models / CHURN.name)  # its name is the one that `seed` knows
        for size in SIZES:
            _write_model(size, made.models / size.model)
        try:
            made.call(PERENNIAL, "up")
            made.call(PERENNIAL, "seed", CHURN.name)
            made.wait_until_warm()
            yield made
        finally:
            made.call(PERENNIAL, "down")


def _write_model(size: Size, folder: Path) -> None:
    """Copy churn, and loosen its thresholds: whether a model of few rows is good shall not decide what is timed."""
    shutil.copytree(CHURN, folder)
    _edit(folder / "model.toml", r"^spans = .*", f"spans = {size.spans}")
    _edit(folder / "model.toml", r"^every_days = .*", f"every_days = {size.every_days}")
    _edit(folder / "model.toml", r"^at_least = .*", "at_least = 0.0")
    _edit(folder / "model.toml", r"^at_most = .*", "at_most = 1000.0")
    if size.customers is not None:
        _edit(folder / "source.sql", r"WHERE purchase_date", f"WHERE customer_id <= {size.customers} AND purchase_date")
    if size.copies > 1:
        copies = f"CROSS JOIN UNNEST(GENERATE_ARRAY(1, {size.copies})) AS copy"
        _edit(folder / "source.sql", r"^  history.customer_id,", f"  history.customer_id * {size.copies} + copy AS customer_id,")
        _edit(folder / "source.sql", r"^FROM history$", f"FROM history {copies}")
    if size.is_wide:
        more = "".join(f"  SIN(history.days_since_first * {place}.5 + history.purchases) AS extra_{place},\n" for place in range(1, 9))
        _edit(folder / "source.sql", r"^  CASE WHEN history.purchases = 1", f"{more}  CASE WHEN history.purchases = 1")


def _edit(file: Path, pattern: str, replacement: str) -> None:
    text, times = re.subn(pattern, replacement, file.read_text(), flags=re.MULTILINE)
    if not times:
        raise SystemExit(f"{file.name} of churn has no {pattern!r} any more: correct benchmarks/ground.py")
    file.write_text(text)
