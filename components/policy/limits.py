"""The rules by which a training for which there is reason enough waits: hours, runs, seconds, bytes and room."""

from collections.abc import Callable
from datetime import datetime, timedelta

from components.model.continuous_section import ContinuousSection
from components.policy.ageing import bytes_today, runs_today, wanted_bytes
from components.policy.decision import Decision, PolicyVerdict
from components.policy.facts import Facts
from components.policy.reasons import Reason, ReasonKind
from components.policy.times import next_day, quiet_until

Rule = Callable[[ContinuousSection, Facts, tuple[Reason, ...]], Decision | None]
CROWDED = "trainings at once"
"""The rule by which a training waits for room."""
LAST_RUNS = 3
"""So many successful trainings tell how long the next one takes."""


def _quiet(policy: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    until = quiet_until(policy, facts.now)
    return None if until is None or _asked(policy, facts, reasons) else _later("quiet hours", "these are quiet hours", until, reasons)


def _cooldown(policy: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    cooldown = timedelta(hours=policy.cooldown_hours)
    # A run of the future began before a clock was set back. One further ahead than a cooldown would hold everything up for as long.
    begun = [run.started_at for run in facts.runs if run.started_at <= facts.now + cooldown]
    if not begun or _asked(policy, facts, reasons):
        return None
    last = max(begun)
    until = last + cooldown
    what = f"the last training began at {last:%Y-%m-%d %H:%M} UTC, and the cooldown is {policy.cooldown_hours} h"
    return _later("cooldown", what, until, reasons) if until > facts.now else None


def _runs_a_day(policy: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    today = runs_today(policy, facts)
    if len(today) < policy.runs_a_day:
        return None
    return _later(
        "runs a day", f"{len(today)} of {policy.runs_a_day} trainings of the day have begun", next_day(policy, facts.now), reasons
    )


def _out_of_reach(policy: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    """No day has the seconds that a training takes: no clock helps, and only a person may exceed them."""
    budget, longest = policy.training_seconds_a_day, _longest(facts)
    if budget is None or longest <= budget or _asked(policy, facts, reasons):
        return None
    sentence = f"a training takes {longest:,.0f} s, and continuous.training_seconds_a_day allows {budget:,}: raise it"
    return Decision(PolicyVerdict.WAIT, "training seconds", sentence, reasons)


def _budget(policy: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    budget, longest = policy.training_seconds_a_day, _longest(facts)
    used = sum(run.seconds for run in runs_today(policy, facts))
    if budget is None or not used or used + longest <= budget:
        return None
    sentence = f"{used:,.0f} of {budget:,} training seconds of the day are used, and a training takes {longest:,.0f}"
    return _later("training seconds", sentence, next_day(policy, facts.now), reasons)


def _dry_run(_: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    if not facts.dry_run_error:
        return None
    return Decision(PolicyVerdict.WAIT, "dry run", f"BigQuery would refuse the training: {facts.dry_run_error}", reasons)


def _bytes(policy: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    """Like the training seconds: what no day has is told at once, unless a person asks, and of what a day has is left some or none."""
    budget, wanted, is_known = policy.bytes_a_day, wanted_bytes(facts), facts.training_bytes is not None
    if budget is None:
        return None
    if is_known and wanted > budget and not _asked(policy, facts, reasons):
        sentence = f"a training reads {wanted:,} bytes, and continuous.bytes_a_day allows {budget:,}: raise it, or narrow the window"
        return Decision(PolicyVerdict.WAIT, "bytes", sentence, reasons)
    used = bytes_today(policy, facts)
    if not used or used + wanted <= budget:
        return None
    sentence = f"{used:,} of {budget:,} bytes of the day are used, and a training reads {wanted:,}"
    return _later("bytes", sentence, next_day(policy, facts.now), reasons)


def _crowded(_: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    return Decision(PolicyVerdict.WAIT, CROWDED, facts.crowded, reasons) if facts.crowded else None


def _longest(facts: Facts) -> float:
    """How many seconds the next training is taken to need."""
    return max([run.seconds for run in facts.runs if not run.failed and not run.is_running][:LAST_RUNS], default=0.0)


def _later(rule: str, why: str, until: datetime, reasons: tuple[Reason, ...]) -> Decision:
    waiting = "; ".join(one.sentence for one in reasons)
    return Decision(PolicyVerdict.WAIT, rule, f"{why}: not before {until:%Y-%m-%d %H:%M} UTC, for this: {waiting}", reasons, until)


def _asked(policy: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> bool:
    """Whether a person asks, who waits neither for quiet hours nor for a cooldown to end, and whose training has not failed too often."""
    return any(one.kind is ReasonKind.PERSON and facts.failures.get(one.key, 0) < policy.attempts for one in reasons)


LIMITS: tuple[Rule, ...] = (
    _out_of_reach,
    _quiet,
    _cooldown,
    _runs_a_day,
    _budget,
    _crowded,
    _dry_run,
    _bytes,
)
"""In the order in which they are asked."""
