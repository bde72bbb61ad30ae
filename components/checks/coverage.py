"""The partitions as such: missing, much smaller or larger than those around them, loaded twice, or rewritten since they were pinned."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import reduce
from statistics import median

import numpy as np

from components.checks.findings import Check, Finding, Severity
from components.model import Model
from components.report.wording import count
from components.snapshot.document import Partition, Snapshot
from components.snapshot.profile import Table
from components.snapshot.window import span_label_end

NEIGHBOURS = 7
"""Partitions on each side."""
LEAST_USUAL_ROWS = 20
LEAST_CELLS = 30
"""Counts of different values that all divide by the same number are no chance when there are so many."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def check_partitions(model: Model, snapshot: Snapshot, days: Mapping[date, Table], reference: Snapshot | None) -> list[Finding]:
    """What is wrong with the pinned partitions as such.

    Args:
        model: says which partitions the spans need, and the thresholds.
        snapshot: what was pinned.
        days: the partitions' profiles.
        reference: what the champion was trained on.
    """
    return [
        *_missing(model, snapshot, reference),
        *_unusual_rows(model, snapshot.partitions),
        *_doubled(days),
        *_columns(model, snapshot, reference),
        *_rewritten(snapshot, reference),
    ]


def _table_finding(check: Check, what: str, remedy: str, *, since: date | None, days: int, measure: float, threshold: float) -> Finding:
    return Finding(
        check=check,
        severity=Severity.BLOCKS,
        level="source",
        column="",
        since=since,
        days=days,
        measure=measure,
        threshold=threshold,
        touched=1.0,
        what=what,
        remedy=remedy,
    )


def _missing(model: Model, snapshot: Snapshot, reference: Snapshot | None) -> list[Finding]:
    """Days without a partition, but for weekdays that the champion's data lacked too."""
    present = {partition.day for partition in snapshot.partitions}
    first, last = min(present), max(max(present), span_label_end(model, snapshot.spans[-1]))
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    usual = set(range(7)) if reference is None else {partition.day.weekday() for partition in reference.partitions}
    missing = [day for day in days if day not in present and day.weekday() in usual]
    if not missing:
        return []
    weekdays = {day.weekday() for day in missing}
    are_all = len(weekdays) < 7 and len(missing) > 1 and all(day not in present for day in days if day.weekday() in weekdays)
    which = f", all of them {' and '.join(f'{WEEKDAYS[weekday]}s' for weekday in sorted(weekdays))}" if are_all else ""
    what = f"partition {missing[0]} of {snapshot.source_table} is missing ({len(missing)} of {len(days)} between {first} and {last}{which})"
    return [
        _table_finding(
            Check.MISSING_PARTITION,
            what,
            "load it, or choose --through before it",
            since=missing[0],
            days=len(missing),
            measure=len(missing) / len(days),
            threshold=0.0,
        )
    ]


def _unusual_rows(model: Model, partitions: Sequence[Partition]) -> list[Finding]:
    """Partitions that are many times smaller or larger than those around them."""
    ratio, found = model.checks.rows_ratio, []
    rows = np.array([partition.rows for partition in partitions])
    for place, partition in enumerate(partitions):
        around = np.delete(rows[max(0, place - NEIGHBOURS) : place + NEIGHBOURS + 1], min(place, NEIGHBOURS))
        usual = median(around.tolist()) if len(around) else partition.rows
        if max(usual, partition.rows) >= LEAST_USUAL_ROWS and not usual / ratio <= partition.rows <= usual * ratio:
            found.append((partition, usual))
    if not found:
        return []
    first, usual = found[0]
    more = f", and {len(found) - 1} more such partitions" if len(found) > 1 else ""
    return [
        _table_finding(
            Check.ROWS,
            f"partition {first.day} has {count(first.rows)} rows, those around it {count(usual)}{more}",
            "load it again, whole and once; if the world changed, raise checks.rows_ratio in model.toml",
            since=first.day,
            days=len(found),
            measure=first.rows / max(usual, 1),
            threshold=ratio,
        )
    ]


def _doubled(days: Mapping[date, Table]) -> list[Finding]:
    """Partitions that were loaded more than once: each value's rows are a multiple of the same number."""
    doubled = {day: times for day, table in days.items() if (times := _times_loaded(table)) > 1}
    if not doubled:
        return []
    first, times = next(iter(doubled.items()))
    more = f", and so have {len(doubled) - 1} more partitions" if len(doubled) > 1 else ""
    return [
        _table_finding(
            Check.ROWS,
            f"partition {first} has every row {times} times{more}",
            "load it again, and only once",
            since=first,
            days=len(doubled),
            measure=float(times),
            threshold=1.0,
        )
    ]


def _times_loaded(table: Table) -> int:
    counts = np.concatenate([part for column in table.values() for part in (column.counts, np.array([*column.values.values()], np.int64))])
    if len(counts) < LEAST_CELLS:
        return 1
    divisors = {int(np.gcd.reduce(column.counts)) for column in table.values() if len(column.counts)}
    divisors |= {int(reduce(np.gcd, column.values.values())) for column in table.values() if column.values and not column.is_open}
    return min(divisors, default=1)


def _columns(model: Model, snapshot: Snapshot, reference: Snapshot | None) -> list[Finding]:
    """Columns that are of another type than those the champion was trained on, or gone."""
    if reference is None:
        return []
    now, sql, findings = dict(snapshot.columns), model.text("source.sql"), []
    for name, was in reference.columns:
        if now.get(name) == was or name not in sql:
            continue
        is_gone = name not in now
        findings.append(
            Finding(
                check=Check.MISSING_COLUMN if is_gone else Check.TYPE,
                severity=Severity.BLOCKS if is_gone or "STRING" in (was, now[name]) else Severity.WARNS,
                level="source",
                column=name,
                since=None,
                days=len(snapshot.partitions),
                measure=1.0,
                threshold=0.0,
                touched=1.0,
                what=f"of {snapshot.source_table} is gone" if is_gone else f"of {snapshot.source_table} is {now[name]}, it was {was}",
                remedy="restore it, or review source.sql and schema.pbtxt",
            )
        )
    return findings


def _rewritten(snapshot: Snapshot, reference: Snapshot | None) -> list[Finding]:
    """Partitions whose content changed after the champion's snapshot was pinned."""
    if reference is None or reference.columns != snapshot.columns:
        return []
    pinned = {partition.day: partition for partition in reference.partitions}
    late = [partition for partition in snapshot.partitions if partition != pinned.get(partition.day, partition)]
    if not late:
        return []
    first = late[0]
    more = f", and {len(late) - 1} more" if len(late) > 1 else ""
    return [
        Finding(
            check=Check.LATE,
            severity=Severity.WARNS,
            level="source",
            column="",
            since=first.day,
            days=len(late),
            measure=len(late) / len(snapshot.partitions),
            threshold=0.0,
            touched=sum(partition.rows for partition in late) / max(snapshot.source_rows, 1),
            what=f"partition {first.day} was rewritten since the champion's data were pinned "
            f"({count(pinned[first.day].rows)} rows then, {count(first.rows)} now{more})",
            remedy="nothing, if data came late; the champion's own rows are still in its table snapshot",
        )
    ]
