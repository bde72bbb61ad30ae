"""What came of decisions, as it can be seen live: by days of the version before and of the one since."""

from datetime import date, timedelta

import pytest

from components.decisions.measured_effect import Effect, measure_effect
from components.evaluation.metric import Metric
from components.monitoring.record import DayState, LiveDay, Operation, ServedDay

FIRST = date(2026, 3, 1)


def served(version: int, *values: float, begin: int = 0, name: str = "auc") -> list[LiveDay]:
    """Days of a version, one for each value."""
    return [
        LiveDay(
            served=ServedDay(FIRST + timedelta(days=begin + number), version, "live"),
            state=DayState.SETTLED,
            through=FIRST,
            rows=100,
            labelled=100,
            contradicting=0,
            fingerprint="f",
            operation=Operation(predictions=100, latency_microseconds=(1, 2, 3)),
            scores=(),
            inputs=(),
            metrics=(Metric(name, {}, value, None, None, 100), Metric(name, {"device": "desk"}, 0.1, None, None, 9)),
        )
        for number, value in enumerate(values)
    ]


BAD, GOOD = (0.50, 0.52, 0.51, 0.49, 0.53), (0.80, 0.79, 0.82, 0.81)


@pytest.mark.parametrize(
    ("before", "since", "effect"),
    [
        (BAD, GOOD, Effect.BETTER),
        (GOOD, BAD, Effect.WORSE),
        (GOOD, GOOD[::-1], Effect.AS_BEFORE),
        ((0.800, 0.801, 0.802), (0.810, 0.811, 0.812), Effect.AS_BEFORE),
        ((0.7, 0.7, 0.7), (0.8, 0.8, 0.8), Effect.BETTER),
    ],
    ids=["better", "worse", "chance", "too little to matter", "without any spread"],
)
def test_a_version_is_held_against_the_one_before_it(before: tuple[float, ...], since: tuple[float, ...], effect: Effect) -> None:
    found = measure_effect(served(1, *before) + served(2, *since, begin=10), before=1, since=2)
    assert found is not None
    assert found.effect is effect


def test_the_sentence_names_the_metric_its_days_and_the_version() -> None:
    found = measure_effect(served(1, 0.9, 0.9, *BAD) + served(2, *GOOD, begin=10), before=1, since=2)
    assert found is not None
    assert found.sentence == "auc 0.8050 on 4 days since, and 0.5100 on the last 5 days before, by version 1"


def test_of_a_version_that_came_back_only_the_days_since_count() -> None:
    days = served(1, *BAD, begin=0) + served(2, *BAD, begin=10) + served(1, *GOOD, begin=20)
    found = measure_effect(days, before=2, since=1)
    assert found is not None
    assert (found.effect, found.sentence.split(" on ")[0]) == (Effect.BETTER, "auc 0.8050")


@pytest.mark.parametrize(("before", "since"), [(BAD[:2], GOOD), (BAD, GOOD[:2]), ((), GOOD), (BAD, ())])
def test_too_few_days_tell_nothing(before: tuple[float, ...], since: tuple[float, ...]) -> None:
    assert measure_effect(served(1, *before) + served(2, *since, begin=10), before=1, since=2) is None


def test_days_without_a_known_metric_tell_nothing() -> None:
    assert measure_effect(served(1, *BAD, name="coverage") + served(2, *GOOD, name="coverage", begin=10), before=1, since=2) is None
