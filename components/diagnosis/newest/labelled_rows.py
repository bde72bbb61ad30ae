"""What happened to the source since a version was trained, told from the day on which it began, so that no good day waters it down."""

from dataclasses import replace
from datetime import date

from components.diagnosis.data.columns import ColumnDifference, Kind
from components.diagnosis.data.compare import DataComparison, Difference, Side, Subject, compare_profiles
from components.diagnosis.data.sentences import describe, is_clear, sentence
from components.profiles.profile import ColumnProfile
from components.wording import legible, percent

EMPTIER = 0.2
"""How much more of a column must be NULL for it to count as broken."""


def sharpen(comparison: DataComparison, before: Side, after: Side, *, partition_field: str | None) -> tuple[DataComparison, date | None]:
    """The comparison as it is from the day on which something broke, and that day; unchanged, and None, where nothing did.

    Args:
        comparison: of both sides as they are.
        before: the known side.
        after: the newest one.
        partition_field: as the comparison was told it.
    """
    found: list[tuple[float, DataComparison, date | None]] = [(_strength(comparison), comparison, None)]
    for since in sorted({column.since for column in comparison.source if column.kinds and column.since}):
        recent = replace(after, source={part: table for part, table in after.source.items() if part.day >= since})
        one = compare_profiles(before, recent, comparison.lineage, partition_field=partition_field)
        found.append((_strength(one), one, since))
    return max(found, key=lambda one: one[0])[1:]


def _strength(comparison: DataComparison) -> float:
    fault = broken(comparison)
    return fault.score if fault and fault.subject == Subject.SOURCE else 0.0


def broken(comparison: DataComparison) -> Difference | None:
    """What broke, in the source or failing that in source.sql's columns: a fault, or many more NULLs; None where nothing did."""
    found = [one for one in comparison.differences if is_clear(one) and one.column and (one.column.is_fault or _is_emptier(one.column))]
    return next((one for one in found if one.subject == Subject.SOURCE), next(iter(found), None))


def _is_emptier(column: ColumnDifference) -> bool:
    return _null_share(column.after) - _null_share(column.before) >= EMPTIER


def _null_share(profile: ColumnProfile | None) -> float:
    return profile.nulls / profile.rows if profile and profile.rows else 0.0


def tell(difference: Difference, table: str, since: date | None) -> str:
    """What differs, for a person: column, table, how, and from which partition on.

    Args:
        difference: of the comparison that `sharpen` gave.
        table: the source.
        since: its first partition that differs.
    """
    column = difference.column
    if column is None:
        return sentence(difference)
    is_source = difference.subject == Subject.SOURCE
    name = f"column {legible(column.name)} of {table}" if is_source else f"feature {legible(column.name)}"
    is_of_the_table = not {Kind.ABSENT, Kind.TYPE}.isdisjoint(column.kinds)
    began = column.since or (since if is_source and not is_of_the_table else None)
    when = f" since {began}" if began else ""
    if _is_emptier(column):
        return f"{name} is empty in {percent(_null_share(column.after))} of rows{when} (was {percent(_null_share(column.before))})"
    said = describe(replace(column, since=None))
    return f"{name}{' ' if said.startswith(('is ', 'was ')) else ': '}{said}{',' if when else ''}{when}"
