"""The partitions as such: missing, much smaller or larger than those around them, or loaded more than once."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from functools import reduce
from statistics import median, median_low

import numpy as np

from components.checks.findings import DataCheck, Finding
from components.checks.table import check_columns, find_rewritten
from components.model.folder import Model
from components.profiles.profile import ColumnProfile, ColumnProfiles
from components.snapshot.document import Partition, Snapshot
from components.snapshot.window import span_label_end
from components.wording import count

NEIGHBOURS = 7
"""Partitions on each side."""
WEEKS = 4
"""On each side, whose partitions of the same weekday are looked at."""
LEAST_USUAL_ROWS = 20
LEAST_CELLS = 30
"""Counts of different values that all divide by the same number are no chance when there are so many."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def check_partitions(
    model: Model, snapshot: Snapshot, days: Mapping[date, ColumnProfiles], reference: Snapshot | None, known: Collection[date] = ()
) -> list[Finding]:
    """What is wrong with the pinned partitions as such.

    Args:
        model: says which partitions the spans need, and the thresholds.
        snapshot: what was pinned.
        days: the partitions' profiles.
        reference: what the champion was trained on.
        known: the partitions that are the same as the champion's: they were let through once.
    """
    times = {day: _times_loaded(table) for day, table in days.items()}
    usual = median_low(times.values()) if len(times) > 2 else 1  # each event may have two rows
    doubled = {day: found // usual for day, found in times.items() if day not in known and found > usual}
    return [
        *_missing(model, snapshot, reference),
        *_doubled(doubled),
        *_unusual_rows(model, snapshot.partitions, {*known, *doubled}),
        *check_columns(model, snapshot, reference),
        *find_rewritten(snapshot, reference),
    ]


def _missing(model: Model, snapshot: Snapshot, reference: Snapshot | None) -> list[Finding]:
    """Days without a partition, but for those that the shop is closed on, and those that the champion's data lacked too."""
    present = {partition.day for partition in snapshot.partitions}
    first, last = min(present), max(max(present), span_label_end(model, snapshot.spans[-1]))
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    open_days = [day for day in days if day not in model.checks.closed and WEEKDAYS[day.weekday()] not in model.checks.closed]
    missing = [day for day in open_days if day not in present and not _lacked(reference, day)]
    if not missing:
        return []
    table, found = snapshot.source_table, f"{len(missing)} of {len(open_days)} between {first} and {last}"
    return [
        Finding(
            check=DataCheck.MISSING_PARTITION,
            level="source",
            what=f"partition {missing[0]} of {table} is missing ({found}{_which(missing, present)})",
            remedy="load it, choose --through before it, or name the day in checks.closed of model.toml",
            since=missing[0],
            days=len(missing),
            measure=len(missing) / len(open_days),
        )
    ]


def _lacked(reference: Snapshot | None, day: date) -> bool:
    if reference is None:
        return False
    pinned = {partition.day for partition in reference.partitions}
    return min(pinned) <= day <= max(pinned) and day not in pinned


def _which(missing: Sequence[date], present: Collection[date]) -> str:
    """What the missing days have in common: that they are all the same weekday's since the first of them."""
    weekdays = {day.weekday() for day in missing}
    since = [day for day in present if day >= missing[0] and day.weekday() in weekdays]
    if len(missing) < 2 or len(weekdays) > 2 or since:
        return ""
    return f", all {' and '.join(f'{WEEKDAYS[weekday]}s' for weekday in sorted(weekdays))} since then"


def _unusual_rows(model: Model, partitions: Sequence[Partition], known: Collection[date]) -> list[Finding]:
    """Partitions that are many times smaller or larger than those around them, and than those of the same weekday."""
    ratio, rows = model.checks.rows_ratio, {partition.day: partition.rows for partition in partitions}
    found = []
    for place, partition in enumerate(partitions):
        near = [*partitions[max(0, place - NEIGHBOURS) : place], *partitions[place + 1 : place + NEIGHBOURS + 1]]
        weeks = (partition.day + timedelta(days=7 * week) for week in range(-WEEKS, WEEKS + 1) if week)
        usual, usual_weekday = _usual([one.rows for one in near]), _usual([rows[day] for day in weeks if day in rows])
        is_judged = partition.day not in known and usual and max(usual, partition.rows) >= LEAST_USUAL_ROWS
        if is_judged and all(not one / ratio <= partition.rows <= one * ratio for one in (usual, usual_weekday or usual)):
            found.append((partition, usual))
    if not found:
        return []
    first, usual = found[0]
    more = f", and {len(found) - 1} more such partitions" if len(found) > 1 else ""
    return [
        Finding(
            check=DataCheck.ROWS,
            level="source",
            what=f"partition {first.day} has {count(first.rows)} rows, those around it {count(usual)}{more}",
            remedy="load it again, whole and once; if the world changed, raise checks.rows_ratio in model.toml",
            since=first.day,
            days=len(found),
            measure=first.rows / max(usual, 1),
            threshold=ratio,
        )
    ]


def _usual(rows: Sequence[int]) -> float:
    """The median; 0 where too few are known to say what is usual."""
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
    """What the rows of every value of every column are a multiple of. Columns may depend on each other: one must say it alone."""
    counted = [counts for column in table.values() if len(counts := _counts(column))]
    if not any(len(counts) >= LEAST_CELLS for counts in counted):
        return 1
    return reduce(lambda one, counts: int(np.gcd(one, np.gcd.reduce(counts))), counted, 0)


def _counts(column: ColumnProfile) -> np.ndarray:
    """Rows by value: of texts, and of everything that is no text."""
    values = np.array([*column.values.values(), column.others], np.int64) if column.values else column.counts
    counts = np.append(values, column.nulls)
    return counts[counts > 0]
