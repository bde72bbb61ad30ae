"""Check the partitions themselves: missing, much smaller or larger than those around them, or loaded more than once."""

from calendar import monthrange
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from functools import reduce
from itertools import pairwise
from statistics import median, median_low

import numpy as np

from components.calendar.rests import (
    HOLIDAY_DAYS,
    YEARS_END,
    has_rested,
    irregular_weekdays,
    is_rare,
    longest_gap,
    may_be_holidays,
    resting_weekdays,
    weeks_of_rest,
)
from components.checks.findings import Finding
from components.checks.table import check_table_columns, find_rewritten
from components.looks.data_check import DataCheck, Severity
from components.looks.usual import fallen
from components.model.checks_section import WEEKDAYS
from components.model.folder import Model
from components.profiles.profile import ColumnProfile, ColumnProfiles
from components.snapshot.document import Partition, Snapshot
from components.snapshot.window import span_label_end
from components.wording import count, percent

NEIGHBOURS = 7
"""A partition is compared with so many on each side of it."""
WEEKS = 4
"""A partition is compared with those of the same weekday in so many weeks on each side of it."""
WEEK = 7
"""Days; where the usual distance of two partitions is longer, none is missing."""
LONGEST_QUIET = 3
"""More days in a row with few rows are no holidays."""
LEAST_USUAL_ROWS = 20
LEAST_CELLS = 30
"""With so many distinct values, counts that are all multiples of one number are not chance."""


