"""One more day in a window of 30: ours with what the day before left in its caches, and stock TFX, which knows nothing of before."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from benchmarks.ground import DAILY, Ground
from benchmarks.training.rounds import Run, run_ours, run_stock, train, write_csv

LAST = date(1998, 6, 30)
"""The last partition of CDNOW."""


@dataclass(frozen=True)
class Day:
    """The whole processes of the first window, of the one a day later, and of the stock pipeline over the latter."""

    rows: int
    first: Run
    next_day: Run
    stock: Run

    @property
    def ratio(self) -> float:
        """One more day over everything anew by stock TFX."""
        return self.next_day.total / self.stock.total


def time_day(ground: Ground, *, progress: Callable[[str], None]) -> Day:
    """Train through the day before the last with nothing kept, then through the last."""
    rows = write_csv(ground, DAILY)
    first = run_ours(ground, DAILY, "--through", str(LAST - timedelta(days=1)))
    next_day = train(ground, DAILY, "--through", str(LAST))
    stock = run_stock(ground, DAILY)
    shutil.rmtree(ground.csv(DAILY), ignore_errors=True)
    progress(f"{rows:,} rows in 30 days: first {first.total:.1f} s, one more day {next_day.total:.1f} s, stock TFX {stock.total:.1f} s")
    return Day(rows, first, next_day, stock)
