"""What chance explains: standard errors, intervals and p-values from influences by key, and the correction for asking many questions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from components.evaluation.chance.influence import Influence, by_key
from components.evaluation.chance.intervals import Interval
from components.model.metric_names import R_SQUARED, is_error

LEAST_KEYS = 20.0
"""Effective keys below which a value has no interval by key, and a difference is not judged: a handful of rows proves nothing."""
EXACT = 1e-12
"""What sums of floats leave where there is nothing."""
LEVEL = 0.05
"""How often two versions that are equally good may be told apart, over everything that is compared."""


MEANS = ("mean_prediction", "mean_label")
LARGEST_EXPONENT = 50.0
"""An interval that is wider says nothing, and its end is soon no float any more."""


@dataclass(frozen=True)
class Spread:
    """How far chance moves a value."""

    error: float
    """The standard error."""
    keys: float
    """Effective keys: as many of equal influence would move it so."""

    @property
    def is_known(self) -> bool:
        """Whether there is enough to say so."""
        return self.keys >= LEAST_KEYS and self.error > 0


@dataclass(frozen=True)
class Powers:
    """Sums over the influences of keys. They add up, where no key is in two of them."""

    second: float = 0.0
    fourth: float = 0.0
    keys: int = 0
    """That have an influence."""

    def __add__(self, other: "Powers") -> "Powers":
        return Powers(self.second + other.second, self.fourth + other.fourth, self.keys + other.keys)

    @property
    def spread(self) -> Spread:
        """That of a value which these influences move."""
        if self.fourth <= 0:  # nothing moves it, or by less than a float can say
            return Spread(0.0, 0.0)
        keys = max(self.keys, 2)
        return Spread(math.sqrt(self.second * keys / (keys - 1)), self.second**2 / self.fourth)


def powers(sums: np.ndarray) -> Powers:
    """Of influences by key, float64 [keys]."""
    squares = sums**2
    return Powers(float(squares.sum()), float((squares**2).sum()), int(np.count_nonzero(sums)))


def interval_by_key(metric: str, value: float, found: Spread) -> Interval | None:
    """The 95 % interval; None where it cannot be known.

    On the logit of what lies between 0 and 1, on the logarithm of a calibration or an error, on that of what R² lacks to 1; a mean of
    labels or predictions is taken as it is.
    """
    if not found.is_known or not math.isfinite(value):
        return None
    half = float(stdtrit(found.keys - 1, 0.975)) * found.error
    if metric in MEANS:
        return value - half, value + half
    if metric == R_SQUARED:
        left = _on_logarithm(1 - value, half)
        return None if left is None else (1 - left[1], 1 - left[0])
    if metric == "calibration" or is_error(metric):
        return _on_logarithm(value, half)
    if not 0 < value < 1:
        return None
    centre, half = math.log(value / (1 - value)), half / (value * (1 - value))
    return _expit(centre - half), _expit(centre + half)


def _on_logarithm(value: float, half: float) -> Interval | None:
    if value <= 0 or half / value > LARGEST_EXPONENT:
        return None
    return value * math.exp(-half / value), value * math.exp(half / value)


def _expit(logit: float) -> float:
    return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0


@dataclass(frozen=True)
class PairedChange:
    """The difference of a metric between two versions on the same rows."""

    value: float
    """The later one's less the earlier one's."""
    error: float
    p: float
    """Of the difference alone: Student's t, two-sided. NaN where there is too little to judge it by."""


def paired_change(before: Influence, after: Influence, keys: np.ndarray) -> PairedChange:
    """How a metric differs between two versions on the same rows: the influences are subtracted before a key's are added up.

    Args:
        before: of the earlier version.
        after: of the later one.
        keys: the number of each row's key, int64 [rows].
    """
    value, found = after.value - before.value, powers(by_key(after.rows - before.rows, keys)).spread
    every = int(keys.max(initial=-1)) + 1
    if abs(value) > EXACT and found.error <= EXACT and every >= LEAST_KEYS:
        return PairedChange(value, found.error, 2 * 0.5**every)  # every key says the same, such as of a perfect version and a blind one
    if not math.isfinite(value) or not found.is_known:
        return PairedChange(value, found.error, math.nan)
    return PairedChange(value, found.error, float(2 * stdtr(found.keys - 1, -abs(value) / found.error)))


def correct(p_values: Sequence[float]) -> tuple[float, ...]:
    """p-values for asking them all (Holm), so that any of them is below LEVEL by chance in 1 of 20 cases; NaN is not asked.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    p = np.asarray(p_values, np.float64)
    found, asked = np.full(len(p), np.nan), np.flatnonzero(np.isfinite(p))
    order = asked[np.argsort(p[asked], kind="stable")]
    found[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)))
    return tuple(found.tolist())
