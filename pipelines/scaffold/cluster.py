"""Which rows of a day belong together, such as the readings of a sensor or the lines of an order: they are no independent facts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.scaffold.features import WHOLE
from pipelines.scaffold.table import SourceTable

LEAST_OTHERS = 0.5
"""So many other rows of its day must share a row's value, on average."""
LEAST_TOGETHER = 0.25
"""Of these others, so many must be there because rows of a value come together."""
LEAST_GROUPS = 10
"""A day must have as much variety as so many groups of one size: fewer are a category, not orders or customers."""
ALIKE, NEARLY, PRESENT = 0.8, 0.05, 0.5
"""Of the groups of a series, so many have the same number of rows, or nearly; and it is there on so many days."""
CLOCK_SHARE = 0.99
"""A column that the hour of the day tells for so many rows is a part of the time."""
HOURS = (9, 25)
"""So many whole numbers from 0 to 24 are hours."""
AT_ONCE, ONE_EACH = 1.5, 0.95
"""Of series there are rows at hardly more times of a day than one has rows, and nearly always one row of each at a time."""
ORDINAL = 0.9
"""How well the rank of a number by its frequency follows the number itself, where it counts the lines of an order."""


@dataclass(frozen=True)
class _Groups:
    """The rows of a day with the same value, over all values of a column and all days."""

    column: str
    values: int
    """Different ones, over all days."""
    others: float
    """Rows of a row's group, without itself."""
    together: float
    """The share of `others` that a steady stream of rows would not have: near 1 of orders, near 0 of countries, below it of sensors."""
    variety: float
    """As many groups of one size as a day has variety, in the middle."""
    is_series: bool
    """Whether all groups have as many rows, day after day."""


def find_cluster(table: SourceTable, key: Sequence[str], label: str) -> str | None:
    """The column whose value rows of a day share that belong together; None if there is none.

    It names orders or sessions, whose rows all come at once; else series, such as sensors, which have as many rows every day; else it is a
    part of the key.
    """
    names = [name for name, kind in table.columns.items() if kind in ("STRING", *WHOLE) and name not in (label, table.partition_field)]
    days = _codes(table.unthinned.column(table.partition_field))
    found = [_groups(name, days, table.unthinned.column(name)) for name in names if not _tells_the_time(table, name)]
    found = [one for one in found if one.others >= LEAST_OTHERS]
    if together := [one for one in found if one.together >= LEAST_TOGETHER and one.variety >= LEAST_GROUPS]:
        return max(together, key=lambda one: (one.column in key, round(one.together, 1), one.others)).column
    if series := [one for one in found if one.is_series and (one.variety >= LEAST_GROUPS or _is_read_at_times(table, key, one))]:
        return max(series, key=lambda one: (one.column in key, one.values)).column
    parts = [one for one in found if len(key) > 1 and one.column in key and not _counts_lines(table.rows.column(one.column))]
    return max(parts, key=lambda one: one.values).column if parts else None


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    """A number for each value, int64 [rows]; -1 for NULL."""
    return np.asarray(column.combine_chunks().dictionary_encode().indices.fill_null(-1)).astype(np.int64)


def _groups(name: str, days: np.ndarray, column: pa.ChunkedArray) -> _Groups:
    values = _codes(column)
    days, values = days[values >= 0], values[values >= 0]
    count = int(values.max(initial=-1)) + 1
    cells, sizes = np.unique(days * max(count, 1) + values, return_counts=True)
    rows, pairs = len(values), int((sizes * (sizes - 1)).sum())
    if not rows or not pairs or count < 2:
        return _Groups(name, count, 0.0, 0.0, 0.0, is_series=False)
    of_day, of_value = np.bincount(days), np.bincount(values, minlength=count)
    day, value = cells // count, cells % count
    expected = of_day[day] * of_value[value] / rows
    # The sum over all days and values of (size - expected)^2 - expected; those without a row have the sum of expected^2 that is left.
    squares = float((of_day.astype(float) ** 2).sum() * (of_value.astype(float) ** 2).sum()) / rows**2
    excess = float((sizes.astype(float) ** 2 - 2 * sizes * expected).sum()) + squares - rows
    in_day = np.bincount(day, sizes.astype(float) ** 2, len(of_day))
    variety = float(np.median(of_day[of_day > 0] ** 2 / in_day[of_day > 0]))
    usual = int(np.bincount(sizes).argmax())
    is_alike = np.abs(sizes - usual) <= max(1.0, NEARLY * usual)
    is_series = usual > 1 and is_alike.mean() >= ALIKE and len(cells) >= PRESENT * count * np.count_nonzero(of_day)
    return _Groups(name, count, pairs / rows, excess / pairs, variety, is_series=bool(is_series))


def _is_read_at_times(table: SourceTable, key: Sequence[str], one: _Groups) -> bool:
    """Whether all groups of a day have their rows at the same times, one at each: so are a few series told from a category."""
    day, value = table.rows.column(table.partition_field), table.rows.column(one.column)
    for at in (*_moments(table), *(table.rows.column(name) for name in key if _tells_the_time(table, name))):
        rows = pa.table({"day": day, "at": at, "value": value})
        times, cells = (rows.group_by(names).aggregate([]).num_rows for names in (["day", "at"], ["day", "at", "value"]))
        if times <= AT_ONCE * (one.others + 1) * len(table.days) and cells >= ONE_EACH * rows.num_rows:
            return True
    return False


def _moments(table: SourceTable) -> list[pa.ChunkedArray]:
    """The columns of points in time, the partition field among them."""
    others = [name for name, kind in table.columns.items() if kind in ("TIMESTAMP", "DATETIME") and name != table.partition_field]
    return [*(table.rows.column(name) for name in others), *([table.moments] if table.moments is not None else [])]


def _tells_the_time(table: SourceTable, name: str) -> bool:
    """Whether a column is the hour, or a part of the day, which series share."""
    column = table.rows.column(name)
    if table.columns[name] in WHOLE:
        ends, distinct = pc.min_max(column).as_py(), pc.count_distinct(column).as_py()
        if HOURS[0] <= distinct <= HOURS[1] and ends["min"] >= 0 and ends["max"] <= HOURS[1] - 1:
            return True
    return any(_is_told_by(pc.hour(moments), column) for moments in _moments(table))


def _is_told_by(hours: pa.ChunkedArray, column: pa.ChunkedArray) -> bool:
    hour, value = _codes(hours), _codes(column)
    cells, sizes = np.unique(hour * (int(value.max(initial=0)) + 2) + value + 1, return_counts=True)
    most = np.zeros(int(hour.max(initial=-1)) + 2)
    np.maximum.at(most, cells // (int(value.max(initial=0)) + 2), sizes)
    return len(np.unique(hour)) > 1 and bool(most.sum() >= CLOCK_SHARE * len(value))


def _counts_lines(column: pa.ChunkedArray) -> bool:
    """Whether whole numbers from 0 or 1 on are the rarer the larger they are, as the numbers of an order's lines."""
    if not pa.types.is_integer(column.type):
        return False
    numbers = np.asarray(column.drop_null())
    low, high = int(numbers.min()), int(numbers.max())
    if low not in (0, 1) or high - low > len(numbers):
        return False
    counts = np.bincount(numbers - low)
    return len(counts) > 1 and bool(np.corrcoef(np.arange(len(counts)), np.argsort(np.argsort(-counts)))[0, 1] >= ORDINAL)
