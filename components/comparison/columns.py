"""How a column differs between two windows: the kinds of change, the share of values they touch, and since when."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from math import sqrt

import numpy as np

from components.comparison.breaks import ABSENT_BY_CHANCE, changed_unit, come_and_go, is_dead, is_usual, only_counts_up, vanished
from components.comparison.days import WEEK, Compared, Days, as_names, differing, total
from components.model.checks_section import WEEKDAYS
from components.profiles.dates import by_distance
from components.profiles.distance import (
    Cells,
    cells,
    chance_divergence,
    jensen_shannon,
    l_infinity,
    population_stability,
    total_variation,
)
from components.profiles.profile import ColumnProfile, ColumnProfiles

LEAST_SHIFT = 0.005
"""Where a smaller share of values differs, it is not worth a person's time, however certain it is."""
SURE = 4.0
"""Standard deviations beyond which chance does not explain a difference; among a thousand columns, none is listed in error."""
RARE_VALUE = 0.01
"""Where a text column has more values than a profile keeps, rarer ones are compared as one group: which of them were kept is chance."""
OTHERS = "(others)"
"""The cell of rare values."""
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
    SHIFT = "shift"


FAULTS = frozenset(ColumnChange) - {ColumnChange.NULLS, ColumnChange.SHIFT}
"""Changes that no change of the world explains; they count more than a shift of the same size."""
FAULT_WEIGHT = 4.0
NEW_BY_NATURE = {ColumnChange.SHIFT, ColumnChange.VANISHED, ColumnChange.UNIT, ColumnChange.DEAD}  # of counters, dates and codes of a year


@dataclass(frozen=True, eq=False, kw_only=True)
class ColumnDifference:
    """A column of two windows: on the days on which the windows differ, and as a whole."""

    name: str
    before: ColumnProfile | None
    """On the days on which the windows differ; None if this window lacks the column or has no such day."""
    after: ColumnProfile | None
    whole_before: ColumnProfile | None
    whole_after: ColumnProfile | None
    cells: Cells | None
    """None if there is nothing to compare."""
    kinds: Mapping[ColumnChange, float] = field(default_factory=dict)
    """The share of the values that each kind of change touches, the worst first. Empty: the same, or within chance."""
    unit: float | None = None
    """By what factor all numbers changed, if it is that of a unit."""
    gone: tuple[str, ...] = ()
    """The values or hours that vanished, the commonest first."""
    counts_up: bool = False
    """Whether it is a counter or a date, whose values are new by nature."""
    is_usual: bool = False
    """Whether blocks of its earlier days are about as far from one another."""
    since: date | None = None
    """The first day of the later window that shows the difference; None if every day does, or no single day is certain."""

    @property
    def share(self) -> float:
        """The share of the values that differ."""
        return max(self.kinds.values(), default=0.0)

    @property
    def is_fault(self) -> bool:
        """Whether one of the changes is a fault."""
        return not FAULTS.isdisjoint(self.kinds)

    @property
    def is_broken_key(self) -> bool:
        """Whether something is to be said of it even if it is a key."""
        return self.is_fault or ColumnChange.NULLS in self.kinds

    @property
    def is_new_by_nature(self) -> bool:
        """Whether nothing is to be said of it but that its values are new."""
        return self.counts_up and self.kinds.keys() <= NEW_BY_NATURE

    @property
    def is_no_news(self) -> bool:
        """Whether it differs as it does from week to week, and nothing broke."""
        return self.is_usual and self.kinds.keys() <= {ColumnChange.SHIFT, ColumnChange.NULLS}

    @property
    def is_numeric(self) -> bool:
        """Whether the earlier values are numbers or times, which have an order."""
        return self.before is not None and (self.before.is_numeric or self.before.times > 0)

    @property
    def severity(self) -> float:
        """The share of the values that differ, with faults weighed heavier."""
        return max((share * _weight(kind) for kind, share in self.kinds.items()), default=0.0)

    @property
    def total_variation(self) -> float:
        """The total variation distance; 0 if nothing is compared, as for the other distances."""
        return total_variation(self.cells) if self.cells else 0.0

    @property
    def jensen_shannon(self) -> float:
        """The Jensen-Shannon divergence in bits."""
        return jensen_shannon(self.cells) if self.cells else 0.0

    @property
    def l_infinity(self) -> float:
        """The largest difference between the shares of a cell."""
        return l_infinity(self.cells) if self.cells else 0.0

    @property
    def population_stability(self) -> float:
        """The population stability index."""
        return population_stability(self.cells) if self.cells else 0.0


def _weight(kind: ColumnChange) -> float:
    return FAULT_WEIGHT if kind in FAULTS else 1.0


