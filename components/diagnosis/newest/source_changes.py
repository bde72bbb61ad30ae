"""What happened to the source since a version was trained, measured from the day on which it began, so that no good day dilutes it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from components.comparison.columns import ColumnChange, ColumnDifference
from components.comparison.compare import DataComparison, Difference, Side, Subject, compare_profiles
from components.comparison.sentences import describe, is_clear, sentence
from components.profiles.profile import ColumnProfile, Profiles
from components.wording import legible, percent

EMPTIER = 0.2
"""A column counts as broken if the share of its NULLs has risen by this much."""


def sharpen(
    comparison: DataComparison,
    before: Side,
    after: Side,
    *,
    partition_field: str | None,
    ignored: Sequence[str] = (),
    others: Profiles | None = None,
) -> tuple[DataComparison, date | None]:
    """Compare again from the day on which something broke. Returns that comparison and the day, or the given one and None.

    Args:
        comparison: the comparison of both whole sides.
        before: what a version was trained on.
        after: the newest data.
        partition_field: the source's column that differs by nature.
        ignored: columns that are no cause.
        others: other partitions of the source, which tell what is usual.
    """
    candidates: list[tuple[float, DataComparison, date | None]] = [(_strength(comparison), comparison, None)]
    for since in sorted({column.since for column in comparison.source if column.kinds and column.since}):
        recent = replace(after, source={part: table for part, table in after.source.items() if part.day >= since})
        sharper = compare_profiles(before, recent, comparison.lineage, partition_field=partition_field, ignored=ignored, others=others)
        candidates.append((_strength(sharper), sharper, since))
    return max(candidates, key=lambda candidate: candidate[0])[1:]


def _strength(comparison: DataComparison) -> float:
    fault = broken(comparison)
    return fault.score if fault and fault.subject == Subject.SOURCE else 0.0


def broken(comparison: DataComparison, *, before: bool = False) -> Difference | None:
    """The fault, or the rise of NULLs, that is worst: in the source table, or else in source.sql's columns. None if nothing broke.

    Args:
        comparison: what a version was trained on, and the newest data.
        before: what is broken in the former, and mended in the latter.
    """
    leading = (d for d in comparison.differences if d.leads and d.column and d.score > 0 and bool(d.odd) == before)
    faults = [d for d in leading if d.column and ((d.column.is_fault and is_clear(d)) or _is_emptier(d.column)) and not _is_of_query(d)]
    return next((fault for fault in faults if fault.subject == Subject.SOURCE), next(iter(faults), None))


def _is_of_query(difference: Difference) -> bool:
    """Whether only one of the two has a feature at all: another source.sql makes it, and nothing broke."""
    column = difference.column
    return difference.subject == Subject.FEATURE and column is not None and None in (column.whole_before, column.whole_after)


def _is_emptier(column: ColumnDifference) -> bool:
    return _null_share(column.after) - _null_share(column.before) >= EMPTIER


def _null_share(profile: ColumnProfile | None) -> float:
    return profile.nulls / profile.rows if profile and profile.rows else 0.0


def describe_change(difference: Difference, table: str, since: date | None) -> str:
    """Describe a change for a person: column, table, how, and from which partition on.

    Args:
        difference: one of the comparison that `sharpen` gave.
        table: the source table.
        since: its first partition that differs.
    """
    column = difference.column
    if column is None:
        return sentence(difference)
    is_source = difference.subject == Subject.SOURCE
    name = f"column {legible(column.name)} of {table}" if is_source else f"feature {legible(column.name)}"
    where = f" in the data of {difference.odd[0]}, and is not in {difference.odd[1]}" if difference.odd else ""
    is_of_the_table = not {ColumnChange.ABSENT, ColumnChange.TYPE}.isdisjoint(column.kinds)
    began = column.since or (since if is_source and not is_of_the_table and not difference.odd else None)
    when = f"{where} since {began}" if began else where
    if _is_emptier(column):
        return f"{name} is empty in {percent(_null_share(column.after))} of rows{when} (was {percent(_null_share(column.before))})"
    said = describe(replace(column, since=None))
    return f"{name}{' ' if said.startswith(('is ', 'was ')) else ': '}{said}{',' if when else ''}{when}"
