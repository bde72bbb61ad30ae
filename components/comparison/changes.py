"""What kinds of change a column can have, and which of them two profiles show."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from math import sqrt

from components.comparison.breaks import ABSENT_BY_CHANCE, is_dead
from components.profiles.distance import Cells, chance_divergence, jensen_shannon, total_variation
from components.profiles.profile import ColumnProfile

LEAST_SHIFT = 0.005
"""Where a smaller share of values differs, it is not worth a person's time, however certain it is."""
SURE = 4.0
"""Standard deviations beyond which chance does not explain a difference; among a thousand columns, none is listed in error."""
NUMERIC_TYPES = frozenset({"INTEGER", "FLOAT", "NUMERIC", "BIGNUMERIC"})


class ColumnChange(StrEnum):
    """What happened to a column."""

    ABSENT = "absent"
    """Only one window has the column."""
    TYPE = "type"
    TEXT = "text"
    """A column of numbers holds text that is no number."""
    UNFINITE = "not finite"
    DEAD = "dead"
    """Every value is NULL, or the same value, where there were others."""
    DAMAGED = "damaged"
    """Text was decoded with a wrong encoding."""
    NULLS = "NULL"
    UNIT = "unit"
    """All numbers are a unit's factor larger or smaller."""
    VANISHED = "vanished"
    """An hour, or a value of a category, is gone."""
    TURNED = "turned"
    """Two values changed places."""
    CLOCK = "clock"
    """The day's pattern is at other hours."""
    SHIFT = "shift"


FAULTS = frozenset(ColumnChange) - {ColumnChange.NULLS, ColumnChange.SHIFT}
"""Changes that no change of the world explains; they count more than a shift of the same size."""


def kinds_of_change(
    whole_before: ColumnProfile | None,
    whole_after: ColumnProfile | None,
    before: ColumnProfile | None,
    after: ColumnProfile | None,
    shared: Cells | None,
) -> dict[ColumnChange, float]:
    """The share of the values that each kind of change touches, those aside that it takes days to tell.

    Args:
        whole_before: the whole earlier window.
        whole_after: the whole later one.
        before: the earlier days that are compared.
        after: the later ones.
        shared: both in the same cells.
    """
    if whole_before is None or whole_after is None:
        return {ColumnChange.ABSENT: 1.0}
    kinds: dict[ColumnChange, float] = {}
    if whole_before.type != whole_after.type:
        kinds[ColumnChange.TYPE] = 0.1 if {whole_before.type, whole_after.type} <= NUMERIC_TYPES else 1.0
    if before is None or after is None or shared is None:
        return kinds
    for kind, count in CHANGE_COUNTS.items():
        counts_here = kind != ColumnChange.TEXT or before.is_numeric
        if counts_here and (rise := _share_increase(count(before), before.rows, count(after), after.rows, any_new_counts=kind in FAULTS)):
            kinds[kind] = rise
    if is_dead(after) and not is_dead(before) and (1 - total_variation(shared)) ** after.rows <= ABSENT_BY_CHANCE:
        kinds[ColumnChange.DEAD] = total_variation(shared)
    if (shift := beyond_chance(shared)) >= LEAST_SHIFT:
        kinds[ColumnChange.SHIFT] = shift
    return kinds


CHANGE_COUNTS: Mapping[ColumnChange, Callable[[ColumnProfile], int]] = {
    ColumnChange.TEXT: lambda profile: profile.texts,
    ColumnChange.UNFINITE: lambda profile: profile.nans + profile.infinities,
    ColumnChange.DAMAGED: lambda profile: profile.damaged,
    ColumnChange.NULLS: lambda profile: profile.nulls,
}


def _share_increase(before: int, before_rows: int, after: int, after_rows: int, *, any_new_counts: bool) -> float:
    """By how much a share has risen; 0 if it has not, or if chance explains it.

    With `any_new_counts`, a first occurrence counts as certain.
    """
    if not before_rows or not after_rows:
        return 0.0
    rise = after / after_rows - before / before_rows
    both = (before + after) / (before_rows + after_rows)
    deviation = sqrt(both * (1 - both) * (1 / before_rows + 1 / after_rows))
    is_sure = rise > SURE * deviation or (any_new_counts and after > 0 and before == 0)
    return rise if rise > 0 and is_sure else 0.0


def beyond_chance(shared: Cells) -> float:
    """The total variation distance, or 0 if two samples of one distribution may be that far apart."""
    filled = int(((shared.before + shared.after) > 0).sum())
    if filled < 2:
        return 0.0
    bound = chance_divergence(shared) * (1 + SURE * sqrt(2 / (filled - 1)))
    return total_variation(shared) if jensen_shannon(shared) > bound else 0.0
