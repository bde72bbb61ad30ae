"""Whether a metric has fallen from what it was, by more than days, versions and samples differ where nothing is wrong.

A day is one observation however many rows it has: all of its rows share its weather. So a metric is told to have fallen by how far its
last days are from the level of the version, held against how far days are from each other (a random effect of the day), how far
versions are from what they were when they were made (one of the version), and what the sample of a day leaves to chance.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

import numpy as np

from components.looks.usual import spread_of

WINDOW, VIOLATIONS = 5, 2
"""A metric has fallen if it is worse on so many of the last so many days, and on the newest one."""
TESTED_DAYS = (2, 5, 14)
"""The last days, so many together, are held against the level: a fall to nothing shows at once, a small or slow one after weeks."""
DEVIATIONS = 1.0
"""A day is worse by itself if it is so many standard deviations off."""
LEAST_DAYS = 3
"""Of a version, before its days tell how far days differ."""
KNOWN_DAYS = 8.0
"""What is expected of days before any is known counts as much as so many days."""
KNOWN_VERSIONS = 2
"""The same of versions."""
MOST_SPREAD = 5.0
"""So many times the least, and no more, is a version expected to be from what it was when it was made."""
BOUND = 1.5
"""So many standard deviations of that the days of a version may move its level: what is further off is no version like those before."""
LEVEL_DAYS = 28
"""The first days of a version, so many together, move its level; later ones do not, so that what goes down slowly is no level."""
NORMAL = 1.4826
"""The standard deviation of a normal distribution by the median distance from its middle."""
UNKNOWN = 2.0
"""So many times the least spread is expected of days before any is known."""
FREEDOM = (16.0, 30.0)
"""Degrees of freedom of Student's t before any day is known, and at most."""


@dataclass(frozen=True)
class Reading:
    """A metric on a day."""

    worse: float
    """By how much it is worse than when the version was made, on a scale on which days are spread alike."""
    error: float
    """The standard error."""


@dataclass(frozen=True)
class Fall:
    """A metric has fallen."""

    days: tuple[int, ...]
    """Those of the last days that are worse, as places among all; the newest is one of them."""
    chance: float
    """The probability of days so far from the level where nothing is wrong."""


@dataclass(frozen=True)
class UsualDays:
    """How far days and versions differ where nothing is wrong."""

    least: float
    """How far days differ at least."""
    versions: tuple[tuple[float, ...], ...] = ()
    """By how much each day of earlier versions was worse than when that version was made."""

    @cached_property
    def _told(self) -> list[tuple[float, ...]]:
        return [days for days in self.versions if len(days) >= LEAST_DAYS]

    @cached_property
    def of_versions(self) -> float:
        """The standard deviation of a version's level about what the version was when it was made."""
        levels = [*[self.least] * KNOWN_VERSIONS, *(abs(median(days)) for days in self._told)]
        usual = NORMAL * median([*[self.least / NORMAL] * KNOWN_VERSIONS, *levels[KNOWN_VERSIONS:]])
        return min(usual, math.sqrt(sum(one**2 for one in levels) / len(levels)), MOST_SPREAD * self.least)

    @cached_property
    def likeness(self) -> float:
        """How much alike a day and the next one are: the correlation of neighbours, from 0 to 0.8."""
        found = [(_likeness(days), len(days)) for days in self._told]
        return min(max(_middle(found), 0.0), 0.8) if found else 0.0

    @cached_property
    def _variances(self) -> list[tuple[float, int]]:
        """Of the days of each version, and how many those are."""
        return [_variance(days) for days in self._told]

    def of_days(self, own: Sequence[float]) -> tuple[float, float]:
        """The variance of days about the level of their version, with the degrees of freedom that it is known with."""
        found = [*self._variances, *([_variance(own)] if len(own) >= LEAST_DAYS else ())]
        days = sum(count for _, count in found)
        variance = _middle(found) if found else 0.0
        expected = (UNKNOWN * self.least) ** 2
        known = KNOWN_DAYS + days
        least, most = FREEDOM
        return max((KNOWN_DAYS * expected + days * variance) / known, self.least**2), min(least + days, most)


