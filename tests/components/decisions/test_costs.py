"""What a policy costs beside other plans: trainings and age, the best plan in hindsight, and the rule about drift."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.decisions.costs import BEST, EVERY_DAY, EVERY_SPAN, THIS_POLICY, CostComparison, compare_costs
from components.decisions.drift_rule import RULE, PastDrift
from components.decisions.replay import Replay, ReplayedTraining
from components.model.folder import read_model
from components.profiles.profile import ColumnProfile
from tests.components.visits import write_model

FIRST = date(2026, 3, 2)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def replayed(days: int, trained: tuple[int, ...], *, every: int = 1) -> Replay:
    """Spans come every so many days, and their labels are known a day later."""
    spans = {day(number): day(number // every * every - 1) for number in range(days)}
    trainings = tuple(ReplayedTraining(datetime.combine(day(one), time(5), UTC), day(one), spans[day(one)], "why") for one in trained)
    return Replay(days, trainings, len(set(spans.values())), {}, spans, [])


def by_plan(compared: CostComparison) -> dict[str, tuple[int, float, float]]:
    return {one.plan: (one.trainings, round(one.staleness, 6), round(one.total, 6)) for one in compared.plans}


def linear(age: float) -> float:
    """A hundredth a day, from the second day on."""
    return 0.01 * max(age - 1, 0)


def test_plans_are_held_against_each_other_on_the_same_days() -> None:
    (found,) = compare_costs(replayed(10, (0, 5)), linear, ratios=[0.05])
    assert by_plan(found) == {THIS_POLICY: (2, 0.2, 0.3), EVERY_DAY: (10, 0.0, 0.5), EVERY_SPAN: (10, 0.0, 0.5), BEST: (3, 0.12, 0.27)}
    assert found.plans[0].plan == BEST
    (found,) = compare_costs(replayed(10, (0, 5, 5, 5)), linear, ratios=[0.05])
    assert by_plan(found)[THIS_POLICY] == (4, 0.2, 0.4), "each of a day's trainings costs"
    cheap, dear = compare_costs(replayed(10, (0,)), linear, ratios=[0.001, 10.0])
    assert (cheap.of(BEST).trainings, dear.of(BEST).trainings) == (10, 1)


def test_a_span_that_lasts_longer_is_trained_on_once() -> None:
    (found,) = compare_costs(replayed(14, (0,), every=7), linear, ratios=[0.1])
    assert (found.of(EVERY_SPAN).trainings, found.of(EVERY_DAY).trainings) == (2, 14)
    assert found.of(EVERY_SPAN).staleness == pytest.approx(found.of(EVERY_DAY).staleness), "there is nothing newer to learn from in between"


@given(st.lists(st.floats(0, 1), min_size=7, max_size=7), st.floats(0.01, 2))
def test_no_plan_is_cheaper_than_the_best_one(losses: list[float], ratio: float) -> None:
    by_age = np.sort(losses)

    def loss(age: float) -> float:
        return float(by_age[int(age) - 1])

    for later in itertools.chain.from_iterable(itertools.combinations(range(1, 7), count) for count in range(7)):
        (found,) = compare_costs(replayed(7, (0, *later)), loss, ratios=[ratio])
        assert found.of(BEST).total <= found.of(THIS_POLICY).total + 1e-9


def profile(*counts: int) -> dict[str, ColumnProfile]:
    """Rows by device."""
    values = dict(zip(("phone", "desk", "tablet"), counts, strict=False))
    return {"device": ColumnProfile(type="STRING", rows=sum(counts), values=values)}


def test_the_rule_of_others_trains_whenever_a_column_drifted(tmp_path: Path) -> None:
    model = read_model(write_model(tmp_path).parent, "visits")
    partitions = {day(number): profile(60, 40) if number < 6 else profile(0, 30, 70) for number in range(-6, 9)}
    drift = PastDrift(model, 0, partitions)
    assert not drift.drifted(day(3), day(1))
    assert drift.drifted(day(6), day(1))
    assert not drift.drifted(day(99), day(1)), "nothing is known of that day"
    assert (drift.is_known(day(3)), drift.is_known(day(99))) == (True, False)
    (found,) = compare_costs(replayed(9, (0,)), linear, ratios=[0.1], others={RULE: drift.drifted})
    assert found.of(RULE).trainings > 1


def test_a_column_that_is_ignored_does_not_drift(tmp_path: Path) -> None:
    toml = {"latency_milliseconds = 50": 'latency_milliseconds = 50\n\n[checks]\nignore = ["device"]'}
    model = read_model(write_model(tmp_path, toml=toml).parent, "visits")
    assert not PastDrift(model, 0, {day(0): profile(60, 40), day(1): profile(0, 0, 9)}).drifted(day(1), day(0))
