"""What happened to the source since a version was trained."""

from dataclasses import replace
from datetime import date

from components.comparison.changes import ColumnChange
from components.comparison.columns import null_share
from components.comparison.compare import DataComparison, Difference, Subject
from components.comparison.sentences import describe, is_break, sentence
from components.wording import legible, percent


def broken(comparison: DataComparison, *, before: bool = False) -> Difference | None:
    """The fault, or the rise of NULLs, that is worst: in the source table, or else in source.sql's columns. None if nothing broke.

    Args:
        comparison: what a version was trained on, and the newest data.
        before: what is broken in the former, and mended in the latter.
    """
    leading = (d for d in comparison.differences if d.leads and bool(d.odd) == before)
    faults = [d for d in leading if is_break(d) and not _is_of_query(d)]
    return next((fault for fault in faults if fault.subject == Subject.SOURCE), next(iter(faults), None))


def _is_of_query(difference: Difference) -> bool:
    """Whether only one of the two has a feature at all: another source.sql makes it, and nothing broke."""
    column = difference.column
    return difference.subject == Subject.FEATURE and column is not None and None in (column.whole_before, column.whole_after)


def describe_change(difference: Difference, table: str, since: date | None) -> str:
    """Describe a change for a person: column, table, how, and from which partition on.

    Args:
        difference: one of the comparison.
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
    if column.is_emptier:
        return f"{name} is empty in {percent(null_share(column.after))} of rows{when} (was {percent(null_share(column.before))})"
    said = describe(replace(column, since=None))
    return f"{name}{' ' if said.startswith(('is ', 'was ')) else ': '}{said}{',' if when else ''}{when}"
