"""How a column differs between two windows: the kinds of change, the share of values they touch, and since when."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import takewhile

from components.comparison.breaks import (
    changed_unit,
    come_and_go,
    is_dead,
    is_usual,
    last_seen,
    only_counts_up,
    vanished,
)
from components.comparison.changes import CHANGE_COUNTS, FAULTS, ColumnChange, beyond_chance, kinds_of_change
from components.comparison.days import Compared, Days, as_names, differing, total
from components.comparison.rearranged import changed_places, hours_moved
from components.comparison.shared_cells import column_distance, shared_cells
from components.profiles.distance import Cells, jensen_shannon, l_infinity, population_stability, total_variation
from components.profiles.profile import ColumnProfile, ColumnProfiles

BREAKS = FAULTS | {ColumnChange.NULLS}
FAULT_WEIGHT = 4.0
OF_THE_TABLE = frozenset({ColumnChange.ABSENT, ColumnChange.TYPE})
EMPTIER = 0.2
"""A column is broken, too, if the share of its NULLs has risen by this much."""
MOST_STARTS = 4
"""Of the days on which something may have broken, so many are tried."""
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
    hours: int = 0
    """By how many hours the day's pattern moved."""
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
    def dated(self) -> list[ColumnChange]:
        """The kinds of change by which it is told since when the column is another, the worst first: those that each day may have."""
        found = [ColumnChange.SHIFT if kind in FAULTS - CHANGE_COUNTS.keys() else kind for kind in self.kinds if kind not in OF_THE_TABLE]
        return list(dict.fromkeys(found)) or [ColumnChange.SHIFT]

    @property
    def is_fault(self) -> bool:
        """Whether one of the changes is a fault."""
        return not FAULTS.isdisjoint(self.kinds)

    @property
    def is_emptier(self) -> bool:
        """Whether many more values are NULL."""
        return null_share(self.after) - null_share(self.before) >= EMPTIER

    @property
    def is_break(self) -> bool:
        """Whether something broke, so that newer data are no remedy."""
        return self.is_fault or (self.is_emptier and ColumnChange.NULLS in self.kinds)

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


def null_share(profile: ColumnProfile | None) -> float:
    """The share of the rows that are NULL."""
    return profile.nulls / profile.rows if profile and profile.rows else 0.0


def column_difference(days: Days, name: str, *, is_key: bool = False) -> ColumnDifference:
    """Compare a column of two windows, from the day on which it broke, so that no good day before it waters that down.

    Of a key only NULLs and faults are compared, since its values are new by nature.
    """
    compared = differing(days := as_names(days, name), name)
    whole = _difference(days, name, compared, is_key=is_key)
    found = [whole]
    if whole.before is not None and whole.after is not None:
        first = next(iter(compared.after))
        starts = [day for kind in whole.dated for day in _starts(compared, whole.before, kind, is_key=is_key)]
        found = [replace(whole, since=next((day for day in starts[:1] if day != next(iter(days.after))), None) if whole.kinds else None)]
        gone = dict.fromkeys(last_seen(compared.before, compared.after)[:MOST_STARTS], frozenset({ColumnChange.VANISHED}))
        for day, kinds in {**gone, **dict.fromkeys(starts, BREAKS)}.items():
            sharper = _difference(days, name, compared.since(day), is_key=is_key) if day > first else whole
            found += [replace(sharper, since=day)] if day > first and sharper.is_break and not kinds.isdisjoint(sharper.kinds) else []
    worst = max(found, key=lambda one: (one.is_break, [share * _weight(kind) for kind, share in one.kinds.items()]))
    return replace(worst, counts_up=only_counts_up([_of(days.before, name), _of(days.after, name)])) if worst.kinds else worst


def _difference(days: Days, name: str, compared: Compared, *, is_key: bool) -> ColumnDifference:
    whole_before, whole_after, before, after = map(total, (_of(days.before, name), _of(days.after, name), compared.before, compared.after))
    shared = shared_cells(before, after, is_key=is_key, days=min(len(compared.before), len(compared.after))) if before and after else None
    kinds = kinds_of_change(whole_before, whole_after, before, after, shared)
    if all(map(is_dead, compared.before.values())):  # as the weekday is on each day
        kinds.pop(ColumnChange.DEAD, None)
    gone = vanished(compared.before, compared.after, shared) if shared and not is_key else {}
    gone = {} if (turns := come_and_go(_of(days.before, name), compared.after)) else gone
    if gone and ColumnChange.DEAD not in kinds:
        kinds[ColumnChange.VANISHED] = sum(gone.values())
    unit, hours = None, 0
    if before and after and shared and ColumnChange.SHIFT in kinds and not is_key:
        unit, hours = changed_unit(before, after), hours_moved(compared.before, compared.after)
        is_turned = changed_places(shared, (shared_cells(day, after) for day in compared.before.values()))
        explained = {ColumnChange.UNIT: unit is not None, ColumnChange.CLOCK: bool(hours), ColumnChange.TURNED: is_turned}
        kinds |= {kind: kinds[ColumnChange.SHIFT] for kind, is_so in explained.items() if is_so}
    return ColumnDifference(
        name=name,
        before=before,
        after=after,
        whole_before=whole_before,
        whole_after=whole_after,
        cells=shared,
        kinds=dict(sorted(kinds.items(), key=lambda item: -item[1] * _weight(item[0]))),
        unit=unit,
        gone=tuple(gone),
        hours=hours,
        is_usual=bool(kinds) and not FAULTS & kinds.keys() and (turns or is_usual(compared.before, compared.after, column_distance)),
    )


def _of(days: Mapping[date, ColumnProfiles], name: str) -> dict[date, ColumnProfile]:
    return {day: table[name] for day, table in days.items() if name in table}


def _starts(compared: Compared, before: ColumnProfile, kind: ColumnChange, *, is_key: bool) -> list[date]:
    """The first later day on which a change is at least half as strong as on its strongest day, and the first of the last days with it."""
    if not before.rows:
        return []
    count = CHANGE_COUNTS.get(kind)
    strengths = {
        day: count(profile) / max(profile.rows, 1) - count(before) / before.rows
        if count
        else beyond_chance(shared_cells(before, profile, is_key=is_key))
        for day, profile in compared.after.items()
    }
    strongest = max(strengths.values(), default=0.0)
    last = [*takewhile(lambda day: strengths[day] > 0, reversed(strengths))]
    return [next(day for day, strength in strengths.items() if strength >= strongest / 2), *last[-1:]] if strongest > 0 else []
