"""Tables with few rows a day: partitions are looked at several together, so that there is enough to tell chance from a fault."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from math import ceil
from statistics import median

from components.looks.deviation import LEAST_ROWS
from components.looks.earlier_days import Timeline
from components.profiles.profile import ColumnProfiles, sum_profiles

POOLED_ROWS = 2 * LEAST_ROWS
"""Partitions are taken together until they have so many rows."""
MOST_POOLED = 14


def pooled_partitions(days: Mapping[date, ColumnProfiles]) -> int:
    """How many partitions to take together: 1 where most have enough rows, else whole weeks if these are not much more than needed."""
    rows = [next(iter(table.values())).rows for table in days.values() if table]
    usual = median(rows) if rows else 0
    if not usual or usual >= POOLED_ROWS:
        return 1
    needed = min(ceil(POOLED_ROWS / usual), MOST_POOLED)
    week = max(1, round(7 * len(days) / ((max(days) - min(days)).days + 1)))
    return week if week / 2 < needed <= week else needed


def pool(timeline: Timeline, size: int) -> Timeline:
    """The timeline in groups of so many partitions, counted back from the last one. A group is known if all its days are."""
    order, now = sorted({*timeline.days, *timeline.past}), {**timeline.past, **timeline.days}
    groups = [order[end - size : end] for end in range(len(order), size - 1, -size)]
    judged, good = ([group for group in groups if side.keys() & {*group}] for side in (timeline.days, timeline.past))
    return replace(
        timeline,
        days={group[0]: sum_profiles(now[day] for day in group) for group in judged},
        past={group[0]: sum_profiles(timeline.past[day] for day in group) for group in good if {*group} <= timeline.past.keys()},
        known={group[0] for group in groups if {*group} <= {*timeline.known}},
        partitions=size,
    )
