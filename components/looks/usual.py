"""What is usual for a number that every day has: its centre, how far days are from it, and how unlikely a new day is.

The spread is that of the days themselves, and includes what the sample of one day leaves to chance.
"""

import math
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from statistics import median

import numpy as np

RECENT_DAYS = 14
SAME_WEEKDAY = 6
"""The centre is the median of the last 14 days; and that of the last 6 days of the same weekday, from LEAST_WEEKDAYS on."""
LEAST_RECENT = 7
LEAST_WEEKDAYS = 4
LEAST_MISSES = 8
"""Days whose distance from their centre must be known before a new day can be judged."""
LEAST_DAYS = 3
"""So many days tell how much alike they are."""
KEPT_DAYS = 400
NOVEL_FACTOR = 1.3
"""A day must be so many times as far from its centre as all but one of the days before."""
MOST_FREEDOM = 12
"""Degrees of freedom of Student's t, however many days are known: days have heavy tails."""
LEVEL_DAYS = (5, 10)
"""So many days together are a new level if none as many before were about as far away."""
BEFORE_LEVEL = 28
FALLEN_DAYS, FALLEN_PART, FALLEN_FACTOR = 10, 0.8, 1.5
"""So many days with at most this part of their rows, so many times as far from what is usual as any were, are a lower level."""
LEAST_LEVEL_DAYS = 100
"""Days before that it takes to know how levels move."""


@dataclass(frozen=True)
class Daily:
    """A number of one day with its standard error, on a scale on which days are spread alike, such as the log of odds."""

    value: float
    error: float


def odds(rows: float, of: float, design_effect: float) -> Daily:
    """A share as the log of its odds."""
    share = (rows + 0.5) / (of + 1)
    return Daily(math.log(share / (1 - share)), math.sqrt(design_effect / (max(of, 1) * share * (1 - share))))


class Series:
    """The number on the good days so far."""

    def __init__(self) -> None:
        self._weekdays: defaultdict[int, deque[float]] = defaultdict(lambda: deque(maxlen=SAME_WEEKDAY))
        self._values: deque[float] = deque(maxlen=KEPT_DAYS)
        self._errors: deque[float] = deque(maxlen=KEPT_DAYS)
        self._misses: deque[tuple[float, float]] = deque(maxlen=KEPT_DAYS)

    def add(self, day: date, daily: Daily) -> None:
        """Add a good day."""
        self._misses.append(tuple(daily.value - centre for centre in self._centres(day)))  # type: ignore[arg-type]
        self._weekdays[day.weekday()].append(daily.value)
        self._values.append(daily.value)
        self._errors.append(daily.error)

    def _centres(self, day: date) -> tuple[float, float]:
        recent, same = [*islice(reversed(self._values), RECENT_DAYS)], self._weekdays[day.weekday()]
        return (
            median(recent) if len(recent) >= LEAST_RECENT else math.nan,
            median(same) if len(same) >= LEAST_WEEKDAYS else math.nan,
        )

    def chance(self, day: date, daily: Daily, *, sides: int = 1) -> float | None:
        """The probability of a day that is so far above its centre, or below it too; None where too little is known.

        Unusual is what is so for the last days and, where these are known, for the same weekdays.
        """
        found = []
        for which, centre in enumerate(self._centres(day)):
            misses = np.array([miss[which] for miss in self._misses if not math.isnan(miss[which])])
            if which and len(misses) < LEAST_MISSES:
                misses = np.array([miss[0] for miss in self._misses if not math.isnan(miss[0])])
            if not math.isnan(centre) and len(misses) >= LEAST_MISSES:
                found.append(_chance(daily.value - centre, daily.error, misses, float(np.median(self._errors)), sides))
        return max(found, default=None)

    def level(self, below: float = 1.0) -> tuple[int, float, float]:
        """How many of the last days are together on a new, higher level, its probability, and the centre before; 0 days if none are.

        What is at least as probable as `below` is none.
        """
        values, found = np.array(self._values), (0, below, math.nan)
        for days in LEVEL_DAYS:
            if len(values) < 3 * days + LEAST_MISSES:
                continue
            chance = _chance_of_ranks(values[:-days], values[-days:])
            if chance >= found[1]:
                continue
            means = np.convolve(values, np.ones(days) / days, "valid")
            padded = np.concatenate([np.full(BEFORE_LEVEL, math.nan), values])
            centres = np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, BEFORE_LEVEL)[LEAST_MISSES : len(means)], axis=1)
            misses = means[LEAST_MISSES:] - centres
            before = misses[:-days]
            if misses[-1] > NOVEL_FACTOR * max(before.max(), 0.0) and values[-days:].min() > centres[-1]:
                middle = centres[-1] + misses[-1] / 2
                found = (days - int(np.argmax(values[-days:] > middle)), chance, float(centres[-1]))
        return found


