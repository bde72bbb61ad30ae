"""Compare the source table with the one that the champion was trained on: its columns, and partitions rewritten since."""

from collections.abc import Hashable, Mapping
from dataclasses import replace
from datetime import date

from components.checks.findings import Finding
from components.looks.data_check import DataCheck, Severity
from components.looks.dead import signature
from components.model.folder import Model
from components.profiles.profile import ColumnProfiles
from components.snapshot.document import Snapshot
from components.wording import count

TEXT_TYPE = "STRING"


def check_table_columns(model: Model, snapshot: Snapshot, reference: Snapshot | None) -> list[Finding]:
    """Find columns that source.sql names and that have another type than when the champion was trained, or are gone."""
    if reference is None:
        return []
    now, sql, table = dict(snapshot.columns), model.text("source.sql"), snapshot.source_table
    findings = []
    for name, was in reference.columns:
        if now.get(name) == was or name not in sql or _is_declared(model, name, now.get(name)):
            continue
        is_gone = name not in now
        findings.append(
            Finding(
                check=DataCheck.MISSING_COLUMN if is_gone else DataCheck.TYPE,
                severity=Severity.BLOCKS if is_gone or TEXT_TYPE in (was, now[name]) else Severity.WARNS,
                level="source",
                column=name,
                days=len(snapshot.partitions),
                what=f"of {table} is gone" if is_gone else f"of {table} is {now[name]}, it was {was}",
                remedy="restore it, or review source.sql and schema.pbtxt"
                + ("" if is_gone else f'; if it is meant, write type = "{now[name]}" under [checks.columns.{name}] of model.toml'),
            )
        )
    return findings


def _is_declared(model: Model, column: str, type_now: str | None) -> bool:
    """Whether model.toml says that a column has this type now."""
    bounds = model.checks.columns.get(column)
    return bounds is not None and bounds.type is not None and bounds.type == type_now


def same_but_type(
    model: Model, reference: Snapshot | None, days: Mapping[date, ColumnProfiles], past: Mapping[date, ColumnProfiles]
) -> frozenset[date]:
    """Days whose values are the champion's although a column has the type that model.toml declares: they passed the gate once."""
    types = dict(reference.columns) if reference else {}
    changed = {name for name, was in types.items() if (bounds := model.checks.columns.get(name)) and bounds.type not in (None, was)}
    if not changed:
        return frozenset()

    def values(table: ColumnProfiles) -> Hashable:
        kept = {name: replace(column, values={}, others=0) if name in changed else column for name, column in table.items()}
        return frozenset((name, column.texts, signature(column)) for name, column in kept.items())

    return frozenset(day for day in days.keys() & past.keys() if values(days[day]) == values(past[day]))


def find_rewritten(snapshot: Snapshot, reference: Snapshot | None) -> list[Finding]:
    """Find partitions whose content changed after the champion's snapshot was pinned."""
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
            check=DataCheck.LATE,
            severity=Severity.WARNS,
            level="source",
            since=first.day,
            days=len(late),
            measure=len(late) / len(snapshot.partitions),
            touched=sum(partition.rows for partition in late) / max(snapshot.source_rows, 1),
            what=f"partition {first.day} was rewritten since the champion's data were pinned "
            f"({count(pinned[first.day].rows)} rows then, {count(first.rows)} now{more})",
            remedy="nothing, if data came late; the champion's own rows are still in its table snapshot",
        )
    ]
