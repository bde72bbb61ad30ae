"""Follow the columns of a table through its partitions: each is held against the good ones before it, all looks of a day together."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby, islice
from math import ceil

from components.looks.data_check import DataCheck, Severity
from components.looks.deviation import Deviation
from components.looks.earlier_days import ONE_WEEK, PARTITIONS_BEFORE, Arrivals, Look, Observation, Occurrences, Timeline, is_new
from components.looks.usual import Daily, Series, holm
from components.model.checks_section import ChecksSection
from components.profiles.profile import ColumnProfile
from components.profiles.rolling import RollingSum

FINDINGS_A_YEAR = 1.0
"""So many false findings a year are asked of chance, over all columns and looks of a partition each day."""
FINDINGS_A_FIRST_YEAR = 0.1
"""So many in a first run, which judges months at once."""
LEAST_HISTORY = 7
"""Good partitions before, below which a look says nothing of what may be chance."""
SURE_HISTORY = 14
"""Below so many it only warns."""
EARLY_PARTITIONS = 15
"""The first partitions of a first run have no past: they are held against those that follow."""
SMALL_GROUP, LEAST_GROUPS = 3, 2
"""Groups of so few partitions may be what one of them is: what a day may be has to be true of two in a row."""
SAME_WEEKDAYS = 8
LATER_WEEKDAYS = 4
"""Of the same weekday, so many before are known, or if there are too few, so many after."""

Measure = Callable[[Observation], Daily | None]


@dataclass(frozen=True)
class Looks:
    """The looks at a column, in the order of how closely they name a cause."""

    all: tuple[Look, ...]
    certain: frozenset[Look]
    """What they find is never chance, however little is known of before."""
    rates: Mapping[Look, Measure]
    """Those whose measure every day has, so that what is usual is known of it; the others are held against the worst of the days before."""
    level: Callable[[Observation, Series, ChecksSection], tuple[int, Deviation] | None] | None = None
    """Tells of how many of the last days the rate of the first of `rates` is on a new level."""
    deadly: frozenset[Look] = frozenset()
    """They find columns that died, of which any history is enough to tell."""
    weekly: frozenset[Look] = frozenset()
    """They know what the same weekdays are like."""
    one_way: frozenset[Look] = frozenset()
    """They compare with days before, and say nothing by the days after."""


@dataclass
class _Past:
    """What is known of a column before a day."""

    good: RollingSum = field(default_factory=lambda: RollingSum(PARTITIONS_BEFORE))
    weekdays: dict[int, deque[ColumnProfile]] = field(default_factory=dict)
    series: dict[Look, Series] = field(default_factory=dict)
    arrivals: Arrivals = field(default_factory=Arrivals)
    last: tuple[date, ColumnProfile] | None = None
    alone: list[tuple[Observation, Mapping[Look, Daily]]] = field(default_factory=list)
    """Days that were wrong in what may be right for once: they become past if the days after them are not."""
    in_a_row: int = 0
    recent: deque[Observation] = field(default_factory=lambda: deque(maxlen=10))

    def add(self, observation: Observation, measured: Mapping[Look, Daily]) -> None:
        """The day was good: it is known of the days to come."""
        self.good.add(observation.now)
        self.arrivals.add(observation.day, observation.now)
        self.weekdays.setdefault(observation.day.weekday(), deque(maxlen=SAME_WEEKDAYS)).append(observation.now)
        for look, daily in measured.items():
            self.series.setdefault(look, Series()).add(observation.day, daily)
        self.recent.append(observation)

    def settle(self, wrong: Sequence[Deviation]) -> None:
        """What is wrong on the next day is known: a storm that is over by then was weather, and belongs to what is usual."""
        lasting = [deviation.lasting for deviation in wrong if deviation.blocks]
        self.in_a_row = self.in_a_row + 1 if lasting else 0
        if not lasting:
            for observation, measured in self.alone:
                self.add(observation, measured)
        if not lasting or self.in_a_row >= min(lasting):
            self.alone = []

    def wait(self, observation: Observation, measured: Mapping[Look, Daily], wrong: Sequence[Deviation]) -> None:
        """The day was wrong in what a day may be."""
        if self.in_a_row < min((deviation.lasting for deviation in wrong if deviation.blocks), default=1):
            self.alone.append((observation, measured))


@dataclass(frozen=True)
class _Asked:
    """One look at one column on the day."""

    column: str
    observation: Observation
    deviation: Deviation | None
    is_rate: bool
    """Whether it has a probability on every day."""


def follow(timeline: Timeline, columns: Sequence[str], looks: Callable[[str], Looks], checks: ChecksSection) -> dict[str, Occurrences]:
    """The days on which something is wrong with a column, by column, ascending.

    A day that blocks does not become part of the past of the days after it.
    """
    order = sorted({*timeline.days, *timeline.past})
    judged = [day for day in order if day in timeline.days and day not in timeline.known]
    early = order[:EARLY_PARTITIONS] if not timeline.past and len(order) >= 2 * EARLY_PARTITIONS else []
    walk = _Walk(timeline, columns, {name: looks(name) for name in columns}, {name: checks.of(name) for name in columns})
    found = walk.through(order, {*judged} - {*early}, {})
    if early:
        bad = {name: {observation.day for observation, _ in occurrences} for name, occurrences in found.items()}
        first = walk.through([*reversed(order)], {*early}, bad)
        found = {name: [*reversed(first[name]), *found[name]] for name in columns}
    return {name: require_lasting(occurrences, order, timeline.partitions) for name, occurrences in found.items()}


def require_lasting(occurrences: Occurrences, order: Sequence[date], size: int = 1) -> Occurrences:
    """What a day or two may be right with warns, where neither enough days in a row nor the same weekday a week away are alike.

    Each day stands for `size` partitions.
    """
    wrong: dict[DataCheck, set[date]] = {}
    for observation, deviation in occurrences:
        wrong.setdefault(deviation.check, set()).add(observation.day)
    runs = {(check, day): run for check, days in wrong.items() for run in _runs(days, order) for day in run}

    def is_short(found: Deviation, day: date) -> bool:
        enough = max(ceil(found.lasting / size), min(found.lasting, LEAST_GROUPS) if 1 < size <= SMALL_GROUP else 1)
        return len(runs[found.check, day]) < enough and not wrong[found.check] & {day - ONE_WEEK, day + ONE_WEEK}

    return [(one, replace(found, severity=Severity.WARNS) if is_short(found, one.day) else found) for one, found in occurrences]


def _runs(days: Collection[date], order: Sequence[date]) -> list[list[date]]:
    """The stretches of the order that are all of these days."""
    return [[*group] for is_in, group in groupby(order, lambda day: day in days) if is_in]


@dataclass(frozen=True)
class _Walk:
    timeline: Timeline
    columns: Sequence[str]
    looks: Mapping[str, Looks]
    checks: Mapping[str, ChecksSection]

    def through(self, order: Sequence[date], judged: Collection[date], bad: Mapping[str, Collection[date]]) -> dict[str, Occurrences]:
        """Judge days in an order; `bad` are days that were found bad before and are no past."""
        pasts, found = {name: _Past() for name in self.columns}, {name: Occurrences() for name in self.columns}
        backward = len(order) > 1 and order[0] > order[-1]
        last_judged = (min if backward else max)(judged, default=None)
        for day in order:
            if last_judged is None or (day < last_judged if backward else day > last_judged):
                break
            observed = {name: _observe(self.timeline, name, day, past, backward) for name, past in pasts.items()}
            wrong = self._wrong(observed, pasts) if day in judged else {}
            for name, observation in observed.items():
                if observation is None:
                    continue
                found[name] += [(observation, deviation) for deviation in wrong.get(name, ())]
                pasts[name].settle(wrong.get(name, ()))
                good = not any(deviation.blocks for deviation in wrong.get(name, ())) and day not in bad.get(name, ())
                kept = self.timeline.past.get(day, {}).get(name)
                if good or kept is not None:
                    observation = observation if good or kept is None else observation.instead(kept, observation.last)
                    pasts[name].add(observation, self._measured(name, observation))
                elif day not in bad.get(name, ()):
                    pasts[name].wait(observation, self._measured(name, observation), wrong.get(name, ()))
                if good and day in judged:
                    found[name] += self._new_level(name, observation, pasts[name], found[name])
                pasts[name].last = day, observed[name].now  # type: ignore[union-attr]
        return found

    def _measured(self, name: str, observation: Observation) -> dict[Look, Daily]:
        daily = {look: measure(observation) for look, measure in self.looks[name].rates.items()}
        return {look: one for look, one in daily.items() if one is not None}

    def _wrong(self, observed: Mapping[str, Observation | None], pasts: Mapping[str, _Past]) -> dict[str, list[Deviation]]:
        """What is wrong on a day, by column: of each column the first look that finds something which chance does not explain."""
        asked = [
            one for name, observation in observed.items() if observation is not None for one in self._ask(name, observation, pasts[name])
        ]
        chances = [one.deviation.chance for one in asked if one.deviation is not None]
        family = len(observed) + sum(one.is_rate for one in asked)  # what is no rate says little that is near its bound: one a column
        asked_for = FINDINGS_A_YEAR if self.timeline.past else FINDINGS_A_FIRST_YEAR
        passed = holm(chances, max(family, len(chances)), asked_for / 365)
        wrong: dict[str, list[Deviation]] = {}
        for one in asked:
            if one.deviation is not None and one.deviation.chance <= passed and one.column not in wrong:
                wrong[one.column] = [one.deviation]
        return wrong

    def _ask(self, name: str, observation: Observation, past: _Past) -> Iterable[_Asked]:
        looks, checks = self.looks[name], self.checks[name]
        is_unsure = len(observation.earlier) * self.timeline.partitions < SURE_HISTORY
        for look in looks.all:
            is_certain = look in looks.certain
            is_thin = len(observation.earlier) < LEAST_HISTORY and not is_certain
            if not observation.earlier or (is_thin and look not in looks.deadly):
                continue
            if observation.is_backward and look in looks.one_way:
                continue
            deviation = look(observation, checks)
            if is_thin and deviation is not None and deviation.measure < 1:
                deviation = None  # only a column that died is no chance
            if deviation is not None and look in looks.rates:
                deviation = _judged(deviation, look, looks, observation, past, checks)
            elif deviation is not None and look not in looks.weekly and not is_new(look, observation, checks, deviation):
                deviation = None
            if deviation is not None and not is_certain and is_unsure and not deviation.is_total:
                deviation = replace(deviation, severity=Severity.WARNS)
            is_rate = look in looks.rates and looks.rates[look](observation) is not None
            if deviation is not None or is_rate:
                yield _Asked(name, observation, deviation, is_rate)

    def _new_level(self, name: str, observation: Observation, past: _Past, found: Occurrences) -> Occurrences:
        looks = self.looks[name]
        series = past.series.get(next(iter(looks.rates)))
        level = looks.level(observation, series, self.checks[name]) if looks.level is not None and series is not None else None
        if level is None:
            return []
        days, deviation = level
        told = {one.day for one, _ in found}
        return [(one, deviation) for one in [*past.recent][-days:] if one.day not in told]


def _judged(
    deviation: Deviation, look: Look, looks: Looks, observation: Observation, past: _Past, checks: ChecksSection
) -> Deviation | None:
    """A deviation with its chance by what the column's days are like; None if it is nothing new where that is not known."""
    daily = looks.rates[look](observation)
    series = past.series.get(look)
    chance = series.chance(observation.day, daily) if series is not None and daily is not None else None
    if chance is None:
        new = is_new(look, observation, checks, deviation)
        return replace(deviation, severity=deviation.severity if deviation.is_total else Severity.WARNS) if new else None
    # Near a share of 1 the odds of a few clusters say little; the look itself knows how likely it is that all of them are alike.
    return deviation if deviation.measure >= 1 else replace(deviation, chance=chance)


def _observe(timeline: Timeline, name: str, day: date, past: _Past, backward: bool) -> Observation | None:
    table = timeline.of(day)
    if name not in table:
        return None
    same = [*past.weekdays.get(day.weekday(), ())]
    if len(same) < LATER_WEEKDAYS and not backward:
        later = (other for other in sorted(timeline.days) if other > day and other.weekday() == day.weekday())
        same += [timeline.days[other][name] for other in islice(later, LATER_WEEKDAYS) if name in timeline.days[other]]
    return Observation(
        day,
        table[name],
        tuple(past.good.profiles),
        past.last[1] if past.last else None,
        past.last[0] if past.last else None,
        same_weekdays=tuple(same),
        is_backward=backward,
        arrivals=past.arrivals.found,
        first_values=past.arrivals.first,
        total=past.good.total(),
    )
