"""Changes that no change of the world explains: another unit, an hour or a value that is gone; and columns that only count up."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from components.profiles.codes import count_on, stands_for_none
from components.profiles.distance import Cells
from components.profiles.profile import ColumnProfile, sum_column

UNITS = (10.0, 100.0, 1000.0, 10_000.0, 1_000_000.0, 60.0, 3600.0, 24.0, 25.4, 453.6, 1609.3)
"""The factors by which numbers grow or shrink when somebody writes them in another unit: decimals, times, inches, pounds and miles."""
LESSER_UNITS = (1.609, 2.2046, 2.54, 3.2808)
"""Miles, pounds, inches and feet. Prices may rise by as much: all quantiles must have grown by nearly the same."""
UNIT_PRECISION, LESSER_PRECISION = 0.06, 0.04
"""How far the median may be from a unit's factor."""
OTHER_QUANTILES = (0.1, 0.25, 0.75, 0.9)
OTHER_PRECISION, OTHER_LESSER_PRECISION = 0.35, 0.08
"""How far those may be: another unit moves all of them, a change of the world some."""
LEAST_VANISHED = 0.01
"""A rarer value or hour that is gone is no break."""
EXPECTED = 20.0
"""Rows that a vanished value would have had: fewer may be missing by chance."""
ABSENT_BY_CHANCE = 0.05
"""The chance that a value which was there on so many days is missing on so many others, above which nothing vanished."""
LEAST_HALF = 5
"""Days of half a window that it takes to know whether its values come and go."""
LEAST_BLOCK = 3
"""Days of a block, at the least."""
USUAL = 1.3
"""How many times as far apart as its blocks of earlier days a column may be, and this is what it usually does."""
WIDTHS = 3
"""How many widths of its earlier range a value that each day has one of may be outside of it."""
LEAST_DAYS = 3
"""Days from which it is known whether a column only counts up."""


def changed_unit(before: ColumnProfile, after: ColumnProfile) -> float | None:
    """By what factor all numbers grew (above 1) or shrank, if it is that of a unit; None if it is not."""
    was, now = before.quantile(0.5), after.quantile(0.5)
    if not was or not now or was * now < 0:
        return None
    ratio = now / was
    grown = max(ratio, 1 / ratio)
    unit = next((unit for unit in UNITS if abs(grown / unit - 1) < UNIT_PRECISION), None)
    lesser = next((unit for unit in LESSER_UNITS if abs(grown / unit - 1) < LESSER_PRECISION), None)
    unit, precision = (lesser, OTHER_LESSER_PRECISION) if unit is None else (unit, OTHER_PRECISION)
    if unit is None:
        return None
    factor = unit if ratio > 1 else 1 / unit
    quantiles = [(before.quantile(share), after.quantile(share)) for share in OTHER_QUANTILES]
    known = [now / was / factor for was, now in quantiles if was and now]
    is_whole = len(known) >= len(OTHER_QUANTILES) - 1 and all(abs(ratio - 1) < precision for ratio in known)
    return factor if is_whole else None


def vanished(before: Mapping[date, ColumnProfile], after: Mapping[date, ColumnProfile], shared: Cells) -> dict[str, float]:
    """The values or hours that are gone, by how large their share was, the largest first.

    Rows of an order or a customer come together: that a value was there on nearly every day, and now is on none, is what counts.

    Args:
        before: the column's earlier days.
        after: its later ones.
        shared: both together, in cells of values or of hours.
    """
    rows_before, rows_after = max(int(shared.before.sum()), 1), int(shared.after.sum())
    if any(profile.times and not len(profile.hours) for profile in before.values()):
        return {}  # dates have others by nature
    found = {}
    for place, label in enumerate(shared.labels):
        share = float(shared.before[place]) / rows_before
        if shared.after[place] or share < LEAST_VANISHED or share * rows_after < EXPECTED:
            continue
        present = sum(_has(profile, label, place) for profile in before.values())
        looks = 1 if present == len(before) else len(shared.labels)  # of many that come and go, one is away by chance
        if (1 - present / (len(before) + 1)) ** len(after) <= ABSENT_BY_CHANCE / looks:
            found[label] = share
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def last_seen(before: Mapping[date, ColumnProfile], after: Mapping[date, ColumnProfile]) -> list[date]:
    """The later days since which a value or an hour is gone that there was before, those of the commonest first."""
    days = list(after)
    if not before or any(profile.times and not len(profile.hours) for profile in before.values()):
        return []
    was = sum_column(list(before.values()))
    counts = {str(hour): int(rows) for hour, rows in enumerate(was.hours)} if was.times else was.values
    common = sorted((label for label, rows in counts.items() if rows >= LEAST_VANISHED * was.rows), key=lambda label: -counts[label])
    ends = (
        next((place for place in range(len(days), 0, -1) if _has(after[days[place - 1]], label, int(label) if was.times else 0)), 0)
        for label in common
    )
    return [days[end] for end in ends if 0 < end < len(days)]


