"""What monitoring says of a step decides about the next one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from components.model.continuous_section import ContinuousSection, DeployRule
from components.policy.facts import AlarmFact, Cause
from components.policy.rollout import ChallengerVerdict, MeasuredRole, RolloutFacts, ServedFact, StepVerdict, judge_step, steps_of

SINCE, NEXT, THIRD = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
NOTHING = MeasuredRole({})
FACTS = RolloutFacts(version=4, words="shadow", since=SINCE, measured=NOTHING, live=NOTHING, live_version=3, alarms=())
WAITS = "days of it and of the live version, by a metric that both have, were measured since 2026-03-01"
AS_GOOD = ServedFact(ChallengerVerdict.AS_GOOD, "version 4 is as good as version 3")
UNKNOWN = ServedFact(ChallengerVerdict.UNKNOWN, "40 more keys are needed")
ALARM = AlarmFact("7", Cause.UNKNOWN, "auc is 0.52, was 0.72", version=4)


def weeks(metrics: Mapping[str, float]) -> MeasuredRole:
    """29 days, each with the same metrics."""
    return MeasuredRole({SINCE + timedelta(days=number): metrics for number in range(29)})


def measured(*values: float, name: str = "auc") -> MeasuredRole:
    return MeasuredRole({day: {name: value} for day, value in zip((NEXT, THIRD), values, strict=False)})


CASES: Mapping[str, tuple[dict[str, Any], RolloutFacts, StepVerdict]] = {
    "nothing is measured": ({}, FACTS, StepVerdict(False, False, f"0 of 1 {WAITS}")),
    "the day on which it began is no whole day": (
        {},
        replace(FACTS, measured=MeasuredRole({SINCE: {"auc": 0.8}}), live=MeasuredRole({SINCE: {"auc": 0.8}})),
        StepVerdict(False, False, f"0 of 1 {WAITS}"),
    ),
    "a day without labels tells nothing": (
        {},
        replace(FACTS, measured=MeasuredRole({NEXT: {}}), live=MeasuredRole({NEXT: {}})),
        StepVerdict(False, False, f"0 of 1 {WAITS}"),
    ),
    "a day without the live version tells nothing": (
        {"step_days": 2},
        replace(FACTS, measured=measured(0.8, 0.8), live=measured(0.8)),
        StepVerdict(False, False, f"1 of 2 {WAITS}"),
    ),
    "another metric than the live version's tells nothing": (
        {},
        replace(FACTS, measured=measured(0.8), live=measured(1.0, name="calibration")),
        StepVerdict(False, False, f"0 of 1 {WAITS}"),
    ),
    "too few days": (
        {"step_days": 3},
        replace(FACTS, measured=measured(0.8, 0.8), live=measured(0.8, 0.8)),
        StepVerdict(False, False, f"2 of 3 {WAITS}"),
    ),
    "an alarm": (
        {},
        replace(FACTS, alarms=(ALARM,), measured=measured(0.8)),
        StepVerdict(True, False, "alarm 7 is about version 4 as shadow: auc is 0.52, was 0.72"),
    ),
    "somebody else": (
        {},
        replace(FACTS, interference="on prod-shadow version 2 is live since yesterday"),
        StepVerdict(True, False, "on prod-shadow version 2 is live since yesterday"),
    ),
    "a pause": (
        {},
        replace(FACTS, objection="the model is paused", measured=measured(0.8)),
        StepVerdict(False, False, "the model is paused"),
    ),
    "worse": (
        {"step_days": 5},
        replace(FACTS, measured=measured(0.7, 0.72), live=measured(0.8, 0.8)),
        StepVerdict(True, False, "auc of version 4 as shadow is 0.710, and that of version 3 on the same 2 days is 0.800"),
    ),
    "hardly worse": (
        {},
        replace(FACTS, measured=measured(0.79), live=measured(0.8)),
        StepVerdict(False, True, "auc of version 4 as shadow is 0.790, and that of version 3 on the same 1 days is 0.800"),
    ),
    "rows say that it is worse, whatever metrics say": (
        {"step_days": 5},
        replace(
            FACTS,
            served=ServedFact(ChallengerVerdict.WORSE, "version 4 is worse than version 3"),
            measured=measured(0.9),
            live=measured(0.8),
        ),
        StepVerdict(True, False, "version 4 is worse than version 3"),
    ),
    "rows say that it is as good, whatever metrics say": (
        {},
        replace(FACTS, served=AS_GOOD, measured=measured(0.7), live=measured(0.8)),
        StepVerdict(False, True, "version 4 is as good as version 3"),
    ),
    "rows say that it is as good, and days are too few": (
        {"step_days": 2},
        replace(FACTS, served=AS_GOOD, measured=measured(0.8), live=measured(0.8)),
        StepVerdict(False, False, "1 of 2 days of it were measured by labels since 2026-03-01"),
    ),
    "rows say that it is as good, and the model is paused": (
        {},
        replace(FACTS, served=AS_GOOD, objection="the model is paused", measured=measured(0.8)),
        StepVerdict(False, False, "the model is paused"),
    ),
    "rows say nothing yet, whatever metrics say": (
        {},
        replace(FACTS, served=UNKNOWN, measured=measured(0.8), live=measured(0.8)),
        StepVerdict(False, False, "40 more keys are needed"),
    ),
    "rows say nothing for weeks": (
        {},
        replace(FACTS, served=UNKNOWN, measured=weeks({"auc": 0.8})),
        StepVerdict(True, False, "after 28 days with labels 40 more keys are needed"),
    ),
    "no label can be there for weeks": (
        {},
        replace(FACTS, served=UNKNOWN, measured=weeks({})),
        StepVerdict(False, False, "40 more keys are needed"),
    ),
    "worse calibrated": (
        {},
        replace(FACTS, measured=measured(0.6, name="calibration"), live=measured(1.1, name="calibration")),
        StepVerdict(True, False, "calibration of version 4 as shadow is 0.600, and that of version 3 on the same 1 days is 1.100"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_step_is_judged_by_what_was_measured(case: str) -> None:
    given, facts, verdict = CASES[case]
    assert judge_step(ContinuousSection(**given), facts, ("auc", "calibration")) == verdict


@pytest.mark.parametrize(
    ("days", "verdict"),
    [
        ({}, StepVerdict(False, False, "0 of 1 days were measured since 2026-03-01")),
        ({NEXT: {}}, StepVerdict(False, True, "no alarm is about version 4 after 1 measured days as canary at 5 %")),
    ],
)
def test_a_canary_needs_no_labels_as_alarms_are_raised_about_it(days: dict[date, dict[str, float]], verdict: StepVerdict) -> None:
    facts = replace(FACTS, words="canary at 5 %", measured=MeasuredRole(days))
    assert judge_step(ContinuousSection(), facts, ()) == verdict


def test_a_canary_is_held_if_its_rows_are_worse_and_needs_no_more_of_them() -> None:
    facts = replace(FACTS, words="canary at 5 %", measured=MeasuredRole({NEXT: {}}), served=UNKNOWN)
    assert judge_step(ContinuousSection(), facts, ()).advances
    worse = ServedFact(ChallengerVerdict.WORSE, "version 4 is worse than version 3")
    assert judge_step(ContinuousSection(), replace(facts, served=worse), ()) == StepVerdict(
        True, False, "version 4 is worse than version 3"
    )


def test_a_canary_has_the_steps_of_the_policy_and_a_shadow_has_one() -> None:
    policy = ContinuousSection(canary_shares=(1, 10, 50))
    assert steps_of(policy, DeployRule.CANARY) == (("canary", 1), ("canary", 10), ("canary", 50), ("live", 100))
    assert steps_of(policy, DeployRule.SHADOW) == (("shadow", 0), ("live", 100))


@pytest.mark.parametrize("shares", [(25, 5), (5, 5)])
def test_shares_that_do_not_rise_are_refused(shares: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"do not rise: write each share once, the smallest first"):
        ContinuousSection(canary_shares=shares)
