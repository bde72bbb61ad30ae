"""How a version goes live in steps: what monitoring says of a step decides about the next. It is pure, as the rest of the policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from components.model.continuous_section import ContinuousSection, DeployRule
from components.policy.facts import AlarmFact

WORSE_BY: Mapping[str, float] = {"calibration": 0.25, "r_squared": 0.1}
WORSE = 0.02
"""A metric of a shadow that is lower by more, on the same rows as the live version's, is worse."""


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
    """What monitoring's verdicts say of a step.

    Args:
        policy: says how many measured days a step takes.
        facts: see there.
        metrics: by which a shadow is held against the live version, the first that both have.
    """
    if facts.interference:
        return StepVerdict(True, False, facts.interference)
    if facts.alarms:
        first = facts.alarms[0]
        return StepVerdict(True, False, f"alarm {first.alarm_id} is about version {facts.version} as {facts.words}: {first.sentence}")
    if worse := _worse(facts, metrics):
        return StepVerdict(True, False, worse)
    days = [day for day in facts.measured.days if day > facts.since]
    if facts.objection or len(days) < policy.step_days:
        waits = facts.objection or f"{len(days)} of {policy.step_days} days were measured since {facts.since}"
        return StepVerdict(False, False, waits)
    return StepVerdict(False, True, f"no alarm is about version {facts.version} after {len(days)} measured days as {facts.words}")


def _worse(facts: RolloutFacts, metrics: Sequence[str]) -> str:
    """Whether it is worse than the live version on the same days."""
    both = sorted(facts.measured.days.keys() & facts.live.days.keys())
    for name in metrics:
        own = [facts.measured.days[day][name] for day in both if name in facts.measured.days[day] and name in facts.live.days[day]]
        live = [facts.live.days[day][name] for day in both if name in facts.measured.days[day] and name in facts.live.days[day]]
        if own:
            now, was = sum(own) / len(own), sum(live) / len(live)
            loss = abs(now - 1) - abs(was - 1) if name == "calibration" else was - now
            if loss > WORSE_BY.get(name, WORSE):
                same = f"that of version {facts.live_version} on the same {len(own)} days is {was:.3f}"
                return f"{name} of version {facts.version} as {facts.words} is {now:.3f}, and {same}"
            return ""
    return ""


def steps_of(policy: ContinuousSection, rule: DeployRule) -> tuple[tuple[str, int], ...]:
    """The steps of a way to go live: of each its stage, and the percentage of the keys that the version answers."""
    if rule is DeployRule.SHADOW:
        return (("shadow", 0), ("live", 100))
    return (*(("canary", share) for share in policy.canary_shares), ("live", 100))
