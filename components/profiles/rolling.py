"""The sum of the newest profiles of a column, kept up to date: the others are not summed up again when one is added."""

from collections import Counter, deque
from dataclasses import replace
from operator import attrgetter
from typing import Any

import numpy as np

from components.profiles.profile import ADDED, KEPT_FORMS, KEPT_SAMPLES, KEPT_VALUES, ColumnProfile, count_keys, most_common

ARRAYS = ("hours", "weekdays")
MAPS = {"values": KEPT_VALUES, "non_numeric_samples": KEPT_SAMPLES, "forms": KEPT_FORMS}
WHOLE = tuple(name for name in (*ADDED, "others") if name != "total")
"""Numbers that can be taken away again without a rest."""
of_whole, of_extremes, of_total = attrgetter(*WHOLE), attrgetter("low", "high", "longest"), attrgetter("total")


class RollingSum:
    """What `sum_column` gives of the newest profiles."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.profiles: deque[ColumnProfile] = deque()
        """Those that are summed up, the oldest first."""
        self._whole = [0] * len(WHOLE)
        self._buckets = count_keys(np.zeros(0, np.int64))
        self._maps: dict[str, Counter[str]] = {name: Counter() for name in MAPS}
        self._arrays: dict[str, np.ndarray] = {}

    def add(self, profile: ColumnProfile) -> None:
        """Add the next profile; the oldest goes if there are too many."""
        old = self.profiles.popleft() if len(self.profiles) == self._size else None
        self.profiles.append(profile)
        changes = [(profile, 1), *([(old, -1)] if old is not None else [])]
        for column, sign in changes:
            self._whole = [total + sign * number for total, number in zip(self._whole, of_whole(column), strict=True)]
            self._add_maps(column, sign)
            for name in ARRAYS:
                if len(array := getattr(column, name)):
                    self._arrays[name] = self._arrays.get(name, 0) + sign * array
        keys = np.concatenate([self._buckets[0], *(column.keys for column, _ in changes)])
        if len(keys):
            self._buckets = count_keys(keys, np.concatenate([self._buckets[1], *(sign * column.counts for column, sign in changes)]))

    def _add_maps(self, column: ColumnProfile, sign: int) -> None:
        for name, total in self._maps.items():
            counts = getattr(column, name)
            if counts and sign > 0:
                total.update(counts)
            elif counts:
                total.subtract(counts)
                for value in counts:
                    if not total[value]:
                        del total[value]

    def total(self) -> ColumnProfile | None:
        """The profile of the rows of all of them; None without one."""
        if len(self.profiles) < 2:
            return self.profiles[0] if self.profiles else None
        arrays = {name: array for name, array in self._arrays.items() if any(len(getattr(column, name)) for column in self.profiles)}
        fields: dict[str, Any] = dict(zip(WHOLE, self._whole, strict=True)) | arrays
        for name, limit in MAPS.items():
            counted, dropped = most_common(self._maps[name], limit) if self._maps[name] else ({}, 0)
            fields[name] = counted
            fields["others"] += dropped if name == "values" else 0
        lows, highs, lengths = zip(*map(of_extremes, self.profiles), strict=True)
        return replace(
            self.profiles[-1],
            **fields,
            total=sum(map(of_total, self.profiles)),
            low=min(lows),
            high=max(highs),
            longest=max(lengths),
            keys=self._buckets[0],
            counts=self._buckets[1],
        )
