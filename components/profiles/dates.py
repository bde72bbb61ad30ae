"""Dates besides that of a partition: counted by how many days they are away from it, or by the year if they are far."""

import math
from collections import Counter
from datetime import date
from functools import lru_cache

import numpy as np

from components.profiles.profile import ColumnProfile

NEAR_DAYS = 400
"""A date is near if it is no more days from that of its partition."""
FAR_YEARS = 100_000
"""Added to the year of a date that is far after its partition's, and taken from that of one far before."""
SINGLE_DAYS, BAND = 31, 1.1
"""Up to so many days each has a cell of its own; of more days each cell is 10% wide."""


def date_keys(days: np.ndarray, day: date) -> np.ndarray:
    """The bucket of each date: how many days it is after a day, or before it, or the year if it is far; int64 [n].

    Args:
        days: the dates in days since 1970, int64 [n].
        day: that of the partition.
    """
    distance = days - np.datetime64(day, "D").astype(np.int64)
    years = days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    return np.where(np.abs(distance) <= NEAR_DAYS, distance, np.sign(distance) * FAR_YEARS + years)


def _cell(key: int) -> str:
    """The cell of a bucket of dates, in words."""
    if abs(key) > NEAR_DAYS:
        return f"{key - FAR_YEARS if key > 0 else key + FAR_YEARS:04d}"
    if not key:
        return "the same day"
    size, side = abs(key), "after" if key > 0 else "before"
    if size > SINGLE_DAYS:
        return f"about {round(SINGLE_DAYS * BAND ** round(math.log(size / SINGLE_DAYS, BAND)))} days {side}"
    return f"{size} {'day' if size == 1 else 'days'} {side}"


def cells_of(column: ColumnProfile, keys: np.ndarray, counts: np.ndarray) -> ColumnProfile:
    """The column as a category, with a value for each cell of the buckets."""
    values: Counter[str] = Counter()
    for key, rows in zip(keys.tolist(), counts.tolist(), strict=True):
        values[_cell(key)] += rows
    facts = {name: getattr(column, name) for name in ("type", "rows", "nulls", "pairs", "twins")}
    return ColumnProfile(**facts, values=dict(values.most_common()))


@lru_cache(maxsize=4096)  # a day is one of the days before for 28 more
def by_distance(column: ColumnProfile) -> ColumnProfile:
    """The column as a category: near dates by the days to that of their partition, far ones by their year."""
    return cells_of(column, column.keys, column.counts)
