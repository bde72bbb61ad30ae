"""Whether a metric is better since another version answers, by settled days of both. It is pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from components.model.metric_names import HEADLINE_METRICS
from components.monitoring.record import LiveDay
from components.wording import score

LEAST_DAYS, MOST_DAYS = 3, 5
"""Settled days of either version that it takes to tell them apart, and the most that are looked at: the last before, the first since."""
LEAST_CHANGE = 0.02
"""Less matters to nobody."""
LEVEL = 0.05


class Effect(StrEnum):
    """What came of a deployment or a rollback."""

    BETTER = "better"
    AS_BEFORE = "as before"
    WORSE = "worse"
    CLOSED = "closed"
    """The alarm is over that asked for something to be mended."""
    NOT_TOLD = "not told"
    """Nobody will know: there was no version before, or one of both was not live for long enough."""


@dataclass(frozen=True)
class MeasuredEffect:
    """A metric before and since."""

    effect: Effect
    sentence: str


def measure_effect(days: Sequence[LiveDay], *, before: int, since: int) -> MeasuredEffect | None:
    """Whether the headline metric is better since another version answers. None while too few settled days tell.

    Days, not rows, are the unit: they differ from each other by more than chance among rows.

    Args:
        days: settled ones of a target, the oldest first.
        before: the version that answered before.
        since: the one that answers since.
    """
    metric = next((name for name in HEADLINE_METRICS if any(_value(day, name) is not None for day in days)), None)
    if metric is None:
        return None
    last = max((day.served.day for day in days if day.served.version == before), default=None)
    was = [value for day in days if day.served.version == before and (value := _value(day, metric)) is not None][-MOST_DAYS:]
    later = (day for day in days if day.served.version == since and last is not None and day.served.day > last)
    now = [value for day in later if (value := _value(day, metric)) is not None][:MOST_DAYS]
    if min(len(was), len(now)) < LEAST_DAYS:
        return None
    change = float(np.mean(now) - np.mean(was))
    is_certain = _chance(np.array(was), np.array(now)) < LEVEL and abs(change) >= LEAST_CHANGE
    effect = Effect.AS_BEFORE if not is_certain else Effect.BETTER if change > 0 else Effect.WORSE
    numbers = f"{score(float(np.mean(now)))} on {len(now)} days since, and {score(float(np.mean(was)))} on the last {len(was)} days before"
    return MeasuredEffect(effect, f"{metric} {numbers}, by version {before}")


def _value(day: LiveDay, name: str) -> float | None:
    return next((one.value for one in day.metrics if one.name == name and not one.slice and math.isfinite(one.value)), None)


def _chance(was: np.ndarray, now: np.ndarray) -> float:
    """The probability of such a difference between days of one kind: Welch's test."""
    from scipy.special import stdtr

    errors = [float(one.var(ddof=1)) / len(one) for one in (was, now)]
    total = sum(errors)
    if total <= 0:
        return 0.0 if now.mean() != was.mean() else 1.0
    degrees = total**2 / sum(error**2 / (len(one) - 1) for error, one in zip(errors, (was, now), strict=True))
    return 2 * float(stdtr(degrees, -abs(float(now.mean() - was.mean())) / math.sqrt(total)))
