"""How a column of two windows differs: by which kinds of change, how much of it, and since when."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from math import sqrt

import numpy as np

from components.diagnosis.data.days import Compared, Days, differing, total
from components.profiles.distance import (
    Cells,
    cells,
    chance_divergence,
    jensen_shannon,
    l_infinity,
    population_stability,
    total_variation,
)
from components.profiles.profile import ColumnProfile

LEAST_SHIFT = 0.005
"""Smaller shares of values that differ are not worth a person's time, however sure they are."""
SURE = 4.0
"""Standard deviations beyond which chance does not explain a difference: among a thousand columns none is listed in vain."""
COMMON = 0.01
"""Of a text with more values than are kept, those below this share are counted as others: whether they were kept is chance."""
NUMBERS = frozenset({"INTEGER", "FLOAT", "NUMERIC", "BIGNUMERIC"})
WEEK = 7


class Kind(StrEnum):
    """What happened to a column."""

    ABSENT = "absent"
    """Only one window has it."""
    TYPE = "type"
    TEXT = "text"
    """Of a column of numbers: text that is none."""
    UNFINITE = "not finite"
    DEAD = "dead"
    """NULL everywhere, or one value, where there were others."""
    DAMAGED = "damaged"
    """Text in a wrong encoding."""
    NULLS = "NULL"
    SHIFT = "shift"


FAULTS = frozenset({Kind.ABSENT, Kind.TYPE, Kind.TEXT, Kind.UNFINITE, Kind.DEAD, Kind.DAMAGED})
"""What no change of the world explains: these count more than a shift of the same size."""
FAULT_WEIGHT = 4.0


@dataclass(frozen=True, eq=False, kw_only=True)
class ColumnDifference:
    """A column of two windows, side by side: on the days that tell them apart, and as a whole."""

    name: str
    before: ColumnProfile | None
    """On the days that tell the windows apart; None if the column, or such a day, is not there."""
    after: ColumnProfile | None
    whole_before: ColumnProfile | None
    whole_after: ColumnProfile | None
    cells: Cells | None
    """None where there is nothing to compare."""
    kinds: Mapping[Kind, float] = field(default_factory=dict)
    """The share of the values that each kind of change touches, the worst first. None: the same, or within chance."""
    since: date | None = None
    """The first day of the later window that is as the difference says; None if all of it is, or no day alone is sure."""

    @property
    def share(self) -> float:
        """Of the values, how many differ."""
        return max(self.kinds.values(), default=0.0)

    @property
    def is_fault(self) -> bool:
        """Whether one of its kinds is a fault."""
        return not FAULTS.isdisjoint(self.kinds)

    @property
    def is_numeric(self) -> bool:
        """Whether the earlier values are numbers or times, which have an order."""
        return self.before is not None and (self.before.is_numeric or self.before.times > 0)

    @property
    def severity(self) -> float:
        """The share, a fault's weighed heavier."""
        return max((share * _weight(kind) for kind, share in self.kinds.items()), default=0.0)

    @property
    def total_variation(self) -> float:
        """0 where nothing is compared, as the other distances."""
        return total_variation(self.cells) if self.cells else 0.0

    @property
    def jensen_shannon(self) -> float:
        """In bits."""
        return jensen_shannon(self.cells) if self.cells else 0.0

    @property
    def l_infinity(self) -> float:
        """The largest difference of a cell's share."""
        return l_infinity(self.cells) if self.cells else 0.0

    @property
    def population_stability(self) -> float:
        """The population stability index."""
        return population_stability(self.cells) if self.cells else 0.0


def _weight(kind: Kind) -> float:
    return FAULT_WEIGHT if kind in FAULTS else 1.0


def column_difference(days: Days, name: str, *, is_key: bool = False) -> ColumnDifference:
    """A column of two windows. Of a key only what is no value is compared: identifiers are new by nature."""
    compared = differing(days, name)
    whole_before = total({day: table[name] for day, table in days.before.items() if name in table})
    whole_after = total({day: table[name] for day, table in days.after.items() if name in table})
    before, after = total(compared.before), total(compared.after)
    found = shared_cells(before, after, is_key=is_key, days=min(len(compared.before), len(compared.after))) if before and after else None
    kinds = _kinds(whole_before, whole_after, before, after, found)
    ranked = dict(sorted(kinds.items(), key=lambda item: -item[1] * _weight(item[0])))
    dated = next((kind for kind in ranked if kind not in (Kind.ABSENT, Kind.TYPE)), None)
    since = _since(compared, before, dated, is_key=is_key) if before else None
    return ColumnDifference(
        name=name,
        before=before,
        after=after,
        whole_before=whole_before,
        whole_after=whole_after,
        cells=found,
        kinds=ranked,
        since=None if since == next(iter(days.after), None) else since,
    )


