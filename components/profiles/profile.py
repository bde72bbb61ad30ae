"""What a column holds, in a form that adds up: the profile of a window is the sum of the profiles of its partitions.

Numbers are counted in buckets whose width grows with their size (2 %), as DDSketch does: https://arxiv.org/abs/1908.10693. Two profiles
have the same buckets, whatever was in them, and so can be added and compared without the data.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np

GAMMA = 1.02
"""A bucket's upper bound over its lower one."""
OFFSET = 40_000
"""Added to a bucket's exponent, so that a number's bucket has the number's sign, and zero is bucket 0."""
KEPT_VALUES = 100
"""How many values of a text column are counted, the commonest; rows with any other value are counted as `others`."""
MOST_CODES = 12
"""Texts that spell numbers are names, and no amounts, if there are no more different ones."""
ADDED = ("rows", "nulls", "numbers", "texts", "nans", "infinities", "times", "total", "damaged", "pairs", "twins")
"""The fields that simply add up."""
KEPT_SAMPLES = 5
KEPT_FORMS = 50
SOURCE_TABLE = "source"
"""The population of the source table's rows, by partition. The others are source.sql's rows, by span: see `label_population`."""


def label_population(label: int) -> str:
    """The population of source.sql's rows with a label; the rows of a span whose label is not known count as those with label 0."""
    return f"label {label}"


def _no_counts() -> np.ndarray:
    """An empty array of counts."""
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False, kw_only=True)
class ColumnProfile:
    """One column of some rows. `rows` is the sum of nulls, numbers, texts, nans, infinities and times."""

    type: str
    """BigQuery's type; that of the newest rows if profiles of several types were added."""
    rows: int = 0
    nulls: int = 0
    numbers: int = 0
    """Finite numbers, and texts that spell one."""
    texts: int = 0
    """Texts that do not spell a number."""
    nans: int = 0
    infinities: int = 0
    times: int = 0
    low: float = np.inf
    high: float = -np.inf
    total: float = 0.0
    """The sum of the numbers, whose least and largest are `low` and `high`. Its last digits depend on the order of the rows.

    Of dates, `low` and `high` are the earliest and the latest, in days since 1970.
    """
    keys: np.ndarray = field(default_factory=_no_counts)
    """The numbers' buckets, ascending, int64 [buckets]; of dates in a partition those of `date_keys`."""
    counts: np.ndarray = field(default_factory=_no_counts)
    """Numbers, or dates, in each, int64 [buckets]."""
    values: Mapping[str, int] = field(default_factory=dict)
    """Rows by value, the commonest first. Only of a column of texts, those that spell numbers included."""
    others: int = 0
    """Rows whose value is not in `values`."""
    non_numeric_samples: Mapping[str, int] = field(default_factory=dict)
    """Texts that are not numbers and how often they occur, the commonest first: what a column of numbers should not hold."""
    longest: int = 0
    """Characters of the longest text."""
    damaged: int = 0
    """Texts that were decoded with another encoding than they were written in."""
    hours: np.ndarray = field(default_factory=_no_counts)
    """Rows by hour of the day, int64 [24]; empty where the column has no time of day."""
    weekdays: np.ndarray = field(default_factory=_no_counts)
    """Rows by weekday, Monday first, int64 [7]; empty where the column has no date."""
    forms: Mapping[str, int] = field(default_factory=dict)
    """Rows by form of text, the commonest first: `R12` has the form `A9`, `11.49 USD` has `9.9 A`."""
    pairs: int = 0
    """Ordered pairs of rows of the same cluster, such as the lines of an order; 0 where clusters are not known."""
    twins: int = 0
    """Those of `pairs` with equal values."""

    @property
    def filled(self) -> int:
        """Rows that are not NULL."""
        return self.rows - self.nulls

    @property
    def mean(self) -> float | None:
        """The mean of the numbers."""
        return self.total / self.numbers if self.numbers else None

    @property
    def is_numeric(self) -> bool:
        """Whether most values are numbers."""
        return self.numbers + self.nans + self.infinities > self.filled / 2

    @property
    def has_uncounted_values(self) -> bool:
        """Whether the column has more distinct values than are counted: it holds free text, not a category."""
        return self.others > 0

    @property
    def is_category(self) -> bool:
        """Whether the column holds texts all of whose values are counted."""
        return not self.is_numeric and not self.has_uncounted_values

    @property
    def is_code(self) -> bool:
        """Whether the column holds few different texts, whatever they spell: 5.0 may be the version of a price list."""
        return self.type == "STRING" and 0 < len(self.values) <= MOST_CODES and not self.others

    @cached_property
    def as_names(self) -> "ColumnProfile":
        """The column without its numbers, which are names."""
        return replace(self, numbers=0, texts=self.numbers + self.texts)

    @cached_property
    def design_effect(self) -> float:
        """How many rows tell as much as one independent row: 1 where values of a cluster are no more alike than others.

        1 + (n - 1) x the correlation within clusters: https://en.wikipedia.org/wiki/Design_effect
        """
        if not self.pairs:
            return 1.0
        counted = np.array([*self.values.values()]) if self.values else self.hours if len(self.hours) else self.counts
        by_chance = float(np.sum((np.append(counted, self.nulls) / self.rows) ** 2))
        alike = (self.twins / self.pairs - by_chance) / max(1 - by_chance, 1e-9) if by_chance < 1 else 1.0
        return 1 + min(max(alike, 0.0), 1.0) * self.pairs / self.rows

    @cached_property
    def _below(self) -> np.ndarray:
        """The numbers up to each bucket, int64 [buckets]."""
        return np.cumsum(self.counts)

    def quantile(self, share: float) -> float | None:
        """The number below which that share of the numbers lies, to 1 %; None if there are no numbers."""
        if not self.numbers:
            return None
        bucket = int(np.searchsorted(self._below, share * self.numbers))
        return min(max(bucket_middle(self.keys[min(bucket, len(self.keys) - 1)]), self.low), self.high)


