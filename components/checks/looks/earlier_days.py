"""What a column was like before: what each partition, or span, is held against."""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

from components.checks.looks.deviation import Deviation
from components.model.folder import ChecksSection
from components.profiles.profile import ColumnProfile, ColumnProfiles, sum_column

PARTITIONS_BEFORE = 28
"""Four of each weekday."""
ONE_WEEK = timedelta(days=7)
RECURRENCE_FACTOR = 1.5
"""How many times more than ever before it must be, where some of it was there before."""


@dataclass(frozen=True, eq=False)
class Observation:
    """A column in one partition, and what it was like before."""

    day: date
    now: ColumnProfile
    earlier: tuple[ColumnProfile, ...] = ()
    """In the good partitions before, the oldest first."""
    last: ColumnProfile | None = None
    """In the partition just before, good or not."""
    last_day: date | None = None
    ahead: ColumnProfile | None = None
    """A week later, where less than a week is known of before."""
    near: int = PARTITIONS_BEFORE
    """How many of `earlier` it is held against."""

    @cached_property
    def before(self) -> ColumnProfile | None:
        """What it is held against; None for the first of all."""
        return sum_column(self.earlier[-self.near :]) if self.earlier else None


Look = Callable[[Observation, ChecksSection], Deviation | None]
"""Says what is wrong with a column in a partition, or None."""
Occurrences = list[tuple[Observation, Deviation]]


@dataclass(frozen=True)
class Timeline:
    """The partitions, or spans, that a column goes through."""

    days: Mapping[date, ColumnProfiles]
    """What is looked at."""
    past: Mapping[date, ColumnProfiles]
    """What was found good before; where it has a day that `days` has too, it says what that was like then."""
    known: Collection[date] = frozenset()
    """Days whose content is that of `past`: they were let through once, and are not judged again."""
    window: int = PARTITIONS_BEFORE
    """How many partitions are remembered."""
    near: int = PARTITIONS_BEFORE
    """How many of them a partition is held against."""
    has_weekdays: bool = True
    """Whether a partition may be like that of a week before or after, rather than the day before."""


def find_occurrences(column: str, course: Timeline, judge: Callable[[Observation], Deviation | None]) -> Occurrences:
    """Where something is wrong with a column. What blocks does not become part of the past of what comes after."""
    days = {day: table[column] for day, table in course.days.items() if column in table}
    past = {day: table[column] for day, table in course.past.items() if column in table}
    good: deque[ColumnProfile] = deque(maxlen=course.window)
    found, last, last_day = Occurrences(), None, None
    for day in sorted(days.keys() | past.keys()):
        now, measure = days[day] if day in days else past[day], None
        if day in days and day not in course.known:
            ahead = days.get(day + ONE_WEEK) if course.has_weekdays and len(good) < ONE_WEEK.days else None
            step = Observation(day, now, tuple(good), last, last_day, ahead, course.near)
            measure = judge(step)
            found += [(step, measure)] if measure is not None else []
        if measure is None or not measure.blocks:
            good.append(past.get(day, now))
        elif day in past:
            good.append(past[day])
        last, last_day = now, day
    return found


def first_deviation(looks: Sequence[Look], step: Observation, checks: ChecksSection) -> Deviation | None:
    """The first thing that is wrong, and was not about as wrong before."""
    for look in looks:
        measure = look(step, checks)
        if measure is not None and not is_recurrence(measure.measure, _worst_earlier(look, step, checks)):
            return measure
    return None


def is_recurrence(now: float, before: float) -> bool:
    """Whether so much of it is nothing new. Shares and divergences end at 1, and can hardly be more than one that was above a half."""
    return now <= RECURRENCE_FACTOR * before or (before > 1 / 2 and now <= 1)


def _worst_earlier(look: Look, step: Observation, checks: ChecksSection) -> float:
    """The most of it that one of the good partitions shows by itself: a shop that is closed on Sundays lacks hours on every one."""
    witnesses = [*step.earlier, *([step.ahead] if step.ahead is not None else [])]
    alone = (replace(step, now=one, last=None) for one in witnesses if len(witnesses) > 1)
    return max((measure.measure for one in alone if (measure := look(one, checks)) is not None), default=0.0)
