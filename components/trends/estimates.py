"""Metrics of days whose labels are not known yet, estimated from their scores, each with a band that its own past errors give.

A score's chance of the label is taken from the settled days (isotonic regression over bins of the score). Alone that is no better than
"as when last settled", so the change is blended in by as much as it would have helped on the settled days, and the band is what errors
were there. No estimate from scores can see labels that mean something else than before: it says when it is not to be trusted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from components.looks.data_check import DataCheck
from components.monitoring.inputs import COVERAGE
from components.monitoring.record import DayState, LiveDay, ServedDay

ESTIMATED = ("auc", "binary_accuracy", "calibration")
"""Of binary models, on all rows."""
REFERENCE_DAYS = 14
LEAST_REFERENCE = 3
LEAST_BACKTESTS = 4
MANY_BACKTESTS = 20
"""From so many on the band is the 95 % quantile of their errors."""
KEPT_BACKTESTS = 60
PRIOR_WEIGHT = 6.0
"""Before it is known, none of a change is believed, and that counts as much as so many backtests."""


@dataclass(frozen=True)
class Estimate:
    """An estimated metric of all rows of a day."""

    value: float
    low: float
    high: float
    error: float
    """How far estimates of settled days were off, on average."""
    is_trusted: bool
    """Not where two of the last three settled days were outside of their band, nor where an input broke."""


@dataclass(frozen=True)
class _Backtest:
    settled: float
    """What the metric was when it was last settled."""
    change: float
    """By how much the scores alone say that it has changed."""
    actual: float


def estimate_days(days: Sequence[LiveDay], label_delay_days: int) -> dict[ServedDay, dict[str, Estimate]]:
    """Estimates of the provisional days of each version and role, by metric; none where too few days are settled.

    Args:
        days: the oldest first.
        label_delay_days: how late labels are.
    """
    groups: dict[tuple[int, str], list[LiveDay]] = {}
    for day in days:
        groups.setdefault((day.served.version, day.served.role), []).append(day)
    return {served: found for own in groups.values() for served, found in _estimate_own(own, label_delay_days).items()}


def _estimate_own(days: Sequence[LiveDay], label_delay_days: int) -> dict[ServedDay, dict[str, Estimate]]:
    settled = [day for day in days if day.state is DayState.SETTLED and _settled_value(day, ESTIMATED[0]) is not None]
    waiting = [day for day in days if day.state is DayState.PROVISIONAL and len(day.scores) == 1]
    found: dict[ServedDay, dict[str, Estimate]] = {}
    for name in ESTIMATED if waiting else ():
        tested = [test for day in settled[-KEPT_BACKTESTS:] if (test := _backtest(day, settled, name, label_delay_days))]
        for day in waiting:
            estimate = _estimate(day, settled, tested, name)
            if estimate is not None:
                found.setdefault(day.served, {})[name] = estimate
    return found


def _settled_value(day: LiveDay, name: str) -> float | None:
    values = (metric.value for metric in day.metrics if metric.name == name and not metric.slice and math.isfinite(metric.value))
    return next(values, None)


def _backtest(day: LiveDay, settled: Sequence[LiveDay], name: str, delay: int) -> _Backtest | None:
    """What would have been known of a settled day before its labels came."""
    known = [one for one in settled if one.served.day + timedelta(days=max(delay, 1)) <= day.served.day]
    actual = _settled_value(day, name)
    expected = _expected(day, known, name)
    return None if actual is None or expected is None else _Backtest(*expected, actual)


def _expected(day: LiveDay, known: Sequence[LiveDay], name: str) -> tuple[float, float] | None:
    """What a metric was when it was last settled, and by how much the scores say that it has changed."""
    reference = [one for one in known[-REFERENCE_DAYS:] if _settled_value(one, name) is not None]
    if len(reference) < LEAST_REFERENCE:
        return None
    counts = [np.array([one.scores[0].rows, one.scores[0].labelled, one.scores[0].positives]) for one in reference]
    rows, labelled, positives = np.sum(counts, axis=0)
    chances = _chances(labelled, positives)
    now, then = (_metric(name, np.array(one, np.float64), chances) for one in (day.scores[0].rows, rows))
    was = float(np.mean([_settled_value(one, name) or 0.0 for one in reference]))
    return (was, now - then) if math.isfinite(now - then) else None


def _chances(labelled: np.ndarray, positives: np.ndarray) -> np.ndarray:
    """The chance of the label by bin of the score, float64 [bins], which never falls as the score rises."""
    from scipy.optimize import isotonic_regression

    rate = positives.sum() / max(labelled.sum(), 1)
    shares = (positives + rate) / (labelled + 1)
    chances: np.ndarray = isotonic_regression(shares, weights=labelled + 1e-3).x
    return chances


def _metric(name: str, rows: np.ndarray, chances: np.ndarray) -> float:
    """What a metric comes to if chances stand for labels; NaN where it is not defined."""
    ones, zeros = rows * chances, rows * (1 - chances)
    middles = (np.arange(len(rows)) + 0.5) / len(rows)
    if not rows.sum() or not ones.sum() or not zeros.sum():
        return math.nan
    match name:
        case "auc":
            below = np.cumsum(zeros) - zeros / 2
            return float(ones @ below / (ones.sum() * zeros.sum()))
        case "binary_accuracy":
            return float(np.where(middles > 0.5, ones, zeros).sum() / rows.sum())
        case _:
            return float(rows @ middles / ones.sum())


def _estimate(day: LiveDay, settled: Sequence[LiveDay], tested: Sequence[_Backtest], name: str) -> Estimate | None:
    before = [one for one in settled if one.served.day < day.served.day]
    expected = _expected(day, before, name)
    if expected is None or len(tested) < LEAST_BACKTESTS:
        return None
    was, change = expected
    blend = _blend(tested)
    errors = np.array([test.actual - test.settled - blend * test.change for test in tested])
    half = _half_band(errors)
    outside = int((np.abs(errors[-3:]) > half).sum())
    broken = any(found.check not in (DataCheck.DRIFT, COVERAGE) for one in day.inputs for found in one.findings)
    value, low, high = (_possible(name, one) for one in was + blend * change + np.array([0.0, -half, half]))
    return Estimate(value, low, high, float(np.abs(errors).mean()), is_trusted=outside < 2 and not broken)


def _possible(name: str, value: float) -> float:
    """The nearest value that the metric can have."""
    return max(float(value), 0.0) if name == "calibration" else min(max(float(value), 0.0), 1.0)


def _blend(tested: Sequence[_Backtest]) -> float:
    """By how much of a change that scores say the settled metric did change, between 0 and 1, none unless there is enough to say so."""
    changes = np.array([test.change for test in tested])
    moved = np.array([test.actual - test.settled for test in tested])
    best = float(np.clip(changes @ moved / max(float(changes @ changes), 1e-12), 0, 1))
    return len(tested) * best / (len(tested) + PRIOR_WEIGHT)


def _half_band(errors: np.ndarray) -> float:
    from scipy.special import stdtrit

    if len(errors) >= MANY_BACKTESTS:
        return float(np.quantile(np.abs(errors), 0.95))
    return float(stdtrit(len(errors) - 1, 0.975)) * float(np.sqrt(np.mean(errors**2)))
