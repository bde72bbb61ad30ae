"""Intervals of metrics by key, in place of those that take every row for an observation of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from components.evaluation.chance.influence import AT_HAND, Whole, by_key, each_influence, influences, numbered
from components.evaluation.chance.intervals import Interval
from components.evaluation.chance.spread import LEAST_KEYS, PairedChange, Powers, interval_by_key, paired_change, powers
from components.evaluation.metric import Metric, slice_key
from components.evaluation.split_scores import SplitRows
from components.model.task import LearningTask


def with_key_intervals(metrics: Sequence[Metric], rows: SplitRows, version: str, task: LearningTask) -> tuple[Metric, ...]:
    """The same metrics of the same rows, with the intervals that keys give.

    Where no key moves a value, such as an accuracy of 1, the interval in closed form is widened as if keys were rows. Fewer than 20 keys
    have none, unless every row is a key of its own.

    Args:
        metrics: of a version.
        rows: as it scores them.
        version: its name in them.
        task: what labels and scores are.
    """
    moved = KeyMoves()
    moved.add(rows, version, task, lambda _: AT_HAND)
    return moved.with_intervals(metrics)


@dataclass
class KeyMoves:
    """How keys move the metrics of slices, as parts of the rows come of which each has whole keys."""

    _powers: dict[tuple[str, str], Powers] = field(default_factory=dict)
    _sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The rows and the keys of each slice."""

    def add(self, rows: SplitRows, version: str, task: LearningTask, whole: Callable[[str], Whole]) -> None:
        """Add a part; `whole` says what all rows of a slice come to, by the slice's key."""
        for key, places in rows.slices.items():
            name = slice_key({name: str(value) for name, value in key})
            numbers = numbered(rows.keys[places])
            known_rows, known_keys = self._sizes.get(name, (0, 0))
            self._sizes[name] = known_rows + len(places), known_keys + int(numbers.max(initial=-1)) + 1
            for metric, influence in each_influence(rows.of(version, places), task, whole(name)):
                self._powers[name, metric] = self._powers.get((name, metric), Powers()) + powers(by_key(influence.rows, numbers))

    def with_intervals(self, metrics: Sequence[Metric]) -> tuple[Metric, ...]:
        """The metrics with their intervals. One of a slice of which no row was added is left as it is."""
        return tuple(map(self._with_interval, metrics))

    def _with_interval(self, metric: Metric) -> Metric:
        name = slice_key(metric.slice)
        found = self._powers.get((name, metric.name))
        if found is None:
            return metric
        bounds = interval_by_key(metric.name, metric.value, found.spread)
        if bounds is None:
            rows, keys = self._sizes[name]
            bounds = _widened(metric, rows=rows, keys=keys)
        low, high = bounds or (None, None)
        return replace(metric, ci_low=low, ci_high=high)


def changes_by_key(rows: SplitRows, before: str, after: str, task: LearningTask) -> dict[tuple[str, str], PairedChange]:
    """How two versions differ on the same rows, by metric and the key of its slice.

    Args:
        rows: as both score them.
        before: the name of the earlier version in them.
        after: that of the later one.
        task: what labels and scores are.
    """
    found: dict[tuple[str, str], PairedChange] = {}
    for key, places in rows.slices.items():
        numbers = numbered(rows.keys[places])
        was, now = (influences(rows.of(name, places), task) for name in (before, after))
        slice_ = slice_key({name: str(value) for name, value in key})
        found |= {(metric, slice_): paired_change(was[metric], now[metric], numbers) for metric in was}
    return found


def _widened(metric: Metric, *, rows: int, keys: int) -> Interval | None:
    if metric.ci_low is None or metric.ci_high is None or (keys < LEAST_KEYS and keys < rows):
        return None
    times = (rows / keys) ** 0.5
    value = metric.value if metric.name == "calibration" else min(metric.value, 1.0)  # a sum of floats may come to a little more
    low, high = value - times * (value - metric.ci_low), value + times * (metric.ci_high - value)
    return max(low, 0.0), high if metric.name == "calibration" else min(high, 1.0)
