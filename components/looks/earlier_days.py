"""Compare a column in each partition or span with what it was like on the good days before."""

from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property

from components.looks.deviation import LEAST_WRONG_ROWS, Deviation
from components.model.checks_section import ChecksSection
from components.profiles.profile import ColumnProfile, ColumnProfiles, sum_column

PARTITIONS_BEFORE = 28
"""How many partitions a new one is compared with: four of each weekday."""
ONE_WEEK = timedelta(days=7)
RECURRENCE_FACTOR = 1.5
"""A problem seen before is reported only above this multiple of its worst earlier value."""
FIRST_DAYS = 3
"""Good days from which values are new that none of them had."""
LEAST_ARRIVED = 0.02


@dataclass(frozen=True)
class Arrival:
    """Values that came to a category on a good day, or on the days right after it."""

    share: float
    """Of the rows of the first of these days."""
    values: frozenset[str]


class Arrivals:
    """The values that came to a category on the good days so far, and that no good day before had: of no others is anything known."""

    def __init__(self) -> None:
        self.found: Mapping[date, Arrival] = {}
        """By the first day of those in a row. Of the first days, and of free text, nothing is known."""
        self.first = frozenset[str]()
        """The values of the first days."""
        self._known, self._is_text, self._days = set[str](), False, 0
        self._since: date | None = None

    def add(self, day: date, column: ColumnProfile) -> None:
        """Add the next good day."""
        self._is_text |= column.has_uncounted_values
        if self._is_text:
            self.found, self.first = {}, frozenset()
            return
        new = {value: rows for value, rows in column.values.items() if value not in self._known}
        rows = sum(new.values())
        if self._days >= FIRST_DAYS and rows >= LEAST_WRONG_ROWS and rows > LEAST_ARRIVED * column.filled:
            self._since = self._since or day
            first = self.found.get(self._since, Arrival(rows / column.filled, frozenset()))
            self.found = {**self.found, self._since: replace(first, values=first.values | new.keys())}
        else:
            self._since = None
        self._known |= new.keys()
        self._days += 1
        if self._days <= FIRST_DAYS:
            self.first |= new.keys()


@dataclass(frozen=True, eq=False)
class Observation:
    """A column in one partition or span, with what it was like before."""

    day: date
    now: ColumnProfile
    earlier: tuple[ColumnProfile, ...] = ()
    """The column in the good partitions before, the oldest first."""
    last: ColumnProfile | None = None
    """The column in the partition just before, good or not."""
    last_day: date | None = None
    ahead: ColumnProfile | None = None
    """The column a week later, if less than a week is known of before."""
    near: int = PARTITIONS_BEFORE
    """How many of `earlier`, the newest, it is compared with."""
    same_weekdays: tuple[ColumnProfile, ...] = ()
    """The column in good partitions of the same weekday, some of them later if few are known before."""
    is_backward: bool = False
    """Whether `earlier` are the partitions that follow, since none are known before."""
    arrivals: Mapping[date, Arrival] = field(default_factory=dict)
    """What came on the good days before, by day."""
    first_values: frozenset[str] = frozenset()
    """The values of the first good days."""
    total: ColumnProfile | None = None
    """The sum of `earlier`, where it is known already."""

    @cached_property
    def before(self) -> ColumnProfile | None:
        """What it is compared with: the sum of the newest of `earlier`. None if there are none."""
        return self.total or (sum_column(self.earlier[-self.near :]) if self.earlier else None)

    def has_come(self, value: str) -> bool:
        """Whether a value came on a good day, however long ago."""
        return value in self.first_values or any(value in arrival.values for arrival in self.arrivals.values())

    def instead(self, now: ColumnProfile, last: ColumnProfile | None = None) -> "Observation":
        """Another column after the same days before, which are not summed up again."""
        other = replace(self, now=now, last=last)
        vars(other).update({name: value for name, value in vars(self).items() if name == "before"})
        return other


Look = Callable[[Observation, ChecksSection], Deviation | None]
"""Tells what is wrong with an observation, or None."""
Occurrences = list[tuple[Observation, Deviation]]


@dataclass(frozen=True)
class Timeline:
    """The partitions, or spans, through which columns are followed."""

    days: Mapping[date, ColumnProfiles]
    """Those to judge."""
    past: Mapping[date, ColumnProfiles]
    """Those that were good before. A day that is also in `days` is given here as it was then."""
    known: Collection[date] = frozenset()
    """Days whose content has not changed since `past`: they passed the gate once and are not judged again."""
    window: int = PARTITIONS_BEFORE
    """How many good partitions are remembered."""
    near: int = PARTITIONS_BEFORE
    """How many of them, the newest, a partition is compared with."""
    has_weekdays: bool = True
    """Whether values may follow the weekday, so that a partition a week later is a witness too."""
    partitions: int = 1
    """How many partitions each of the days stands for, itself and those after it."""

    def of(self, day: date) -> ColumnProfiles:
        """The columns on a day."""
        return self.days.get(day) or self.past.get(day) or {}


def find_occurrences(column: str, timeline: Timeline, judge: Callable[[Observation], Deviation | None]) -> Occurrences:
    """The days on which `judge` finds something wrong with a column.

    A day with a blocking deviation does not become part of the past of the days after it.
    """
    days = {day: table[column] for day, table in timeline.days.items() if column in table}
    past = {day: table[column] for day, table in timeline.past.items() if column in table}
    good: deque[ColumnProfile] = deque(maxlen=timeline.window)
    occurrences, last, last_day = Occurrences(), None, None
    for day in sorted(days.keys() | past.keys()):
        now, deviation = days[day] if day in days else past[day], None
        if day in days and day not in timeline.known:
            ahead = days.get(day + ONE_WEEK) if timeline.has_weekdays and len(good) < ONE_WEEK.days else None
            observation = Observation(day, now, tuple(good), last, last_day, ahead, timeline.near)
            deviation = judge(observation)
            occurrences += [(observation, deviation)] if deviation is not None else []
        if deviation is None or not deviation.blocks:
            good.append(past.get(day, now))
        elif day in past:
            good.append(past[day])
        last, last_day = now, day
    return occurrences


def is_new(look: Look, observation: Observation, checks: ChecksSection, deviation: Deviation) -> bool:
    """Whether no earlier day showed a deviation about as strongly."""
    return not _is_recurrence(deviation.measure, _worst_earlier(look, observation, checks))


def _is_recurrence(now: float, before: float) -> bool:
    """Whether a measure is about what it was before. Shares and divergences end at 1: above one half, nothing up to 1 is new."""
    return now <= RECURRENCE_FACTOR * before or (before > 1 / 2 and now <= 1)


def _worst_earlier(look: Look, observation: Observation, checks: ChecksSection) -> float:
    """The largest measure that a good partition shows by itself: a shop that is closed on Sundays lacks hours on every one."""
    witnesses = [*observation.earlier, *([observation.ahead] if observation.ahead is not None else [])]
    alone = (observation.instead(column) for column in witnesses if len(witnesses) > 1)
    deviations = (look(witness, checks) for witness in alone)
    return max((deviation.measure for deviation in deviations if deviation is not None), default=0.0)
