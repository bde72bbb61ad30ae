"""Estimates of days without labels: blended by what would have helped, with a band that holds, and a word where none is to be trusted."""

import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from components.evaluation.metric import Metric
from components.looks.data_check import DataCheck
from components.measurement.score_counts import ScoreCounts, SliceScores
from components.monitoring.record import DayState, FeatureDay, InputFinding, LiveDay, Operation, ServedDay
from components.trends.estimates import Estimate, estimate_days, estimates_of, last_estimates

FIRST, BINS, ROWS, DELAY = date(2013, 1, 1), 50, 4_000, 7


def drawn(
    rng: np.random.Generator, number: int, *, spread: float, is_settled: bool = True, flipped: float = 0.0, broken: bool = False
) -> LiveDay:
    """A day whose scores are right on average: the wider they are spread, the better its AUC. Some labels may mean nothing."""
    scores = np.clip(0.5 + spread * rng.standard_normal(ROWS), 0.01, 0.99)
    labels = rng.random(ROWS) < scores
    labels = np.where(rng.random(ROWS) < flipped, rng.random(ROWS) < 0.5, labels)
    bins = (scores * BINS).astype(int)
    counts = [np.bincount(one, minlength=BINS) for one in (bins, bins, bins[labels])]
    rows, labelled, positives = (tuple(one.tolist()) for one in counts)
    nothing = (0,) * BINS
    finding = InputFinding(check=DataCheck.NULLS.value, measure=1.0, rows=ROWS, what="is NULL")
    return LiveDay(
        served=ServedDay(FIRST + timedelta(days=number), 1, "live"),
        state=DayState.SETTLED if is_settled else DayState.PROVISIONAL,
        through=FIRST,
        rows=ROWS,
        labelled=ROWS if is_settled else 0,
        contradicting=0,
        fingerprint="f",
        operation=Operation(predictions=ROWS, latency_microseconds=(1, 2, 3)),
        scores=(ScoreCounts(rows=rows, labelled=labelled if is_settled else nothing, positives=positives if is_settled else nothing),),
        inputs=(FeatureDay(name="hour", nulls=1.0, distance=0.0, findings=(finding,)),) if broken else (),
        metrics=(Metric("auc", {}, area(scores, labels)), Metric("calibration", {}, float(scores.mean() / labels.mean())))
        if is_settled
        else (),
    )


def area(scores: np.ndarray, labels: np.ndarray) -> float:
    ranks = scores.argsort().argsort() + 1
    ones = labels.sum()
    return float((ranks[labels].sum() - ones * (ones + 1) / 2) / (ones * (len(labels) - ones)))


def with_slices(number: int, mornings: LiveDay, evenings: LiveDay) -> LiveDay:
    """A day of which each half has scores and metrics of its own."""
    parts = {"9": mornings, "18": evenings}
    counts = [
        np.add(first, second).tolist() for first, second in zip(*(vars(one.scores[0]).values() for one in parts.values()), strict=True)
    ]
    whole = ScoreCounts(**{name: tuple(one) for name, one in zip(vars(mornings.scores[0]), counts, strict=True)})
    own = (replace(metric, slice={"hour": hour}) for hour, one in parts.items() for metric in one.metrics)
    scores = tuple(SliceScores(slice={"hour": hour}, counts=one.scores[0]) for hour, one in parts.items())
    return replace(mornings, scores=(whole,), slice_scores=scores, metrics=(*mornings.metrics, *own))


def spreads(number: int) -> float:
    """The traffic gets easier and harder by the week."""
    return 0.12 + 0.06 * math.sin(number / 5)


def auc(days: list[LiveDay]) -> Estimate:
    return estimates_of(estimate_days(days, DELAY)[days[-1].served], {})["auc"]


