"""How a version goes live in steps: what monitoring says of a step decides about the next. It is pure, as the rest of the policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from components.model.continuous_section import ContinuousSection, DeployRule
from components.policy.facts import AlarmFact

WORSE_BY: Mapping[str, float] = {"calibration": 0.25, "r_squared": 0.1}
WORSE = 0.02
"""A metric of a shadow that is lower by more, on the same rows as the live version's, is worse."""


MOST_UNKNOWN_DAYS = 28
"""A version of which nothing is known after so many days whose labels came is left to people."""


class ChallengerVerdict(StrEnum):
    """What is known of a version that is asked beside the live one."""

    WORSE = "worse"
    BETTER = "better"
    AS_GOOD = "as good"
    UNKNOWN = "not yet known"


@dataclass(frozen=True)
class ServedFact:
    """What the rows that were served say of the version beside the live one, however often one looks."""

    verdict: ChallengerVerdict
    sentence: str
    """Without a full stop."""


@dataclass(frozen=True)
class MeasuredRole:
    """What monitoring has measured of a version in a role: its overall metrics, by day."""

    days: Mapping[date, Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class RolloutFacts:
    """What decides whether a version takes its next step."""

    version: int
    words: str
    """The step that it is at, such as `canary at 5 %`."""
    since: date
    """The day on which the step began, which is not counted: it is no whole day."""
    measured: MeasuredRole
    live: MeasuredRole
    """What was measured of the live version."""
    live_version: int | None
    alarms: Sequence[AlarmFact]
    """Open alarms about the version in this role."""
    served: ServedFact | None = None
    """None where it was not asked for, or no row of both versions has a label."""
    interference: str = ""
    """What somebody else has done to the version meanwhile; empty if nothing."""
    objection: str = ""
    """Why nothing goes further now, such as a pause; empty if nothing."""


@dataclass(frozen=True)
class StepVerdict:
    """Whether the next step is taken."""

    is_bad: bool
    """It is held, and answers nobody."""
    advances: bool
    reason: str


def judge_step(policy: ContinuousSection, facts: RolloutFacts, metrics: Sequence[str]) -> StepVerdict:
    """What monitoring's verdicts, and the rows that were served, say of a step.

    Args:
        policy: says how many measured days a step takes.
        facts: see there.
        metrics: by which a shadow is held against the live version where no row tells, the first that both have; none where alarms
            tell what is wrong, which a shadow raises none of: only days on which both were measured by it count then.
    """
    if facts.interference:
        return StepVerdict(True, False, facts.interference)
    if facts.alarms:
        first = facts.alarms[0]
        return StepVerdict(True, False, f"alarm {first.alarm_id} is about version {facts.version} as {facts.words}: {first.sentence}")
    if facts.served and facts.served.verdict is ChallengerVerdict.WORSE:
        return StepVerdict(True, False, facts.served.sentence)
    if facts.served and metrics:
        return _by_served_rows(policy, facts, facts.served)
    return _by_metrics(policy, facts, metrics)


def _by_served_rows(policy: ContinuousSection, facts: RolloutFacts, served: ServedFact) -> StepVerdict:
    """A shadow waits until it is known to be at least as good, but not for ever."""
    days = sum(day > facts.since and bool(metrics) for day, metrics in facts.measured.days.items())
    if served.verdict is ChallengerVerdict.UNKNOWN and days >= MOST_UNKNOWN_DAYS:
        return StepVerdict(True, False, f"after {days} days with labels {served.sentence}")
    if served.verdict is ChallengerVerdict.UNKNOWN or facts.objection:
        return StepVerdict(False, False, facts.objection or served.sentence)
    if days < policy.step_days:
        return StepVerdict(False, False, f"{days} of {policy.step_days} days of it were measured by labels since {facts.since}")
    return StepVerdict(False, True, served.sentence)


def _by_metrics(policy: ContinuousSection, facts: RolloutFacts, metrics: Sequence[str]) -> StepVerdict:
    name, compared = _compared(facts, metrics)
    held, is_worse = _held_against(facts, name, compared) if compared else ("", False)
    if is_worse:
        return StepVerdict(True, False, held)
    days = [day for day in (compared if metrics else facts.measured.days) if day > facts.since]
    if facts.objection or len(days) < policy.step_days:
        beside = " of it and of the live version, by a metric that both have," if metrics else ""
        waits = facts.objection or f"{len(days)} of {policy.step_days} days{beside} were measured since {facts.since}"
        return StepVerdict(False, False, waits)
    well = held or f"no alarm is about version {facts.version} after {len(days)} measured days as {facts.words}"
    return StepVerdict(False, True, well)


def _compared(facts: RolloutFacts, metrics: Sequence[str]) -> tuple[str, list[date]]:
    """The first metric that both versions have, and the days on which they do."""
    both = sorted(facts.measured.days.keys() & facts.live.days.keys())
    for name in metrics:
        if days := [day for day in both if name in facts.measured.days[day] and name in facts.live.days[day]]:
            return name, days
    return "", []


def _held_against(facts: RolloutFacts, name: str, days: Sequence[date]) -> tuple[str, bool]:
    """How it compares to the live version on the same days, and whether it is worse."""
    now, was = (sum(role.days[day][name] for day in days) / len(days) for role in (facts.measured, facts.live))
    loss = abs(now - 1) - abs(was - 1) if name == "calibration" else was - now
    same = f"that of version {facts.live_version} on the same {len(days)} days is {was:.3f}"
    return f"{name} of version {facts.version} as {facts.words} is {now:.3f}, and {same}", loss > WORSE_BY.get(name, WORSE)


def steps_of(policy: ContinuousSection, rule: DeployRule) -> tuple[tuple[str, int], ...]:
    """The steps of a way to go live: of each its stage, and the percentage of the keys that the version answers."""
    if rule is DeployRule.SHADOW:
        return (("shadow", 0), ("live", 100))
    return (*(("canary", share) for share in policy.canary_shares), ("live", 100))
