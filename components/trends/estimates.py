"""Metrics of days whose labels are not known yet, estimated from their scores, each with a band that its own past errors give.

A score's chance of the label is taken from the settled days (isotonic regression over bins of the score; in a slice from its own rows, as
far as they say more than all do). Alone that is no better than "as when last settled", so the change is blended in by as much as it would
have helped on the settled days, and the band is what errors were there. No estimate from scores can see labels that mean something else
than before: it says when it is not to be trusted.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from components.evaluation.metric import slice_key
from components.looks.data_check import DataCheck
from components.measurement.score_counts import ScoreCounts
from components.monitoring.inputs import COVERAGE
from components.monitoring.record import DayState, LiveDay, ServedDay

LIVE = "live"
ESTIMATED = ("auc", "binary_accuracy", "calibration")
"""Of binary models."""
REFERENCE_DAYS = 14
LEAST_REFERENCE = 3
LEAST_BACKTESTS = 4
MANY_BACKTESTS = 20
"""From so many on the band is the 95 % quantile of their errors."""
KEPT_BACKTESTS = 60
PRIOR_WEIGHT = 6.0
"""Before it is known, none of a change is believed, and that counts as much as so many backtests."""
PRIOR_ROWS = 10.0
"""In a bin of a slice the chance that all rows have there counts as much as so many of its rows."""


@dataclass(frozen=True)
class Estimate:
    """An estimated metric of a day: of all rows, or of a slice."""

    name: str
    slice: Mapping[str, str]
    """Value by feature; empty for all rows."""
    value: float
    low: float
    high: float
    was: float
    """What it was when it was last settled."""
    error: float
    """How far estimates of settled days were off, on average."""
    is_trusted: bool
    """Not where two of the last three settled days were outside of their band, nor where an input broke."""
    rows: int


@dataclass(frozen=True)
class _Day:
    """A day of all rows or of a slice."""

    day: LiveDay
    counts: np.ndarray
    """Rows, labelled rows and those with the label, by bin of the score: [3, bins]."""
    overall: np.ndarray | None
    """Of all rows, where this is a slice."""
    settled: Mapping[str, float]
    """The metrics, finite, by name; none of a provisional day."""


@dataclass(frozen=True)
class _Expected:
    """A metric of a day, as far as it can be known before its labels come."""

    settled: float
    """What it was when it was last settled."""
    change: float
    """By how much the scores alone say that it has changed."""


@dataclass(frozen=True)
class _Backtest:
    expected: _Expected
    actual: float


def estimate_days(days: Sequence[LiveDay], label_delay_days: int) -> dict[ServedDay, tuple[Estimate, ...]]:
    """Estimates of the provisional days of each version and role, of all rows first; none where too few days are settled.

    Args:
        days: the oldest first.
        label_delay_days: how late labels are.
    """
    groups: dict[tuple[int, str], list[LiveDay]] = {}
    for day in days:
        groups.setdefault((day.served.version, day.served.role), []).append(day)
    return {served: found for own in groups.values() for served, found in _estimate_own(own, label_delay_days).items()}


def last_estimates(estimates: Mapping[ServedDay, Sequence[Estimate]]) -> tuple[ServedDay, Sequence[Estimate]] | None:
    """Those of the last day of a live version; of the last day at all where only others, such as shadows, have some."""
    last = max(estimates, key=lambda served: (served.role == LIVE, served.day, served.version), default=None)
    return None if last is None else (last, estimates[last])


def estimates_of(estimates: Sequence[Estimate], slice_: Mapping[str, str]) -> dict[str, Estimate]:
    """Those of a slice by the metric's name; of all rows if it is empty."""
    return {one.name: one for one in estimates if one.slice == slice_}


def _estimate_own(days: Sequence[LiveDay], label_delay_days: int) -> dict[ServedDay, tuple[Estimate, ...]]:
    """Of one version in one role."""
    waiting = [day for day in days if day.state is DayState.PROVISIONAL and len(day.scores) == 1]
    slices = {slice_key(one.slice): one.slice for day in waiting for one in day.slice_scores}
    found: dict[ServedDay, list[Estimate]] = {}
    for slice_ in ({}, *slices.values()) if waiting else ():
        for served, estimate in _estimate_slice([one for day in days if (one := _day(day, slice_))], slice_, label_delay_days):
            found.setdefault(served, []).append(estimate)
    return {served: tuple(estimates) for served, estimates in found.items()}


def _day(day: LiveDay, slice_: Mapping[str, str]) -> _Day | None:
    """A day as a slice has it; None if it has no rows of it."""
    counts = next((one.counts for one in day.slice_scores if one.slice == slice_), None) if slice_ else next(iter(day.scores), None)
    if counts is None:
        return None
    metrics = {one.name: one.value for one in day.metrics if one.slice == slice_ and math.isfinite(one.value)}
    overall = _array(day.scores[0]) if slice_ else None
    return _Day(day, _array(counts), overall, metrics if day.state is DayState.SETTLED else {})