def test_an_estimate_follows_the_scores_and_its_band_holds_what_came_true() -> None:
    rng = np.random.default_rng(5)
    settled = [drawn(rng, number, spread=spreads(number)) for number in range(80)]
    inside, errors, stale = 0, [], []
    for number in range(40, 80):
        truth = next(metric.value for metric in settled[number].metrics if metric.name == "auc")
        waiting = LiveDay(**vars(settled[number]) | {"state": DayState.PROVISIONAL, "metrics": ()})
        found = auc([*settled[: number - DELAY], waiting])
        inside += found.low <= truth <= found.high
        errors.append(abs(found.value - truth))
        last = [m.value for day in settled[number - DELAY - 14 : number - DELAY] for m in day.metrics if m.name == "auc"]
        stale.append(abs(float(np.mean(last)) - truth))
        assert found.is_trusted
    assert inside >= 36
    assert np.mean(errors) < 0.5 * np.mean(stale)


def test_where_labels_mean_something_else_the_estimate_says_that_it_is_not_to_be_trusted() -> None:
    rng = np.random.default_rng(6)
    days = [drawn(rng, number, spread=0.15) for number in range(30)]
    days += [drawn(rng, number, spread=0.15, flipped=0.6) for number in range(30, 34)]
    waiting = drawn(rng, 34 + DELAY, spread=0.15, is_settled=False)
    assert auc([*days[:30], waiting]).is_trusted
    assert not auc([*days, waiting]).is_trusted


def test_a_slice_is_estimated_by_its_own_scores_before_its_labels_come() -> None:
    rng = np.random.default_rng(10)
    settled = [
        with_slices(number, drawn(rng, number, spread=0.15), drawn(rng, number, spread=spreads(number), flipped=0.3))
        for number in range(45)
    ]
    narrow = drawn(rng, 45 + DELAY, spread=0.06, flipped=0.3)
    truth = next(metric.value for metric in narrow.metrics if metric.name == "auc")
    waiting = with_slices(45 + DELAY, drawn(rng, 45 + DELAY, spread=0.15), narrow)
    found = estimate_days([*settled, replace(waiting, state=DayState.PROVISIONAL, metrics=())], DELAY)[waiting.served]
    evenings, mornings = (estimates_of(found, {"hour": hour})["auc"] for hour in ("18", "9"))
    assert evenings.high < evenings.was
    assert abs(evenings.value - truth) < 0.5 * abs(evenings.was - truth)
    assert abs(mornings.value - mornings.was) < 0.01
    assert (evenings.rows, estimates_of(found, {})["auc"].rows) == (ROWS, 2 * ROWS)


def test_a_day_with_a_broken_input_is_not_to_be_trusted() -> None:
    rng = np.random.default_rng(7)
    days = [drawn(rng, number, spread=0.15) for number in range(30)]
    assert not auc([*days, drawn(rng, 40, spread=0.15, is_settled=False, broken=True)]).is_trusted


@pytest.mark.parametrize("settled", [0, 3, 9])
def test_without_enough_settled_days_there_is_no_bare_number(settled: int) -> None:
    rng = np.random.default_rng(8)
    days = [drawn(rng, number, spread=0.15) for number in range(settled)]
    assert estimate_days([*days, drawn(rng, 40, spread=0.15, is_settled=False)], DELAY) == {}


def test_a_band_ends_where_the_metric_does() -> None:
    rng = np.random.default_rng(9)
    days = [drawn(rng, number, spread=3, flipped=0.4 * (number % 8 == 0)) for number in range(30)]
    assert auc([*days, drawn(rng, 40, spread=3, is_settled=False)]).high == 1.0


def test_the_last_estimates_are_those_of_the_live_version_and_of_a_shadow_only_where_it_is_alone() -> None:
    rng = np.random.default_rng(3)
    days = [drawn(rng, number, spread=spreads(number), is_settled=number < 18) for number in range(20)]
    beside = [replace(day, served=replace(day.served, version=2, role="shadow")) for day in days]
    both = estimate_days([*days[:-1], *beside], DELAY)
    assert max(both) == beside[-1].served
    assert last_estimates(both) == (days[-2].served, both[days[-2].served])
    alone = estimate_days(beside, DELAY)
    assert last_estimates(alone) == (beside[-1].served, alone[beside[-1].served])
    assert last_estimates({}) is None
