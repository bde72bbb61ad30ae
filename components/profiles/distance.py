"""Measure how far apart two profiles of a column are, on cells that both share: neither the data nor TensorFlow is needed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import log

import numpy as np

from components.profiles.profile import ColumnProfile, bucket_middle

QUANTILE_BINS = 20
"""Numbers are put into so many bins, each with about the same share of both profiles together."""
EMPTY_CELL_SHARE = 1e-4
"""The share of an empty cell in the PSI, which is not defined for 0."""


@dataclass(frozen=True, eq=False)
class Cells:
    """The rows of two profiles, counted by cell: int64 [cells] each."""

    labels: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray

    @cached_property
    def shares(self) -> tuple[np.ndarray, np.ndarray]:
        """Each cell's share of its profile, float64 [cells]; all zero for a profile without rows."""
        return _shares(self.before), _shares(self.after)

    @cached_property
    def divergence(self) -> float:
        """See `jensen_shannon`."""
        before, after = self.shares
        middle = np.maximum((before + after) / 2, np.finfo(float).tiny)
        return sum(float(shares @ np.log2(np.where(shares > 0, shares, middle) / middle)) for shares in (before, after)) / 2


def cells(
    before: ColumnProfile, after: ColumnProfile, *, bins: int = QUANTILE_BINS, only_values: bool = False, is_named: bool = True
) -> Cells:
    """The cells of two profiles of a column. `only_values` leaves out NULLs, and what is not a number in a numeric column.

    Without `is_named` those of numbers have no labels, which take longer to write than cells to count.
    """
    numeric = before.is_numeric or (after.is_numeric and not before.filled)
    labels, counts = _number_cells(before, after, bins, is_named) if numeric else _value_cells(before, after)
    if not only_values:
        rest: dict[str, Callable[[ColumnProfile], int]] = {"NULL": lambda p: p.nulls}
        if numeric:
            rest |= {"text": lambda p: p.texts, "NaN": lambda p: p.nans, "infinity": lambda p: p.infinities}
        labels = (*labels, *rest)
        counts = [np.append(counted, [count(p) for count in rest.values()]) for counted, p in zip(counts, (before, after), strict=True)]
    return Cells(labels, *counts)


def _number_cells(before: ColumnProfile, after: ColumnProfile, bins: int, is_named: bool) -> tuple[tuple[str, ...], list[np.ndarray]]:
    keys = np.union1d(before.keys, after.keys)
    counts = [_on(keys, before), _on(keys, after)]
    pooled = sum((_shares(count) for count in counts), np.zeros(len(keys)))
    middle = np.cumsum(pooled) - pooled / 2
    bin_of = np.minimum((middle / max(pooled.sum(), EMPTY_CELL_SHARE) * bins).astype(int), bins - 1)
    first = np.concatenate([np.zeros(min(len(keys), 1), int), np.flatnonzero(bin_of[1:] != bin_of[:-1]) + 1])
    labels = tuple(f"from {bucket_middle(keys[start]):.4g}" for start in first) if is_named else ()
    return labels, [np.add.reduceat(count, first) if len(first) else count for count in counts]


def _on(keys: np.ndarray, profile: ColumnProfile) -> np.ndarray:
    counts = np.zeros(len(keys), np.int64)
    counts[np.searchsorted(keys, profile.keys)] = profile.counts
    return counts


def _value_cells(before: ColumnProfile, after: ColumnProfile) -> tuple[tuple[str, ...], list[np.ndarray]]:
    values = list(dict.fromkeys([*before.values, *after.values]))
    counts = [np.array([*(p.values.get(value, 0) for value in values), p.others], np.int64) for p in (before, after)]
    return (*values, "(others)"), counts


def _shares(counts: np.ndarray) -> np.ndarray:
    total = float(counts.sum())
    return counts / (total if total > 0 else 1.0)


def total_variation(compared: Cells) -> float:
    """The total variation distance: the share of the rows that would have to change, from 0 to 1."""
    before, after = compared.shares
    return float(np.abs(before - after).sum() / 2)


def l_infinity(compared: Cells) -> float:
    """The largest difference between a cell's two shares, from 0 to 1."""
    before, after = compared.shares
    return float(np.abs(before - after).max(initial=0.0))


def jensen_shannon(compared: Cells) -> float:
    """The Jensen-Shannon divergence in bits, from 0 to 1."""
    return compared.divergence


def chance_divergence(compared: Cells) -> float:
    """The Jensen-Shannon divergence to expect between two samples of one distribution, in bits."""
    filled = int(((compared.before + compared.after) > 0).sum())
    rows = [max(int(counts.sum()), 1) for counts in (compared.before, compared.after)]
    return max(filled - 1, 0) / (8 * log(2)) * sum(1 / count for count in rows)


def population_stability(compared: Cells) -> float:
    """The population stability index; above 0.25 is commonly called a shift."""
    before, after = (np.maximum(shares, EMPTY_CELL_SHARE) for shares in compared.shares)
    return float(np.sum((after - before) * np.log(after / before)))


def kolmogorov_smirnov(before: ColumnProfile, after: ColumnProfile) -> tuple[float, int]:
    """By how much the share of numbers up to the end of a bucket differs at most, from 0 to 1, and the key of this bucket."""
    keys = np.union1d(before.keys, after.keys)
    if not len(keys):
        return 0.0, 0
    below = [np.cumsum(_shares(_on(keys, profile))) for profile in (before, after)]
    apart = np.abs(below[0] - below[1])
    return float(apart.max()), int(keys[apart.argmax()])