def come_and_go(before: Mapping[date, ColumnProfile], after: Mapping[date, ColumnProfile]) -> bool:
    """Whether values came on the earlier days already, as campaigns and films do, and no more of the later rows have new ones."""
    days, later = list(before.values()), list(after.values())
    filled = [day for day in (*days, *later) if day.filled]
    if len(days) < 2 * LEAST_HALF or not later or any(day.has_uncounted_values or not day.values for day in filled):
        return False
    first, then, now = (sum_column(part) for part in (days[: len(days) // 2], days[len(days) // 2 :], later))
    new = [value for value in now.values if value not in first.values and value not in then.values]
    usual = _share_only_in(then, [first])
    return usual > 0 and _share_only_in(now, [first, then]) <= USUAL * usual and not any(map(stands_for_none, new))


def _share_only_in(one: ColumnProfile, others: Sequence[ColumnProfile]) -> float:
    """The share of the rows whose value none of the other profiles has."""
    return sum(rows for value, rows in one.values.items() if all(value not in other.values for other in others)) / max(one.filled, 1)


def _has(profile: ColumnProfile, label: str, place: int) -> bool:
    if profile.times:
        counts = profile.hours if len(profile.hours) else profile.weekdays
        return place < len(counts) and bool(counts[place])
    return label in profile.values


def is_usual(before: Mapping[date, ColumnProfile], after: Mapping[date, ColumnProfile], divergence: Callable[..., float]) -> bool:
    """Whether the later days are no further from the earlier ones than blocks of as many of these are from one another.

    So it is with what the lines of an order share, and with a share that swings from week to week. Of a rate that each day has one of,
    the days are facts and not the rows: it is usual near their earlier range.

    Args:
        before: the column's earlier days, ascending.
        after: its later ones.
        divergence: how far two profiles are from one another.
    """
    days = list(before.values())
    if all(_is_single(day) for day in (*days, *after.values())) and len({day.low for day in days}) > len(days) / 2:
        lows = [day.low for day in days if day.low is not None]
        width = WIDTHS * (max(lows) - min(lows))
        return all(min(lows) - width <= (day.low or 0.0) <= max(lows) + width for day in after.values())
    length = min(len(after), len(days) // 2)
    if length < LEAST_BLOCK:
        return False
    blocks = [days[end - length : end] for end in range(len(days), length - 1, -length)]
    rest = ([day for day in days if all(day is not own for own in block)] for block in blocks)
    furthest = max(divergence(sum_column(block), sum_column(others)) for block, others in zip(blocks, rest, strict=True))
    return divergence(sum_column(days), sum_column(list(after.values()))) <= USUAL * furthest


def _is_single(day: ColumnProfile) -> bool:
    return day.is_numeric and day.low is not None and day.low == day.high


def only_counts_up(days: Sequence[Mapping[date, ColumnProfile]]) -> bool:
    """Whether a column's values of a day are above those of the days before, as those of a counter and of a date are."""
    profiles = [profile for _, profile in sorted({day: one for side in days for day, one in side.items()}.items()) if profile.filled]
    if count_on(profiles):
        return True
    ranges = [found for profile in profiles if (found := _range(profile)) is not None]
    if len(ranges) < max(LEAST_DAYS, len(profiles)):
        return False
    if len({isinstance(low, str) for low, _ in ranges}) > 1:
        return False
    return all(low >= high for (_, high), (low, _) in pairwise(ranges)) and ranges[-1][0] > ranges[0][1]


def _range(profile: ColumnProfile) -> tuple[Any, Any] | None:
    """Where most values of a day lie: a late row does not make a counter something else."""
    if profile.is_numeric:
        low, high = profile.quantile(0.05), profile.quantile(0.95)
        return None if low is None or high is None else (low, high)
    if profile.values and not profile.has_uncounted_values:
        return min(profile.values), max(profile.values)
    return None


def is_dead(profile: ColumnProfile) -> bool:
    """Whether all rows have the same: nothing, one number or one text."""
    one_number = profile.low == profile.high and profile.numbers == profile.rows
    one_text = len(profile.values) == 1 and not profile.others and not profile.nulls
    return profile.rows > 0 and (profile.nulls == profile.rows or one_number or one_text)