def column_difference(days: Days, name: str, *, is_key: bool = False) -> ColumnDifference:
    """Compare a column of two windows. Of a key only NULLs and faults are compared, since its values are new by nature."""
    compared = differing(days := as_names(days, name), name)
    whole_before, whole_after, before, after = map(total, (_of(days.before, name), _of(days.after, name), compared.before, compared.after))
    shared = _shared_cells(before, after, is_key=is_key, days=min(len(compared.before), len(compared.after))) if before and after else None
    kinds = _kinds(whole_before, whole_after, before, after, shared)
    if all(map(is_dead, compared.before.values())):  # as the weekday is on each day
        kinds.pop(ColumnChange.DEAD, None)
    gone = vanished(compared.before, compared.after, shared) if shared and not is_key else {}
    gone = {} if (turns := come_and_go(_of(days.before, name), compared.after)) else gone
    unit = changed_unit(before, after) if before and after and ColumnChange.SHIFT in kinds and not is_key else None
    if unit is not None:
        kinds[ColumnChange.UNIT] = kinds[ColumnChange.SHIFT]
    if gone and ColumnChange.DEAD not in kinds:
        kinds[ColumnChange.VANISHED] = sum(gone.values())
    ranked = dict(sorted(kinds.items(), key=lambda item: -item[1] * _weight(item[0])))
    dated = next((kind for kind in ranked if kind not in (ColumnChange.ABSENT, ColumnChange.TYPE)), None)
    since = _since(compared, before, dated, is_key=is_key) if before else None
    return ColumnDifference(
        name=name,
        before=before,
        after=after,
        whole_before=whole_before,
        whole_after=whole_after,
        cells=shared,
        kinds=ranked,
        unit=unit,
        gone=tuple(gone),
        is_usual=not FAULTS & ranked.keys() and (turns or is_usual(compared.before, compared.after, column_distance)),
        counts_up=only_counts_up([_of(days.before, name), _of(days.after, name)]),
        since=None if since == next(iter(days.after), None) else since,
    )


def _of(days: Mapping[date, ColumnProfiles], name: str) -> dict[date, ColumnProfile]:
    return {day: table[name] for day, table in days.items() if name in table}


def _shared_cells(before: ColumnProfile, after: ColumnProfile, *, is_key: bool = False, days: int = 1) -> Cells:
    """Count the values of both profiles in the same cells.

    Args:
        before: the earlier profile.
        after: the later profile.
        is_key: whether the values are identifiers, so that they are counted in one cell.
        days: the length of the shorter window; weekdays are compared from a week on.
    """
    shared = cells(before, after)
    if is_key:
        values = len(shared.labels) - _special(shared)
        return _merged(shared, np.arange(len(shared.labels)) < values, "values")
    if before.times and after.times:
        if len(before.keys) and len(after.keys) and not len(before.hours):
            return cells(by_distance(before), by_distance(after))
        for name, names in (("hours", [f"{hour} h" for hour in range(24)]), ("weekdays", WEEKDAYS)):
            one, other = getattr(before, name), getattr(after, name)
            if len(one) and len(other) and (name == "hours" or days >= WEEK):
                nulls = ("NULL",)
                return Cells((*names, *nulls), np.append(one, before.nulls), np.append(other, after.nulls))
    if before.has_uncounted_values or after.has_uncounted_values:
        shares = np.maximum(*shared.shares)
        return _merged(shared, (shares < RARE_VALUE) & (np.arange(len(shares)) < len(shares) - _special(shared)), OTHERS)
    return shared


def column_distance(before: ColumnProfile, after: ColumnProfile) -> float:
    """How far two profiles of a column are apart: Jensen-Shannon, in bits."""
    return jensen_shannon(_shared_cells(before, after))


def _special(shared: Cells) -> int:
    """How many of the last cells count NULLs and the like instead of values."""
    return 4 if shared.labels[-1] == "infinity" else 1


def _merged(shared: Cells, chosen: np.ndarray, label: str) -> Cells:
    """Merge the chosen cells into one, in front of the others."""
    is_left = ~chosen
    labels = (label, *(name for name, is_single in zip(shared.labels, is_left, strict=True) if is_single))
    sides = (np.append(side[chosen].sum(), side[is_left]) for side in (shared.before, shared.after))
    return Cells(labels, *sides)


def _kinds(
    whole_before: ColumnProfile | None,
    whole_after: ColumnProfile | None,
    before: ColumnProfile | None,
    after: ColumnProfile | None,
    shared: Cells | None,
) -> dict[ColumnChange, float]:
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
    if (shift := _beyond_chance(shared)) >= LEAST_SHIFT:
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


def _beyond_chance(shared: Cells) -> float:
    """The total variation distance, or 0 if two samples of one distribution may be that far apart."""
    filled = int(((shared.before + shared.after) > 0).sum())
    if filled < 2:
        return 0.0
    bound = chance_divergence(shared) * (1 + SURE * sqrt(2 / (filled - 1)))
    return total_variation(shared) if jensen_shannon(shared) > bound else 0.0


def _since(compared: Compared, before: ColumnProfile, kind: ColumnChange | None, *, is_key: bool) -> date | None:
    """The first later day on which the change is at least half as strong as on its strongest day."""
    if kind is None or not before.rows:
        return None
    count = CHANGE_COUNTS.get(kind)
    strengths = {
        day: count(profile) / max(profile.rows, 1) - count(before) / before.rows
        if count
        else _beyond_chance(_shared_cells(before, profile, is_key=is_key))
        for day, profile in compared.after.items()
    }
    strongest = max(strengths.values(), default=0.0)
    return next((day for day, strength in strengths.items() if strength >= strongest / 2), None) if strongest > 0 else None
