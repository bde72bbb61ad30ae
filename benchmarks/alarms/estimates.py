"""How far metrics that are estimated before labels come are off, of all rows and of slices, beside "as when last settled"."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.alarms.streams import Stream
from components.evaluation.metric import slice_key
from components.monitoring.record import DayState, LiveDay
from components.trends.estimates import Estimate, estimate_days

FIRST = 12
"""Spans that are known before the first estimate."""
METRIC = "auc"


@dataclass
class Errors:
    """Of estimates that were held against what came to be."""

    estimated: list[float] = field(default_factory=list)
    as_settled: list[float] = field(default_factory=list)
    """Of the mean of what was last settled."""
    inside: list[bool] = field(default_factory=list)
    """Whether it was in the band."""

    def add(self, one: Estimate, actual: float) -> None:
        """One more."""
        self.estimated.append(abs(one.value - actual))
        self.as_settled.append(abs(one.was - actual))
        self.inside.append(one.low <= actual <= one.high)

    def line(self, what: str) -> str:
        """In words."""
        if not self.inside:
            return f"estimates of {METRIC} of {what}: none"
        ours, usual = np.mean(self.estimated), np.mean(self.as_settled)
        held = f"in the band {np.mean(self.inside):.0%} of {len(self.inside)}"
        return f"estimates of {METRIC} of {what}: error {ours:.4f}, as when last settled {usual:.4f}, {held}"


def estimated(stream: Stream, days: Sequence[LiveDay]) -> Iterator[str]:
    """A line for all rows, and one for the slices."""
    of_all, of_slices = Errors(), Errors()
    for end in range(FIRST, len(days)):
        late = max(0, end - stream.late)
        own = [*days[:late], *(_unlabelled(one) for one in days[late : end + 1])]
        actual = {slice_key(one.slice): one.value for one in days[end].metrics if one.name == METRIC}
        for one in estimate_days(own, stream.model.rows.label_delay_days).get(own[-1].served, ()):
            value = actual.get(slice_key(one.slice), np.nan)
            if one.name == METRIC and np.isfinite(value):
                (of_slices if one.slice else of_all).add(one, value)
    yield of_all.line("all rows")
    yield of_slices.line("slices")


def _unlabelled(day: LiveDay) -> LiveDay:
    return replace(day, state=DayState.PROVISIONAL, labelled=0, metrics=())
