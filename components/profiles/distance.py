"""How far apart two profiles of a column are: on cells that both share, so that neither data nor TensorFlow is needed."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log

import numpy as np

from components.profiles.profile import ColumnProfile, bucket_middle

BINS = 20
"""Of numbers, each with about the same share of both profiles together."""
EMPTY_CELL_SHARE = 1e-4
"""What an empty cell counts as in PSI, which has no value for it."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Rows of two profiles by what is in them. int64 [cells] each."""

    labels: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray

    @property
    def shares(self) -> tuple[np.ndarray, np.ndarray]:
        """Each cell's share of its profile, float64 [cells]; all zero for a profile without rows."""
        return _shares(self.before), _shares(self.after)


def cells(before: ColumnProfile, after: ColumnProfile, *, bins: int = BINS, only_values: bool = False) -> Cells:
    """The cells of two profiles of a column. With `only_values` what is no number of a numeric column, and NULL, is left out."""
    numeric = before.is_numeric or (after.is_numeric and not before.filled)
    labels, counts = _number_cells(before, after, bins) if numeric else _value_cells(before, after)
    if not only_values:
        rest: dict[str, Callable[[ColumnProfile], int]] = {"NULL": lambda p: p.nulls}
        if numeric:
            rest |= {"text": lambda p: p.texts, "NaN": lambda p: p.nans, "infinity": lambda p: p.infinities}
        labels = (*labels, *rest)
        counts = [np.append(counted, [count(p) for count in rest.values()]) for counted, p in zip(counts, (before, after), strict=True)]
    return Cells(labels, *counts)


def _number_cells(before: ColumnProfile, after: ColumnProfile, bins: int) -> tuple[tuple[str, ...], list[np.ndarray]]:
    keys = np.union1d(before.keys, after.keys)
    counts = [_on(keys, before), _on(keys, after)]
    pooled = sum((_shares(count) for count in counts), np.zeros(len(keys)))
    middle = np.cumsum(pooled) - pooled / 2
    bin_of = np.minimum((middle / max(pooled.sum(), EMPTY_CELL_SHARE) * bins).astype(int), bins - 1)
    different, first = np.unique(bin_of, return_index=True)
    labels = tuple(f"from {bucket_middle(keys[place]):.4g}" for place in first)
    return labels, [np.array([count[bin_of == one].sum() for one in different], np.int64) for count in counts]


def _on(keys: np.ndarray, profile: ColumnProfile) -> np.ndarray:
    counts = np.zeros(len(keys), np.int64)
    counts[np.searchsorted(keys, profile.keys)] = profile.counts
    return counts


def _value_cells(before: ColumnProfile, after: ColumnProfile) -> tuple[tuple[str, ...], list[np.ndarray]]:
    values = list(dict.fromkeys([*before.values, *after.values]))
    counts = [np.array([*(p.values.get(value, 0) for value in values), p.others], np.int64) for p in (before, after)]
    return (*values, "(others)"), counts


def _shares(counts: np.ndarray) -> np.ndarray:
    return counts / max(int(counts.sum()), 1)


def total_variation(found: Cells) -> float:
    """The share of the rows that would have to change for the one to be the other, from 0 to 1."""
    before, after = found.shares
    return float(np.abs(before - after).sum() / 2)


def l_infinity(found: Cells) -> float:
    """The largest difference of a cell's share, from 0 to 1."""
    before, after = found.shares
    return float(np.abs(before - after).max(initial=0.0))


def jensen_shannon(found: Cells) -> float:
    """The Jensen-Shannon divergence in bits, from 0 to 1."""
    before, after = found.shares
    middle = (before + after) / 2
    return float(sum(np.sum(one[some] * np.log2(one[some] / middle[some])) for one in (before, after) if (some := one > 0).any()) / 2)


def chance_divergence(found: Cells) -> float:
    """The Jensen-Shannon divergence to expect of two samples of the same distribution, in bits."""
    filled = int(((found.before + found.after) > 0).sum())
    rows = [max(int(counts.sum()), 1) for counts in (found.before, found.after)]
    return max(filled - 1, 0) / (8 * log(2)) * sum(1 / count for count in rows)


def population_stability(found: Cells) -> float:
    """The population stability index; above 0.25 is commonly called a shift."""
    before, after = (np.maximum(shares, EMPTY_CELL_SHARE) for shares in found.shares)
    return float(np.sum((after - before) * np.log(after / before)))