def check_partitions(
    model: Model, snapshot: Snapshot, days: Mapping[date, ColumnProfiles], reference: Snapshot | None, known: Collection[date] = ()
) -> list[Finding]:
    """Find what is wrong with the pinned partitions themselves.

    Args:
        model: says which partitions the spans need, and the thresholds.
        snapshot: what was pinned.
        days: the partitions' profiles.
        reference: the snapshot that the champion was trained on.
        known: the partitions that are the same as the champion's: they passed the gate once.
    """
    times = {day: _times_loaded(table) for day, table in days.items()}
    usual = median_low(times.values()) if len(times) > 2 else 1  # a table may have two rows for each event by design
    doubled = {day: loaded // usual for day, loaded in times.items() if day not in known and loaded > usual}
    return [
        *_missing(model, snapshot, reference),
        *_doubled(doubled),
        *_unusual_rows(model, snapshot.partitions, {*known, *doubled}, reference),
        *_fallen_rows(snapshot.partitions),
        *check_table_columns(model, snapshot, reference),
        *find_rewritten(snapshot, reference),
    ]


def _missing(model: Model, snapshot: Snapshot, reference: Snapshot | None) -> list[Finding]:
    """Days without a partition, except closed days, weekdays that hardly ever have one, and days that the champion's data lacked too."""
    present = {partition.day for partition in snapshot.partitions}
    if _has_rows_now_and_then(present, reference):
        return []
    first, last = min(present), max(max(present), span_label_end(model, snapshot.spans[-1]))
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    resting = resting_weekdays(days, present)
    irregular = irregular_weekdays(days, present)
    open_days = [day for day in days if not model.checks.is_closed(day) and WEEKDAYS[day.weekday()] not in {*resting, *irregular}]
    missing = [day for day in open_days if day not in present and not _lacked(reference, day) and not _rested(reference, day)]
    if not missing:
        return []
    table, which, has_rests = snapshot.source_table, _which(missing, present), bool(resting or irregular)
    is_inside = (has_rests or reference is None) and max(present) > missing[-1]
    are_holidays = not which and is_inside and may_be_holidays(missing, open_days, has_rests=has_rests)
    if reference is None and not are_holidays:
        rare = {day for day in missing if is_rare(day.weekday(), days, present)}
        weeks = weeks_of_rest(open_days, missing, max(present)) if has_rests else set()
        left = [day for day in missing if day not in rare | weeks]
        others = [day for day in open_days if day not in rare | weeks]
        is_seldom = is_inside and not _which(left, present) and may_be_holidays(left, others, has_rests=has_rests or bool(rare))
        are_holidays = not left or is_seldom
    rests = f"; it has none on {' and '.join(f'{weekday}s' for weekday in resting)}" if resting else ""
    return [
        Finding(
            check=DataCheck.MISSING_PARTITION,
            severity=Severity.WARNS if are_holidays else Severity.BLOCKS,
            level="source",
            what=f"partition {missing[0]} of {table} is missing "
            f"({len(missing)} of {len(open_days)} between {first} and {last}{which}{rests})",
            remedy="load it, choose --through before it, or name the day in checks.closed of model.toml",
            since=missing[0],
            days=len(missing),
            measure=len(missing) / len(open_days),
        )
    ]


def _has_rows_now_and_then(present: Collection[date], reference: Snapshot | None) -> bool:
    """Whether there is a partition once a month, say: a span without one has no rows, which is refused when it is read."""
    return usual_distance({*present, *(partition.day for partition in (reference.partitions if reference else ()))}) > WEEK


def usual_distance(present: Collection[date]) -> float:
    """How many days are usually between a partition and the next one; 1 where there is but one."""
    return median([(later - earlier).days for earlier, later in pairwise(sorted(present))] or [1])


def _lacked(reference: Snapshot | None, day: date) -> bool:
    if reference is None:
        return False
    pinned = {partition.day for partition in reference.partitions}
    return min(pinned) <= day <= max(pinned) and day not in pinned


def _rested(reference: Snapshot | None, day: date) -> bool:
    """Whether the champion's window has next to no partitions on that weekday."""
    return reference is not None and has_rested(day.weekday(), {partition.day for partition in reference.partitions})


def _which(missing: Sequence[date], present: Collection[date]) -> str:
    """Whether the missing days are all days of one or two weekdays since the first of them, for a sentence."""
    missing = [day for day in missing if (day.month, day.day) not in YEARS_END]
    weekdays = {day.weekday() for day in missing}
    since = [day for day in present if missing and day >= missing[0] and day.weekday() in weekdays]
    if len(missing) < 2 or len(weekdays) > 2 or since:
        return ""
    return f", all {' and '.join(f'{WEEKDAYS[weekday]}s' for weekday in sorted(weekdays))} since then"


def _unusual_rows(model: Model, partitions: Sequence[Partition], known: Collection[date], reference: Snapshot | None) -> list[Finding]:
    """Partitions that are many times smaller or larger than those around them and than those of the same weekday."""
    ratio, unusual = model.checks.rows_ratio, []
    for position, partition in enumerate(partitions):
        near = [*partitions[max(0, position - NEIGHBOURS) : position], *partitions[position + 1 : position + NEIGHBOURS + 1]]
        usual = _usual([neighbour.rows for neighbour in near])
        is_judged = partition.day not in known and usual and max(usual, partition.rows) >= LEAST_USUAL_ROWS
        if not is_judged or usual / ratio <= partition.rows <= usual * ratio:
            continue
        if all(not rows / ratio <= partition.rows <= rows * ratio for rows in _usual_of_calendar(partition, partitions)):
            unusual.append((partition, usual))
    if not unusual:
        return []
    (first, usual), may_be_right = unusual[0], _may_be_right(unusual, partitions, is_first_run=reference is None)
    more = f", and {len(unusual) - 1} more such partitions" if len(unusual) > 1 else ""
    return [
        Finding(
            check=DataCheck.ROWS,
            severity=Severity.WARNS if may_be_right else Severity.BLOCKS,
            level="source",
            what=f"partition {first.day} has {count(first.rows)} rows, those around it {count(usual)}{more}",
            remedy="load it again, whole and once; if the world changed, raise checks.rows_ratio in model.toml",
            since=first.day,
            days=len(unusual),
            measure=first.rows / max(usual, 1),
            threshold=ratio,
        )
    ]


def _may_be_right(unusual: Sequence[tuple[Partition, float]], partitions: Sequence[Partition], *, is_first_run: bool) -> bool:
    """Whether partitions of other sizes may be holidays, or the beginning of a table."""
    starts = {partition.day for partition in partitions[:NEIGHBOURS]}
    past = [partition.day for partition, _ in unusual if (partitions[-1].day - partition.day).days >= HOLIDAY_DAYS and is_first_run]
    calendar, present = _calendar(partitions), {partition.day for partition in partitions}
    has_rests = bool(resting_weekdays(calendar, present) or irregular_weekdays(calendar, present))
    may_be_right = all(
        partition.day in past or (partition.rows < usual and has_rests) or (is_first_run and partition.day in starts)
        for partition, usual in unusual
    )
    few = {
        partition.day
        for partition, usual in unusual
        if partition.rows < usual and (partition.day.month, partition.day.day) not in YEARS_END
    }
    return may_be_right and longest_gap([partition.day not in few for partition in partitions]) <= LONGEST_QUIET


def _fallen_rows(partitions: Sequence[Partition]) -> list[Finding]:
    """Days that are all smaller than their weekdays were: a part of the rows is not loaded any more, or there is less to load."""
    level = fallen({partition.day: partition.rows for partition in partitions})
    if level is None:
        return []
    since, part = level
    days = [partition for partition in partitions if partition.day >= since]
    return [
        Finding(
            check=DataCheck.ROWS,
            severity=Severity.WARNS,
            level="source",
            what=f"rows a day fell by {percent(1 - part)} about {since}, held against the same weekdays before",
            remedy="look for a source or a filter that leaves rows out; nothing, if there is less to load",
            since=since,
            days=len(days),
            measure=part,
            threshold=1.0,
        )
    ]


def _calendar(partitions: Sequence[Partition]) -> list[date]:
    """All days from the first partition to the last."""
    first, last = partitions[0].day, partitions[-1].day
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _usual_of_calendar(partition: Partition, partitions: Sequence[Partition]) -> list[float]:
    """The rows of the same weekday in the weeks around it, and of the same day of other months: rents are paid on the first."""
    others = [other for other in partitions if other is not partition]
    near = [
        other.rows for other in others if not (other.day - partition.day).days % 7 and abs((other.day - partition.day).days) <= 7 * WEEKS
    ]
    month = [other.rows for other in others if _places_in_month(other.day) & _places_in_month(partition.day)]
    opened = [other.rows for other in others if _place_of_opening(other, partitions) == _place_of_opening(partition, partitions)]
    return [float(median(rows)) for rows in (near, month, opened) if rows]


def _places_in_month(day: date) -> set[int]:
    """The day of the month, counted from its beginning and, below zero, from its end."""
    return {day.day, day.day - 1 - monthrange(day.year, day.month)[1]}


def _place_of_opening(partition: Partition, partitions: Sequence[Partition]) -> int:
    """Which of its month's partitions it is, where the window has the month's beginning: bills are sent on the first working days."""
    first = partition.day.replace(day=1)
    return sum(first <= other.day <= partition.day for other in partitions) if partitions[0].day <= first else -partition.day.toordinal()


def _usual(rows: Sequence[int]) -> float:
    """The median; 0 if there are too few to tell what is usual."""
    return median(rows) if len(rows) > 1 else 0.0


def _doubled(doubled: Mapping[date, int]) -> list[Finding]:
    """Partitions that were loaded more than once."""
    if not doubled:
        return []
    first, times = next(iter(doubled.items()))
    more = f", and so have {len(doubled) - 1} more partitions" if len(doubled) > 1 else ""
    return [
        Finding(
            check=DataCheck.ROWS,
            level="source",
            what=f"partition {first} has every row {times} times{more}",
            remedy="load it again, and only once",
            since=first,
            days=len(doubled),
            measure=float(times),
            threshold=1.0,
        )
    ]


def _times_loaded(table: ColumnProfiles) -> int:
    """The number that the row counts of all values of all columns are multiples of; 1 unless one column alone has enough values."""
    counted = [counts for column in table.values() if len(counts := _counts(column))]
    if not any(len(counts) >= LEAST_CELLS for counts in counted):
        return 1
    return reduce(lambda one, counts: int(np.gcd(one, np.gcd.reduce(counts))), counted, 0)


def _counts(column: ColumnProfile) -> np.ndarray:
    """The numbers of rows with each value, NULL included, zeros left out."""
    values = np.array([*column.values.values(), column.others], np.int64) if column.values else column.counts
    counts = np.append(values, column.nulls)
    return counts[counts > 0]
