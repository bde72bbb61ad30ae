"""Compare two windows of data by their profiles, and rank the differences by the share of the model's input that they touch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

import numpy as np

from components.comparison.columns import ColumnDifference, column_difference
from components.comparison.days import WEEK, Days, Windows, differing, partition_days, row_number, span_days, total
from components.comparison.direction import is_turned
from components.comparison.row_numbers import RowsChange, changed_rows
from components.model.column_lineage import Lineage
from components.profiles.profile import SOURCE_TABLE, ColumnProfiles, Profiles, profiles_by_day

AMPLIFIED = 20
"""A source column explains a feature of which up to this many times more differs: a sum over many rows soon includes a bad one."""


class Subject(StrEnum):
    """What differs."""

    SOURCE = "source"
    """A column of the source table."""
    FEATURE = "feature"
    """A column of source.sql, the label included."""
    ROWS = "rows"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of two windows."""

    name: str
    """Its name in sentences for a person."""
    source: Profiles
    """The source table's partitions; empty if the window has none."""
    rows: Profiles
    """The rows of source.sql by span; empty if they are not known."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that differs between the windows."""

    subject: Subject
    name: str
    column: ColumnDifference | None
    """None if the number of rows differs."""
    score: float
    """The share of the model's input that it touches, faults weighed heavier."""
    fed: tuple[str, ...]
    """The features that it feeds; a feature feeds itself."""
    consequences: tuple[str, ...] = ()
    """The fed features that differ as well, no more than this difference explains."""
    rows: RowsChange | None = None
    """How many rows partitions have, if that is what differs."""
    leads: bool = True
    """Whether it may be what makes the model different: a counter, a date or an ignored column is not."""
    odd: tuple[str, str] | None = None
    """If the window that is named first is the odd one, its name and the other's: `column` then tells how the first differs."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RowCounts:
    """How many rows there are, and when."""

    partitions: Mapping[date, tuple[int | None, int | None]]
    """Rows before and after; None if a window lacks the partition."""
    weekdays: tuple[np.ndarray, np.ndarray]
    """Rows of an average partition by its weekday, Monday first; float64 [7] each, 0 where there is none."""
    hour_column: str | None
    """The first column that holds a time of day."""
    hours: tuple[np.ndarray, np.ndarray] | None
    """Rows by its hour in the whole windows; int64 [24] each."""


@dataclass(frozen=True, eq=False, kw_only=True)
class DataComparison:
    """Everything that differs between two windows."""

    before: str
    after: str
    partitions: Windows
    spans: Windows
    source: tuple[ColumnDifference, ...]
    features: tuple[ColumnDifference, ...]
    differences: tuple[Difference, ...]
    """The likeliest culprit first."""
    rows: RowCounts
    lineage: Lineage

    @property
    def is_same(self) -> bool:
        """Whether both windows hold the same data."""
        return self.partitions.is_same and self.spans.is_same


def compare_profiles(
    before: Side,
    after: Side,
    lineage: Lineage,
    *,
    partition_field: str | None = None,
    ignored: Collection[str] = (),
    others: Profiles | None = None,
) -> DataComparison:
    """Compare the profiles of two windows.

    Args:
        before: the reference window.
        after: the window in question.
        lineage: which features each column of the source feeds.
        partition_field: the source's column that differs by nature, and is left out.
        ignored: columns of the table or of source.sql that are compared, and lead no ranking.
        others: other partitions of the source, which tell what of two windows that differ is usual.
    """
    partitions, spans = partition_days(before.source, after.source), span_days(before.rows, after.rows)
    source = _columns(partitions, [name for name in partitions.columns if name != partition_field], lineage.keys)
    features = _columns(spans, spans.columns, ())
    known = profiles_by_day(others or {}, SOURCE_TABLE)
    told = [_told(partitions, column, known, is_key=column.name in lineage.keys) for column in source]
    told_features = [_told(spans, column, {}) for column in features]
    odd, forward = (before.name, after.name), {id(column) for column in (*source, *features)}
    rows = _rows_difference(partitions, lineage.features, known, odd)
    ranked = _rank(told, told_features, rows, lineage, frozenset(ignored))
    turned = [replace(one, odd=odd) if one.column is not None and id(one.column) not in forward else one for one in ranked]
    return DataComparison(
        before=before.name,
        after=after.name,
        partitions=partitions.windows,
        spans=spans.windows,
        source=source,
        features=features,
        differences=tuple(turned),
        rows=_row_counts(partitions),
        lineage=lineage,
    )


def _columns(days: Days, names: Sequence[str], keys: Collection[str]) -> tuple[ColumnDifference, ...]:
    """The differences of the columns; none if a window is not known."""
    if not days.before or not days.after:
        return ()
    return tuple(column_difference(days, name, is_key=name in keys) for name in names)


def _told(days: Days, column: ColumnDifference, others: Mapping[date, ColumnProfiles], *, is_key: bool = False) -> ColumnDifference:
    """The difference of a column as that of the odd window from the other one."""
    if not days.before or not days.after or (days.windows.is_same and not column.kinds):
        return column
    compared = differing(days, column.name)
    back = column_difference(days.turned, column.name, is_key=is_key)
    told_apart = compared.before.keys() | compared.after.keys()
    tables = {**others, **days.before, **days.after}
    known = {day: table[column.name] for day, table in tables.items() if day not in told_apart and column.name in table}
    return back if is_turned(column, back, compared, known) else column


def _rank(
    source: Sequence[ColumnDifference],
    features: Sequence[ColumnDifference],
    rows: Difference | None,
    lineage: Lineage,
    ignored: frozenset[str],
) -> tuple[Difference, ...]:
    differing = [feature for feature in features if feature.kinds]
    every = max(len(lineage.features), len(features), 1)
    ranked = [column for column in source if column.kinds and (column.name not in lineage.keys or column.is_broken_key)]
    silent = ignored | lineage.keys
    culprits = [_source_difference(column, differing, lineage, every, leads=_leads(column, silent)) for column in ranked]
    explained = {name for culprit in culprits if culprit.leads for name in culprit.consequences}
    own = [
        Difference(
            subject=Subject.FEATURE,
            name=column.name,
            column=column,
            score=column.severity / every,
            fed=(column.name,),
            leads=_leads(column, ignored),
        )
        for column in differing
        if column.name not in explained
    ]
    differences = [*culprits, *own, *([rows] if rows else [])]
    return tuple(sorted(differences, key=lambda d: (not d.leads, -d.score, -(d.column.severity if d.column else 0.0))))


def _leads(column: ColumnDifference, silent: Collection[str]) -> bool:
    return column.name not in silent and not column.is_new_by_nature and not column.is_no_news


def _source_difference(
    column: ColumnDifference, differing: Sequence[ColumnDifference], lineage: Lineage, every: int, *, leads: bool
) -> Difference:
    fed = lineage.fed_by(column.name)
    explained = [f.name for f in differing if f.name in fed and (column.is_fault or f.share <= AMPLIFIED * column.share)]
    return Difference(
        subject=Subject.SOURCE,
        name=column.name,
        column=column,
        score=column.severity * len(fed) / every,
        fed=tuple(name for name in lineage.features if name in fed),
        consequences=tuple(explained),
        leads=leads,
    )


def _rows_difference(days: Days, fed: tuple[str, ...], others: Mapping[date, ColumnProfiles], odd: tuple[str, str]) -> Difference | None:
    """Rows that are there twice, or partitions that have far more or fewer rows than such days have."""
    found = changed_rows(days, others)
    if found is None:
        return None
    told = odd if found.is_turned else None
    return Difference(subject=Subject.ROWS, name="rows", column=None, score=found.score, fed=fed, rows=found, odd=told)


def _row_counts(days: Days) -> RowCounts:
    before, after = ({day: row_number(table) for day, table in side.items()} for side in (days.before, days.after))
    every_day = sorted(before.keys() | after.keys())
    timed = next((name for name in days.columns if any(len(t[name].hours) for t in days.after.values() if name in t)), None)
    sums = (
        [total({day: table[timed] for day, table in side.items() if timed in table}) for side in (days.before, days.after)] if timed else []
    )
    hours = [profile.hours for profile in sums if profile is not None and len(profile.hours)]
    return RowCounts(
        partitions={day: (before.get(day), after.get(day)) for day in every_day},
        weekdays=(_by_weekday(before), _by_weekday(after)),
        hour_column=timed if len(hours) == 2 else None,
        hours=(hours[0], hours[1]) if len(hours) == 2 else None,
    )


def _by_weekday(rows: Mapping[date, int]) -> np.ndarray:
    of_each: list[list[int]] = [[] for _ in range(WEEK)]
    for day, count in rows.items():
        of_each[day.weekday()].append(count)
    return np.array([sum(counts) / len(counts) if counts else 0.0 for counts in of_each])
