"""The columns of the source table, partition by partition: values of another kind, columns that died, and sudden shifts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from components.checks.findings import Check, Finding, Severity
from components.checks.history import Step, steps
from components.checks.measures import (
    Measure,
    frozen,
    new_values,
    nulls,
    same_value,
    shifted,
    stretched,
    text,
    unfinite,
    vanished,
    wrong_hours,
)
from components.model import Checks, Model
from components.snapshot.profile import ColumnProfile, Table, add_tables

LOOKS: tuple[Callable[[Step, Checks], Measure | None], ...] = (
    text,
    unfinite,
    nulls,
    same_value,
    frozen,
    stretched,
    new_values,
    wrong_hours,
    shifted,
)
"""Each says what is wrong with a column in a partition, or None. Where one found something, those after it are not asked."""


def check_source(model: Model, days: Mapping[date, Table], past: Mapping[date, Table]) -> list[Finding]:
    """What is wrong with the columns of the pinned partitions, one finding for each column and check.

    Args:
        model: names the columns that nothing is asked of, and the thresholds.
        days: the pinned partitions.
        past: the partitions that the champion was trained on.
    """
    whole = add_tables(days.values())
    ignored = {model.rows.key, model.source.partition_field, *model.checks.ignore}
    columns = [name for name in whole if name not in ignored]
    findings = [finding for name in columns for finding in _check_column(name, whole[name], days, past, model.checks)]
    return _repeated(findings, len(columns))


def _check_column(name: str, whole: ColumnProfile, days: Mapping[date, Table], past: Mapping[date, Table], checks: Checks) -> list[Finding]:
    found: dict[Check, list[tuple[Step, Measure]]] = {}
    for step in steps(name, days, past):
        judged = step if step.before is not None else Step(step.day, step.now, whole, None)
        first = next((measure for look in LOOKS if (measure := look(judged, checks)) is not None), None)
        if first is not None:
            found.setdefault(first.check, []).append((step, first))
    segment = [finding] if name in checks.segments and (finding := _vanished(name, days, past)) else []
    return segment + [_finding(name, places, days) for places in found.values()]


def _finding(name: str, places: Sequence[tuple[Step, Measure]], days: Mapping[date, Table]) -> Finding:
    """One finding for all the partitions in which the same is wrong."""
    step, first = places[0]
    earlier = [day for day in days if day < step.day]
    more = f", and in {len(places) - 1} more since" if len(places) > 1 else ""
    until = f"; {first.before} until {max(earlier)}" if first.before and earlier else f"; {first.before}" if first.before else ""
    rows = sum(table[name].rows for day, table in days.items() if day >= step.day and name in table)
    return Finding(
        check=first.check,
        severity=Severity.BLOCKS,
        level="source",
        column=name,
        since=step.day,
        days=len(places),
        measure=first.measure,
        threshold=first.threshold,
        touched=sum(measure.rows for _, measure in places) / max(rows, 1),
        what=f"of partition {step.day} {first.what}{more}{until}",
        remedy=first.remedy,
    )


def _vanished(name: str, days: Mapping[date, Table], past: Mapping[date, Table]) -> Finding | None:
    """A segment that the window as a whole does not cover any more, or that has ended within it."""
    found = [(step, measure) for step in steps(name, days, past) if (measure := vanished(step)) is not None]
    return _finding(name, found, days) if found else None


def _repeated(findings: Sequence[Finding], columns: int) -> list[Finding]:
    """Where several columns are frozen since the same partition, its rows as a whole are: one finding in place of one for each column."""
    by_day: dict[date | None, list[Finding]] = {}
    for finding in findings:
        if finding.check == Check.FROZEN:
            by_day.setdefault(finding.since, []).append(finding)
    whole = {day: found for day, found in by_day.items() if len(found) > 1}
    kept = [finding for finding in findings if finding not in whole.get(finding.since, [])]
    return kept + [
        replace(
            found[0], column="", touched=len(found) / columns, what=f"partition {day} has to the digit the rows of the partition before"
        )
        for day, found in whole.items()
    ]