ColumnProfiles = Mapping[str, ColumnProfile]
"""The profiles of the columns of some rows, by name."""


@dataclass(frozen=True)
class ProfileKey:
    """Names rows that are profiled together: those of a partition, or those of a span with one label."""

    population: str
    """SOURCE_TABLE, or a label's."""
    day: date
    fingerprint: str
    """Changes with the content of the rows, which are then profiled again."""


Profiles = Mapping[ProfileKey, ColumnProfiles]


def profiles_by_day(profiles: Profiles, population: str) -> dict[date, ColumnProfiles]:
    """The profiles of one population by day, ascending."""
    return {key.day: columns for key, columns in sorted(profiles.items(), key=lambda item: item[0].day) if key.population == population}


def profiles_by_span(profiles: Profiles) -> dict[date, ColumnProfiles]:
    """The profiles of source.sql's rows by span, whatever their label."""
    populations = sorted({key.population for key in profiles} - {SOURCE_TABLE})
    by_label = [profiles_by_day(profiles, population) for population in populations]
    days = sorted({day for by_day in by_label for day in by_day})
    return {day: sum_profiles(by_day[day] for by_day in by_label if day in by_day) for day in days}


def sum_profiles(tables: Iterable[ColumnProfiles]) -> dict[str, ColumnProfile]:
    """The profiles of the rows of all tables together, column by column."""
    columns: dict[str, list[ColumnProfile]] = {}
    for table in tables:
        for name, column in table.items():
            columns.setdefault(name, []).append(column)
    return {name: sum_column(profiles) for name, profiles in columns.items()}


def sum_column(profiles: Sequence[ColumnProfile]) -> ColumnProfile:
    """The profile of the rows of all profiles together. The profiles are of one column, the oldest rows first."""
    if len(profiles) == 1:
        return profiles[0]
    keys, counts = _add_buckets([p.keys for p in profiles], [p.counts for p in profiles])
    values, dropped = most_common(_sum(p.values for p in profiles), KEPT_VALUES)
    sums: dict[str, Any] = dict(zip(ADDED, map(sum, zip(*map(attrgetter(*ADDED), profiles), strict=True)), strict=True))
    return replace(
        profiles[-1],
        **sums,
        low=min(p.low for p in profiles),
        high=max(p.high for p in profiles),
        keys=keys,
        counts=counts,
        values=values,
        others=dropped + sum(p.others for p in profiles),
        non_numeric_samples=most_common(_sum(p.non_numeric_samples for p in profiles), KEPT_SAMPLES)[0],
        longest=max(p.longest for p in profiles),
        hours=_add_arrays([p.hours for p in profiles]),
        weekdays=_add_arrays([p.weekdays for p in profiles]),
        forms=most_common(_sum(p.forms for p in profiles), KEPT_FORMS)[0],
    )


def most_common(counts: Mapping[str, int], limit: int) -> tuple[dict[str, int], int]:
    """The commonest values, equally common ones in their own order, and how many rows have another."""
    ranked = sorted(sorted(counts.items()), key=itemgetter(1), reverse=True)
    return dict(ranked[:limit]), sum(count for _, count in ranked[limit:])


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
    """The keys that occur, ascending, and how often each does."""
    if not len(keys):
        return _no_counts(), _no_counts()
    lowest = keys.min()
    counted = np.bincount(keys - lowest, weights).astype(np.int64)
    occurring = np.flatnonzero(counted)
    return occurring + lowest, counted[occurring]


def _add_buckets(keys: Sequence[np.ndarray], counts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return count_keys(np.concatenate(keys), np.concatenate(counts))


def _add_arrays(arrays: Sequence[np.ndarray]) -> np.ndarray:
    filled = [array for array in arrays if len(array)]
    return np.sum(filled, axis=0) if filled else _no_counts()


def _sum(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in filter(None, counts):
        total.update(one)
    return total
