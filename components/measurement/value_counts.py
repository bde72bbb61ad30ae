"""How often whole numbers come, in a bounded space: those from 8,192 on are rounded down, by less than 1 in 4,096."""

import numpy as np

EXACT_BITS = 12


class ValueCounts:
    """Counts whole numbers of 0 and more."""

    def __init__(self) -> None:
        self._values, self._counts = np.zeros(0, np.int64), np.zeros(0, np.int64)

    def add(self, values: np.ndarray) -> None:
        """Add numbers, int64 [n]."""
        bits = np.maximum(np.frexp(np.maximum(values, 1).astype(np.float64))[1] - 1 - EXACT_BITS, 0)
        every = np.concatenate([self._values, values >> bits << bits])
        times = np.concatenate([self._counts, np.ones(len(values), np.int64)])
        self._values, places = np.unique(every, return_inverse=True)
        self._counts = np.bincount(places, times).astype(np.int64)

    def quantile(self, share: float) -> int:
        """As numpy has it, without a fraction; there is at least one number."""
        place = share * (self._counts.sum() - 1)
        ends = np.cumsum(self._counts)
        low, high = (self._values[np.searchsorted(ends, round_(place), "right")] for round_ in (np.floor, np.ceil))
        return int(low + (place - np.floor(place)) * (high - low))