def _variance(days: Sequence[float]) -> tuple[float, int]:
    return spread_of(np.array(days) - median(days)) ** 2, len(days)


def _likeness(days: Sequence[float]) -> float:
    off = np.array(days) - median(days)
    return float(off[1:] @ off[:-1]) / max(float(off @ off), 1e-12)


def _middle(found: Sequence[tuple[float, int]]) -> float:
    """The median of what versions have shown, each as often as it has days: what happened to one of them is not usual."""
    return median(value for value, days in found for _ in range(days))


def find_fall(readings: Sequence[Reading], reference_error: float, usual: UsualDays, *, least: float) -> Fall | None:
    """Whether a metric has fallen at the end of the newest of some days.

    The level is what the metric was when the version was made. The first days of the version move it, by no more than versions differ,
    and those on which it had fallen do not.

    Args:
        readings: of the days, the oldest first.
        reference_error: the standard error of what the metric was when the version was made.
        usual: how far days and versions differ.
        least: less is no fall.
    """
    bad: set[int] = set()
    fall = None
    for end in range(1, len(readings) + 1):
        fall = None
        if readings[end - 1].worse < least or sum(one.worse >= least for one in readings[max(0, end - WINDOW) : end]) < VIOLATIONS:
            continue
        own = [one.worse for place, one in enumerate(readings[: max(0, end - WINDOW)]) if place not in bad]
        fall = _fall_of(readings[:end], own, reference_error, usual, least)
        if fall is not None and fall.chance < SURELY_BAD:
            bad.update(fall.days)
    return fall


SURELY_BAD = 1e-3
"""Days of a fall that chance gives so seldom are no longer usual."""


def _fall_of(readings: Sequence[Reading], own: Sequence[float], reference_error: float, usual: UsualDays, least: float) -> Fall | None:
    variance, freedom = usual.of_days(own)
    level, of_level = _level(own[:LEVEL_DAYS], variance, reference_error**2 + usual.of_versions**2)
    first = max(0, len(readings) - WINDOW)
    days = tuple(
        place
        for place, one in enumerate(readings[first:], first)
        if one.worse >= least and one.worse - level > max(least, DEVIATIONS * math.sqrt(variance + one.error**2))
    )
    if len(days) < VIOLATIONS or days[-1] != len(readings) - 1:
        return None
    tested = {min(size, len(readings)) for size in TESTED_DAYS}
    chances = [_chance(readings[-size:], level, of_level, variance, freedom, usual.likeness) for size in tested]
    return Fall(days, min(1.0, len(chances) * min(chances)))


def _level(own: Sequence[float], variance: float, of_reference: float) -> tuple[float, float]:
    """What the metric is like with this version, and the variance of that: what it was when it was made, and on its days since."""
    if not own:
        return 0.0, of_reference
    of_own = 1.5 * variance / len(own)  # of a median
    weight, bound = of_reference / (of_reference + of_own), BOUND * math.sqrt(of_reference)
    return min(max(weight * median(own), -bound), bound), weight * of_own


def _chance(readings: Sequence[Reading], level: float, of_level: float, variance: float, freedom: float, likeness: float) -> float:
    """The probability of a mean of days that is so far from the level. The worst day counts as the next to worst: a storm is no fall."""
    from scipy.special import stdtr

    weights = np.array([1 / (variance + one.error**2) for one in readings])
    mean = float(weights @ np.minimum([one.worse for one in readings], sorted(one.worse for one in readings)[-2]) / weights.sum())
    size = len(readings)
    alike = 1 + 2 * sum((1 - step / size) * likeness**step for step in range(1, size))
    return float(stdtr(freedom, -(mean - level) / math.sqrt(alike / weights.sum() + of_level)))
