"""When to measure how fast versions age, so that a policy learns by itself what a new span is worth: once for each new version."""

from datetime import timedelta

from components.model.continuous_section import ContinuousSection
from components.policy.facts import Facts, RunFact
from components.policy.reasons import Reason, ReasonKind
from components.policy.times import day_of, quiet_until

LONGEST_WAIT = timedelta(days=1)
"""For so long a new span waits for a measurement that was decided and is not at its end."""


def ageing_to_measure(policy: ContinuousSection, facts: Facts) -> Reason | None:
    """Why to measure now how fast versions age; None if it is known, asks for nothing, or has to wait."""
    trained = facts.trained
    if trained is None or trained.version < 2 or not policy.training_cost or "new_partition" not in policy.triggers:
        return None
    key = ageing_key(trained.version)
    if key in facts.answered or facts.failures.get(key, 0) >= policy.attempts or _has_waited(facts, key):
        return None
    if any(run.is_running for run in facts.runs) or quiet_until(policy, facts.now) or facts.crowded or facts.dry_run_error:
        return None
    if policy.bytes_a_day is not None and bytes_today(policy, facts) + wanted_bytes(facts) > policy.bytes_a_day:
        return None
    sentence = f"nobody has measured how far the versions before version {trained.version} fall behind it"
    return Reason(ReasonKind.AGEING, key, sentence)


def ageing_key(version: int) -> str:
    """The key of the reason to measure once a version is there: what is answered by it is known of all before it."""
    return f"ageing:{version}"


def _has_waited(facts: Facts, key: str) -> bool:
    return any(one.key == key and one.is_open and one.decided_at + LONGEST_WAIT < facts.now for one in facts.measured)


def runs_today(policy: ContinuousSection, facts: Facts) -> list[RunFact]:
    """The trainings of the day."""
    today = day_of(policy, facts.now)
    return [run for run in facts.runs if day_of(policy, run.started_at) == today]


def bytes_today(policy: ContinuousSection, facts: Facts) -> int:
    """What trainings and measurements of the day were to read of BigQuery."""
    today = day_of(policy, facts.now)
    times = ((one.bytes_read, when) for one in facts.measured for when in one.begun or (one.decided_at,))
    measured = sum(bytes_read for bytes_read, when in times if day_of(policy, when) == today)
    return measured + sum(run.bytes_read for run in runs_today(policy, facts))


def wanted_bytes(facts: Facts) -> int:
    """What a training reads of BigQuery; where no dry run was made yet, as much as the last one, or the last measurement, was to read."""
    known = [*(run.bytes_read for run in facts.runs), *(one.bytes_read for one in facts.measured[::-1])]
    return facts.training_bytes if facts.training_bytes is not None else next((one for one in known if one), 0)