def shared_cells(before: ColumnProfile, after: ColumnProfile, *, is_key: bool = False, days: int = 1) -> Cells:
    """The cells that the column's values are compared on: `distance.cells`, and the same for times and for keys.

    Args:
        before: the one profile.
        after: the other.
        is_key: whether the values mean nothing.
        days: of the shorter window; from a week on weekdays can be compared.
    """
    found = cells(before, after)
    if is_key:
        values = len(found.labels) - _special(found)
        return _merged(found, np.arange(len(found.labels)) < values, "values")
    if before.times and after.times:
        for name, names in (("hours", [f"{hour} h" for hour in range(24)]), ("weekdays", WEEKDAYS)):
            one, other = getattr(before, name), getattr(after, name)
            if len(one) and len(other) and (name == "hours" or days >= WEEK):
                nulls = ("NULL",)
                return Cells((*names, *nulls), np.append(one, before.nulls), np.append(other, after.nulls))
    if before.has_uncounted_values or after.has_uncounted_values:
        shares = np.maximum(*found.shares)
        return _merged(found, (shares < COMMON) & (np.arange(len(shares)) < len(shares) - _special(found)), "(others)")
    return found


WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _special(found: Cells) -> int:
    """How many of the last cells are no values."""
    return 4 if found.labels[-1] == "infinity" else 1


def _merged(found: Cells, chosen: np.ndarray, label: str) -> Cells:
    """The cells with the chosen ones as one, in front."""
    kept = ~chosen
    labels = (label, *(name for name, is_kept in zip(found.labels, kept, strict=True) if is_kept))
    sides = (np.append(side[chosen].sum(), side[kept]) for side in (found.before, found.after))
    return Cells(labels, *sides)


def _kinds(
    whole_before: ColumnProfile | None,
    whole_after: ColumnProfile | None,
    before: ColumnProfile | None,
    after: ColumnProfile | None,
    found: Cells | None,
) -> dict[Kind, float]:
    if whole_before is None or whole_after is None:
        return {Kind.ABSENT: 1.0}
    kinds: dict[Kind, float] = {}
    if whole_before.type != whole_after.type:
        kinds[Kind.TYPE] = 0.1 if {whole_before.type, whole_after.type} <= NUMBERS else 1.0
    if before is None or after is None or found is None:
        return kinds
    for kind, count in COUNTED.items():
        counts_here = kind != Kind.TEXT or before.is_numeric
        if counts_here and (rise := risen(count(before), before.rows, count(after), after.rows, never=kind in FAULTS)):
            kinds[kind] = rise
    if _is_dead(after) and not _is_dead(before):
        kinds[Kind.DEAD] = total_variation(found)
    if (shift := beyond_chance(found)) >= LEAST_SHIFT:
        kinds[Kind.SHIFT] = shift
    return kinds


COUNTED: Mapping[Kind, Callable[[ColumnProfile], int]] = {
    Kind.TEXT: lambda profile: profile.texts,
    Kind.UNFINITE: lambda profile: profile.nans + profile.infinities,
    Kind.DAMAGED: lambda profile: profile.damaged,
    Kind.NULLS: lambda profile: profile.nulls,
}


def risen(before: int, before_rows: int, after: int, after_rows: int, *, never: bool) -> float:
    """By how much a share has risen; 0 where it has not, or chance explains it. With `never`, one where there was none is no chance."""
    if not before_rows or not after_rows:
        return 0.0
    rise = after / after_rows - before / before_rows
    both = (before + after) / (before_rows + after_rows)
    deviation = sqrt(both * (1 - both) * (1 / before_rows + 1 / after_rows))
    is_sure = rise > SURE * deviation or (never and after > 0 and before == 0)
    return rise if rise > 0 and is_sure else 0.0


def _is_dead(profile: ColumnProfile) -> bool:
    one_number = profile.low == profile.high and profile.numbers == profile.rows
    one_text = len(profile.values) == 1 and not profile.others and not profile.nulls
    return profile.rows > 0 and (profile.nulls == profile.rows or one_number or one_text)


def beyond_chance(found: Cells) -> float:
    """The total variation, or 0 where two samples of the same distribution may be so far apart."""
    filled = int(((found.before + found.after) > 0).sum())
    if filled < 2:
        return 0.0
    bound = chance_divergence(found) * (1 + SURE * sqrt(2 / (filled - 1)))
    return total_variation(found) if jensen_shannon(found) > bound else 0.0


def _since(compared: Compared, before: ColumnProfile, kind: Kind | None, *, is_key: bool) -> date | None:
    """The first later day on which the kind of change is at least half as strong as on the strongest."""
    if kind is None or not before.rows:
        return None
    count = COUNTED.get(kind)
    strengths = {
        day: count(profile) / max(profile.rows, 1) - count(before) / before.rows
        if count
        else beyond_chance(shared_cells(before, profile, is_key=is_key))
        for day, profile in compared.after.items()
    }
    strongest = max(strengths.values(), default=0.0)
    return next((day for day, strength in strengths.items() if strength >= strongest / 2), None) if strongest > 0 else None
