"""Two snapshots side by side, from their profiles alone: what differs, ranked by how much of the model's input it touches."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from statistics import median

import numpy as np

from components.diagnosis.data.columns import ColumnDifference, column_difference
from components.diagnosis.data.days import Days, Windows, partition_days, span_days, total
from components.diagnosis.data.lineage import Lineage
from components.profiles.profile import ColumnProfiles, Profiles

AMPLIFIED = 20
"""How many times more of a feature than of its source may differ for the source to explain it: a sum over many rows has a bad one soon."""
ROWS_RATIO = 2.0
"""How many times more or fewer rows a partition must have for that to be a difference."""
ROWS_WEIGHT = 0.25
"""Of a difference in rows: shops grow and shrink without anybody's fault."""
WEEK = 7


class Subject(StrEnum):
    """What a difference is of."""

    SOURCE = "source"
    """A column of the source table."""
    FEATURE = "feature"
    """A column of source.sql: the label is one as well."""
    ROWS = "rows"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of two windows."""

    name: str
    """As a person calls it."""
    source: Profiles
    """Of the source table's partitions; empty where the window has none."""
    rows: Profiles
    """Of source.sql's rows by span; empty where they are not known."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that differs."""

    subject: Subject
    name: str
    column: ColumnDifference | None
    """None of rows."""
    score: float
    """The share of the model's input that it touches, faults weighed heavier."""
    fed: tuple[str, ...]
    """The features that it feeds; of a feature itself."""
    consequences: tuple[str, ...] = ()
    """Those of them that differ as well, and no more than this explains."""
    rows: tuple[float, float] | None = None
    """Rows of a partition before and after, the medians, where they are the difference."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RowCounts:
    """How many rows there are, and when."""

    partitions: Mapping[date, tuple[int | None, int | None]]
    """Rows before and after; None where a window has not the partition."""
    weekdays: tuple[np.ndarray, np.ndarray]
    """Rows of an average partition by its weekday, Monday first; float64 [7] each, 0 where there is none."""
    hour_column: str | None
    """The first column with a time of day."""
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


def compare_profiles(before: Side, after: Side, lineage: Lineage, *, partition_field: str | None = None) -> DataComparison:
    """Hold the profiles of two windows against each other.

    Args:
        before: the window that is known.
        after: the one that is asked about.
        lineage: which features a column of the source feeds.
        partition_field: the source's column that differs by nature.
    """
    partitions, spans = partition_days(before.source, after.source), span_days(before.rows, after.rows)
    source = _columns(partitions, [name for name in partitions.columns if name != partition_field], lineage.keys)
    features = _columns(spans, spans.columns, ())
    return DataComparison(
        before=before.name,
        after=after.name,
        partitions=partitions.windows,
        spans=spans.windows,
        source=source,
        features=features,
        differences=_rank(source, features, _rows_difference(partitions, lineage), lineage),
        rows=_row_counts(partitions),
        lineage=lineage,
    )


def _columns(days: Days, names: Sequence[str], keys: Collection[str]) -> tuple[ColumnDifference, ...]:
    """Nothing where a window is not known."""
    if not days.before or not days.after:
        return ()
    return tuple(column_difference(days, name, is_key=name in keys) for name in names)


def _rank(
    source: Sequence[ColumnDifference], features: Sequence[ColumnDifference], rows: Difference | None, lineage: Lineage
) -> tuple[Difference, ...]:
    differing = [feature for feature in features if feature.kinds]
    every = max(len(lineage.features), len(features), 1)
    culprits = [_source_difference(column, differing, lineage, every) for column in source if column.kinds]
    explained = {name for culprit in culprits for name in culprit.consequences}
    own = [
        Difference(subject=Subject.FEATURE, name=one.name, column=one, score=one.severity / every, fed=(one.name,))
        for one in differing
        if one.name not in explained
    ]
    found = [*culprits, *own, *([rows] if rows else [])]
    return tuple(sorted(found, key=lambda one: (-one.score, -(one.column.severity if one.column else 0.0))))


def _source_difference(column: ColumnDifference, differing: Sequence[ColumnDifference], lineage: Lineage, every: int) -> Difference:
    fed = lineage.fed_by(column.name)
    explained = [one.name for one in differing if one.name in fed and (column.is_fault or one.share <= AMPLIFIED * column.share)]
    return Difference(
        subject=Subject.SOURCE,
        name=column.name,
        column=column,
        score=column.severity * len(fed) / every,
        fed=tuple(name for name in lineage.features if name in fed),
        consequences=tuple(explained),
    )


def _rows_difference(days: Days, lineage: Lineage) -> Difference | None:
    """Partitions with far more or fewer rows than those before them, or than the same ones were."""
    windows = days.windows
    if not days.before or not days.after or not (windows.added or windows.rewritten):
        return None
    new = [_rows(days.after[day]) for day in (*windows.rewritten, *windows.added)]
    old = [_rows(days.before[day]) for day in windows.rewritten]
    if windows.added:
        old += [_rows(table) for table in list(days.before.values())[-max(WEEK, len(windows.added)) :]]
    was, is_now = float(median(old)), float(median(new))
    ratio = max(was, is_now) / max(min(was, is_now), 1.0)
    if ratio < ROWS_RATIO:
        return None
    score = (1 - 1 / ratio) * ROWS_WEIGHT
    return Difference(subject=Subject.ROWS, name="rows", column=None, score=score, fed=lineage.features, rows=(was, is_now))


def _rows(table: ColumnProfiles) -> int:
    return max((column.rows for column in table.values()), default=0)


def _row_counts(days: Days) -> RowCounts:
    before, after = ({day: _rows(table) for day, table in side.items()} for side in (days.before, days.after))
    every_day = sorted(before.keys() | after.keys())
    timed = next((name for name in days.columns if any(len(t[name].hours) for t in days.after.values() if name in t)), None)
    sums = (
        [total({day: table[timed] for day, table in side.items() if timed in table}) for side in (days.before, days.after)] if timed else []
    )
    hours = [one.hours for one in sums if one is not None and len(one.hours)]
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