def fallen(numbers: Mapping[date, int]) -> tuple[date, float] | None:
    """Since when the last days are all below what their weekdays were, and the part of it that they have; None if they are not.

    They are, in the middle, 1.5 times as far from it as the same number of days ever was.
    """
    days = sorted(numbers)
    if len(days) < LEAST_LEVEL_DAYS + FALLEN_DAYS:
        return None
    logs = {day: math.log(max(numbers[day], 1)) for day in days}
    now = _apart_from_weekdays(logs, days, len(days))
    if not now or median(now) > math.log(FALLEN_PART) or max(now) > 0:
        return None
    ends = range(FALLEN_DAYS + BEFORE_LEVEL, len(days) - FALLEN_DAYS)
    before = [abs(median(found)) for end in ends if (found := _apart_from_weekdays(logs, days, end))]
    is_new = before and -median(now) > FALLEN_FACTOR * max(before)
    return (days[-FALLEN_DAYS], math.exp(median(now))) if is_new else None


def _apart_from_weekdays(logs: Mapping[date, float], days: Sequence[date], end: int) -> list[float]:
    """How far each of the days before `end` is from the middle of its weekday before all of them; empty if these are too few."""
    last, before = days[end - FALLEN_DAYS : end], days[: end - FALLEN_DAYS]
    weekdays = {
        weekday: [logs[day] for day in before[-8 * SAME_WEEKDAY :] if day.weekday() == weekday][-SAME_WEEKDAY:] for weekday in range(7)
    }
    found = [logs[day] - median(same) for day in last if len(same := weekdays[day.weekday()]) >= LEAST_DAYS]
    return found if len(found) >= FALLEN_DAYS - 2 else []


def chance_of_day(day: date, measured: Mapping[date, Daily], *, sides: int = 1) -> float | None:
    """The probability of a day by the days before it or, where these are too few, by all others; None where these are too few too."""
    before = [other for other in measured if other < day]
    enough = len(before) >= LEAST_RECENT + LEAST_MISSES
    series = Series()
    for other in before if enough else [other for other in measured if other != day]:
        series.add(other, measured[other])
    return series.chance(day, measured[day], sides=sides) if day in measured else None


def _chance_of_ranks(before: np.ndarray, last: np.ndarray) -> float:
    """The probability that of all days the last ones are so far up by chance, by their ranks alone."""
    above = int((before > last.min()).sum())
    return math.comb(above + len(last), len(last)) / math.comb(len(before) + len(last), len(last))


def _chance(miss: float, error: float, misses: np.ndarray, usual_error: float, sides: int) -> float:
    past = np.sort(np.abs(misses) if sides == 2 else misses)
    size = abs(miss) if sides == 2 else miss
    if size <= NOVEL_FACTOR * max(past[-2], 0.0):
        return 1.0
    own = max(spread_of(misses) ** 2 - usual_error**2, 0.0)
    scale = math.sqrt((own + error**2) * (1 + 1 / SAME_WEEKDAY)) + 1e-9
    return min(1.0, sides * _tail(size / scale, min(len(misses) - 1, MOST_FREEDOM)))


def spread_of(misses: np.ndarray) -> float:
    """The larger of the median and the mean distance from 0, the latter without the largest twentieth, as of a normal distribution."""
    sizes = np.sort(np.abs(misses))
    kept = sizes[: max(1, math.ceil(0.95 * len(sizes)))]
    return float(max(1.4826 * np.median(sizes), 1.2533 * kept.mean()))


def _tail(deviations: float, freedom: int) -> float:
    """The upper tail of Student's t."""
    from scipy.special import stdtr

    return float(stdtr(freedom, -deviations))


def count_tail(count: float, mean: float, spread: float) -> float:
    """The probability of so many or more, of a negative binomial with the variance `spread` x mean, `spread` above 1."""
    from scipy.special import betainc

    return 1.0 if count <= 0 else float(betainc(count, max(mean, 1e-12) / (spread - 1), 1 - 1 / spread))


def few_tail(count: float, mean: float, spread: float) -> float:
    """The probability of so many or fewer, of the same distribution."""
    from scipy.special import betainc

    return float(betainc(max(mean, 1e-12) / (spread - 1), count + 1, 1 / spread))


def chance_of_all(shares: np.ndarray, sizes: np.ndarray, share: float, clusters: float) -> float:
    """The probability that all of so many clusters are of a kind, which more of them are on some days than on others: beta-binomial.

    Args:
        shares: of that kind on the days before, float64 [days].
        sizes: the clusters of these days, float64 [days].
        share: of that kind on all of them together.
        clusters: of the new day.
    """
    if len(shares) < LEAST_DAYS or share in (0.0, 1.0):
        return float(share**clusters)
    binomial = float((sizes * share * (1 - share)).sum())
    excess = float(((sizes * (shares - share)) ** 2).sum()) / max(binomial, 1e-9) - 1
    alike = float(np.clip(excess / max(sizes.mean() - 1, 1), 1e-4, 0.5))
    a, b = share * (1 / alike - 1), (1 - share) * (1 / alike - 1)
    return math.exp(math.lgamma(a + clusters) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(a + b + clusters))


def holm(chances: Sequence[float], family: int, level: float) -> float:
    """The largest of the probabilities that Holm's procedure lets pass among `family` looks; -1 if it lets none pass."""
    largest = -1.0
    for place, chance in enumerate(sorted(chances)):
        if chance * (family - place) >= level:
            break
        largest = chance
    return largest