def _array(counts: ScoreCounts) -> np.ndarray:
    return np.array([counts.rows, counts.labelled, counts.positives], np.float64)


def _estimate_slice(days: Sequence[_Day], slice_: Mapping[str, str], delay: int) -> list[tuple[ServedDay, Estimate]]:
    settled = [one for one in days if ESTIMATED[0] in one.settled]
    waiting = [one for one in days if one.day.state is DayState.PROVISIONAL]
    if not waiting or len(settled) < LEAST_REFERENCE + LEAST_BACKTESTS:
        return []
    tests: dict[str, list[_Backtest]] = {name: [] for name in ESTIMATED}
    for one in settled[-KEPT_BACKTESTS:]:  # what would have been known before its labels came
        known = [other for other in settled if other.day.served.day + timedelta(days=max(delay, 1)) <= one.day.served.day]
        for name, expected in _expected(one, known).items():
            if name in one.settled:
                tests[name].append(_Backtest(expected, one.settled[name]))
    found = []
    for one in waiting:
        before = [other for other in settled if other.day.served.day < one.day.served.day]
        for name, expected in _expected(one, before).items():
            if len(tests[name]) >= LEAST_BACKTESTS:
                found.append((one.day.served, _estimate(one, expected, tests[name], name, slice_)))
    return found


def _expected(one: _Day, known: Sequence[_Day]) -> dict[str, _Expected]:
    """By metric."""
    reference = known[-REFERENCE_DAYS:]
    if len(reference) < LEAST_REFERENCE:
        return {}
    rows, labelled, positives = np.sum([other.counts for other in reference], axis=0)
    overall = [other.overall for other in reference if other.overall is not None]
    chances = _chances(labelled, positives, _chances(*np.sum(overall, axis=0)[1:]) if overall else None)
    found = {}
    for name in ESTIMATED:
        values = [other.settled[name] for other in reference if name in other.settled]
        change = _metric(name, one.counts[0], chances) - _metric(name, rows, chances)
        if len(values) >= LEAST_REFERENCE and math.isfinite(change):
            found[name] = _Expected(float(np.mean(values)), change)
    return found


def _chances(labelled: np.ndarray, positives: np.ndarray, overall: np.ndarray | None = None) -> np.ndarray:
    """The chance of the label by bin of the score, float64 [bins], which never falls as the score rises."""
    from scipy.optimize import isotonic_regression

    prior, weight = (positives.sum() / max(labelled.sum(), 1), 1.0) if overall is None else (overall, PRIOR_ROWS)
    shares = (positives + weight * prior) / (labelled + weight)
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


def _estimate(one: _Day, expected: _Expected, tested: Sequence[_Backtest], name: str, slice_: Mapping[str, str]) -> Estimate:
    blend = _blend(tested)
    errors = np.array([test.actual - test.expected.settled - blend * test.expected.change for test in tested])
    half = _half_band(errors)
    outside = int((np.abs(errors[-3:]) > half).sum())
    broken = any(found.check not in (DataCheck.DRIFT, COVERAGE) for feature in one.day.inputs for found in feature.findings)
    value, low, high = (_possible(name, at) for at in expected.settled + blend * expected.change + np.array([0.0, -half, half]))
    return Estimate(
        name=name,
        slice=slice_,
        value=value,
        low=low,
        high=high,
        was=expected.settled,
        error=float(np.abs(errors).mean()),
        is_trusted=outside < 2 and not broken,
        rows=int(one.counts[0].sum()),
    )


def _possible(name: str, value: float) -> float:
    """The nearest value that the metric can have."""
    return max(float(value), 0.0) if name == "calibration" else min(max(float(value), 0.0), 1.0)


def _blend(tested: Sequence[_Backtest]) -> float:
    """By how much of a change that scores say the settled metric did change, between 0 and 1, none unless there is enough to say so."""
    changes = np.array([test.expected.change for test in tested])
    moved = np.array([test.actual - test.expected.settled for test in tested])
    best = float(np.clip(changes @ moved / max(float(changes @ changes), 1e-12), 0, 1))
    return len(tested) * best / (len(tested) + PRIOR_WEIGHT)


def _half_band(errors: np.ndarray) -> float:
    from scipy.special import stdtrit

    if len(errors) >= MANY_BACKTESTS:
        return float(np.quantile(np.abs(errors), 0.95))
    return float(stdtrit(len(errors) - 1, 0.975)) * float(np.sqrt(np.mean(errors**2)))
