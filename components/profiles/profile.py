"""What a column holds, in a form that adds up: the profile of a window is the sum of the profiles of its partitions.

Numbers are counted in buckets whose width grows with their size (2 %), as DDSketch does: https://arxiv.org/abs/1908.10693. Two profiles
have the same buckets, whatever was in them, and so can be added and compared without the data.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

import numpy as np

GAMMA = 1.02
"""A bucket's upper bound over its lower one."""
OFFSET = 40_000
"""Added to a bucket's exponent, so that a number's bucket has the number's sign, and zero is bucket 0."""
KEPT_VALUES = 100
"""Of a text column, the commonest; the rest is counted as others."""
KEPT_STRANGERS = 5


class Level(StrEnum):
    """Whose columns are profiled. Where there are several classes, the levels go on: see `label_level`."""

    SOURCE = "source"
    """The source table's, by partition."""
    NEGATIVE = "label 0"
    """source.sql's, by span: the rows with label 0."""
    POSITIVE = "label 1"


def label_level(label: int) -> str:
    """The level of source.sql's rows with a label."""
    return f"label {label}"


def no_counts() -> np.ndarray:
    """An empty array of counts."""
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False, kw_only=True)
class ColumnProfile:
    """One column of some rows. `rows` is the sum of nulls, numbers, texts, nans, infinities and times."""

    type: str
    """BigQuery's; of the newest rows where profiles of several types were added."""
    rows: int = 0
    nulls: int = 0
    numbers: int = 0
    """Finite ones, and texts that are one."""
    texts: int = 0
    """Values that are no number."""
    nans: int = 0
    infinities: int = 0
    times: int = 0
    low: float = np.inf
    high: float = -np.inf
    total: float = 0.0
    """Of the numbers, as are low and high; its last digits depend on the order of the rows."""
    keys: np.ndarray = field(default_factory=no_counts)
    """The numbers' buckets, ascending, int64 [buckets]."""
    counts: np.ndarray = field(default_factory=no_counts)
    """Numbers in each, int64 [buckets]."""
    values: Mapping[str, int] = field(default_factory=dict)
    """Of texts, numbers among them: rows by value, the commonest first."""
    others: int = 0
    """Rows whose value is not in `values`."""
    strangers: Mapping[str, int] = field(default_factory=dict)
    """Texts that are no number, the commonest first: what a column of numbers should not hold."""
    longest: int = 0
    """Characters of the longest text."""
    damaged: int = 0
    """Texts that were decoded with another encoding than they were written in."""
    hours: np.ndarray = field(default_factory=no_counts)
    """Rows by hour of the day, int64 [24]; empty where the column has no time of day."""
    weekdays: np.ndarray = field(default_factory=no_counts)
    """Rows by weekday, Monday first, int64 [7]; empty where the column has no date."""

    @property
    def filled(self) -> int:
        """Rows that are not NULL."""
        return self.rows - self.nulls

    @property
    def mean(self) -> float | None:
        """Of the numbers."""
        return self.total / self.numbers if self.numbers else None

    @property
    def is_numeric(self) -> bool:
        """Whether most of what is there are numbers."""
        return self.numbers + self.nans + self.infinities > self.filled / 2

    @property
    def is_open(self) -> bool:
        """Whether the column has more values than are kept: a text of any kind, not a category."""
        return self.others > 0

    def quantile(self, share: float) -> float | None:
        """The number below which that share of the numbers lies, to 1 %; None if there are no numbers."""
        if not self.numbers:
            return None
        place = int(np.searchsorted(np.cumsum(self.counts), share * self.numbers))
        return float(np.clip(bucket_middle(self.keys[min(place, len(self.keys) - 1)]), self.low, self.high))


Table = Mapping[str, ColumnProfile]
"""The columns of some rows by name."""


@dataclass(frozen=True)
class Part:
    """Rows that are profiled together: those of a partition, or those of a span with one label."""

    level: str
    """A Level, or that of a further label."""
    day: date
    fingerprint: str
    """Of what is in them: rows that changed are profiled anew."""


Profiles = Mapping[Part, Table]


def tables(profiles: Profiles, level: str) -> dict[date, Table]:
    """One level's profiles by day, ascending."""
    return {part.day: table for part, table in sorted(profiles.items(), key=lambda item: item[0].day) if part.level == level}


def spans(profiles: Profiles) -> dict[date, Table]:
    """The profiles of source.sql's rows by span, whatever their label."""
    by_label = [tables(profiles, level) for level in sorted({part.level for part in profiles} - {Level.SOURCE})]
    days = sorted({day for table in by_label for day in table})
    return {day: add_tables(table[day] for table in by_label if day in table) for day in days}


def add_tables(parts: Iterable[Table]) -> dict[str, ColumnProfile]:
    """The profiles of all the rows, column by column."""
    columns: dict[str, list[ColumnProfile]] = {}
    for table in parts:
        for name, column in table.items():
            columns.setdefault(name, []).append(column)
    return {name: add(found) for name, found in columns.items()}


def add(profiles: Sequence[ColumnProfile]) -> ColumnProfile:
    """The profile of all the rows; of one column, the oldest first."""
    if len(profiles) == 1:
        return profiles[0]
    keys, counts = _add_buckets([p.keys for p in profiles], [p.counts for p in profiles])
    values, dropped = most_common(_sum(p.values for p in profiles), KEPT_VALUES)
    plain = ("rows", "nulls", "numbers", "texts", "nans", "infinities", "times", "total", "damaged")
    return replace(
        profiles[-1],
        **{name: sum(getattr(p, name) for p in profiles) for name in plain},
        low=min(p.low for p in profiles),
        high=max(p.high for p in profiles),
        keys=keys,
        counts=counts,
        values=values,
        others=dropped + sum(p.others for p in profiles),
        strangers=most_common(_sum(p.strangers for p in profiles), KEPT_STRANGERS)[0],
        longest=max(p.longest for p in profiles),
        hours=_add_arrays([p.hours for p in profiles]),
        weekdays=_add_arrays([p.weekdays for p in profiles]),
    )


def most_common(counts: Mapping[str, int], kept: int) -> tuple[dict[str, int], int]:
    """The commonest values, equally common ones in their own order, and how many rows have another."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return dict(ranked[:kept]), sum(count for _, count in ranked[kept:])


def bucket_keys(numbers: np.ndarray) -> np.ndarray:
    """The bucket of each finite number, int64 [n]."""
    keys = np.zeros(len(numbers), np.int64)
    some = numbers != 0
    exponents = np.ceil(np.log(np.abs(numbers[some])) / np.log(GAMMA)).astype(np.int64)
    keys[some] = np.sign(numbers[some]).astype(np.int64) * (exponents + OFFSET)
    return keys


def bucket_middle(key: int) -> float:
    """A number of the bucket, at most 1 % from any other of it."""
    return 0.0 if key == 0 else float(np.sign(key) * GAMMA ** (abs(int(key)) - OFFSET - 0.5))


def count_keys(keys: np.ndarray, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The keys that occur, ascending, and how often."""
    if not len(keys):
        return no_counts(), no_counts()
    lowest = keys.min()
    counted = np.bincount(keys - lowest, weights).astype(np.int64)
    found = np.flatnonzero(counted)
    return found + lowest, counted[found]


def _add_buckets(keys: Sequence[np.ndarray], counts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return count_keys(np.concatenate(keys), np.concatenate(counts))


def _add_arrays(arrays: Sequence[np.ndarray]) -> np.ndarray:
    filled = [array for array in arrays if len(array)]
    return np.sum(filled, axis=0) if filled else no_counts()


def _sum(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return total
