"""The policy: named facts in, one decision out, with a reason in one sentence. It is pure: the same facts give the same decision."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from components.model.continuous_section import ContinuousSection
from components.policy.ageing import ageing_to_measure, bytes_today, runs_today
from components.policy.facts import AlarmFact, Cause, Facts, LiveFact
from components.policy.reasons import NEW_SPAN, Reason, ReasonKind, reasons_to_train
from components.policy.times import next_day, quiet_until

MENDED: Mapping[str, Cause] = {
    "bad version": Cause.BAD_VERSION,
    "broken source": Cause.BROKEN_SOURCE,
    "serving fault": Cause.SERVING_FAULT,
    "unknown cause": Cause.UNKNOWN,
}
"""Which alarms ask for something to be mended, by the rule that says so."""
LAST_RUNS = 3
"""So many successful trainings tell how long the next one takes."""


class PolicyVerdict(StrEnum):
    """What is decided."""

    TRAIN = "train"
    WAIT = "wait"
    """There is a reason to train, and something speaks against it now."""
    MEND = "mend"
    """Training would not help: something else has to be put right."""
    ROLL_BACK = "roll back"
    MEASURE = "measure"
    """Nothing is trained: how fast versions age is measured first, by which a new span is judged."""
    NOTHING = "nothing"
    """There is no reason to train. It is not recorded."""


ENDING = (PolicyVerdict.TRAIN, PolicyVerdict.ROLL_BACK, PolicyVerdict.MEASURE)
"""What is carried out, and comes to an end."""


@dataclass(frozen=True)
class Decision:
    """What is decided, by which rule, and why."""

    verdict: PolicyVerdict
    rule: str
    """The name of the rule that decided, such as `cooldown`: docs/continuous-training.md lists them in order."""
    reason: str
    """One sentence that names the facts."""
    because: tuple[Reason, ...] = ()
    """The reasons to train that it answers (TRAIN), or that wait; the alarm that asks for a rollback (ROLL_BACK)."""
    not_before: datetime | None = None
    """When it is worth looking again, if a clock says so."""
    target: str | None = None
    """Where to roll back."""
    subject: tuple[str, ...] = ()
    """What else tells it from another decision by the same rule, such as alarms."""

    @property
    def kind(self) -> ReasonKind:
        """What a training is called after: the strongest of its reasons."""
        return self.because[0].kind


def decide(policy: ContinuousSection, facts: Facts) -> Decision:
    """What to do about a model now. The first rule that has something to say decides."""
    reasons = reasons_to_train(policy, facts)
    for rule in RULES:
        if (decision := rule(policy, facts, reasons)) is not None:
            return decision
    ripe = [one for one in reasons if not one.unripe or one.kind is ReasonKind.PARTITION]
    return Decision(PolicyVerdict.TRAIN, "train", "; ".join(one.sentence for one in ripe), tuple(ripe))


def _paused(_: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    if not facts.paused:
        return None
    return Decision(
        PolicyVerdict.WAIT, "paused", f"{facts.model} is paused ({facts.paused}): run `perennial resume {facts.model}`", reasons
    )


def _bad_version(policy: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    """Go back from a version on probation; of any other, leave it to people. Training goes on: it may bring a better one."""
    for alarm in _alarms(facts, Cause.BAD_VERSION):
        for live in facts.live:
            is_meant = alarm.target in (None, live.target) and alarm.version in (None, live.version)
            because = Reason(ReasonKind.ALARM, f"rollback:{alarm.alarm_id}:{live.target}:{live.version}", alarm.sentence)
            if is_meant and _is_on_probation(policy, live, facts.now) and because.key not in facts.answered:
                what = f"version {live.version}, on probation on {live.target} since {live.since:%Y-%m-%d %H:%M} UTC,"
                sentence = f"{what} is bad (alarm {alarm.alarm_id}: {alarm.sentence})"
                return Decision(PolicyVerdict.ROLL_BACK, "probation", sentence, (because,), target=live.target)
    if reasons or not (bad := _alarms(facts, Cause.BAD_VERSION)):
        return None
    sentence = f"alarm {bad[0].alarm_id} says that the version is bad ({bad[0].sentence}), which training on the same data would not mend"
    return Decision(PolicyVerdict.MEND, "bad version", f"{sentence}: look at `perennial rollback {facts.model}`", subject=_ids(bad))


def _is_on_probation(policy: ContinuousSection, live: LiveFact, now: datetime) -> bool:
    return live.by_policy and now < live.since + timedelta(days=policy.probation_days)


def _broken_source(_: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    broken = _alarms(facts, Cause.BROKEN_SOURCE)
    if not broken:
        return None
    first, more = broken[0], f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
    column = f"column {first.column} of the source" if first.column else "the source"
    since = f" since {first.since}" if first.since else ""
    then = f", for this: {'; '.join(one.sentence for one in reasons)}" if reasons else ", if there is a reason then"
    sentence = (
        f"{column} is broken{since} (alarm {first.alarm_id}: {first.sentence}){more}, and a version trained now would learn the fault"
    )
    return Decision(
        PolicyVerdict.MEND, "broken source", f"{sentence}: mend it; it trains when the alarm is closed{then}", reasons, subject=_ids(broken)
    )


def _serving_fault(_: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    faults = _alarms(facts, Cause.SERVING_FAULT)
    if reasons or not faults:
        return None
    sentence = f"alarm {faults[0].alarm_id} is about the service ({faults[0].sentence}), which training does not mend"
    return Decision(PolicyVerdict.MEND, "serving fault", sentence, subject=_ids(faults))


def _unknown_cause(policy: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    unknown = _alarms(facts, Cause.UNKNOWN)
    if reasons or policy.train_on_unknown or not unknown:
        return None
    sentence = f"nobody knows the cause of alarm {unknown[0].alarm_id} ({unknown[0].sentence}), so training may not help"
    remedy = f"look at `perennial compare {facts.model}`, or set continuous.train_on_unknown"
    return Decision(PolicyVerdict.MEND, "unknown cause", f"{sentence}: {remedy}", subject=_ids(unknown))


def _ageing(policy: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    """Measure before a new span is judged. What does not ask how fast versions age does not wait for it."""
    found = ageing_to_measure(policy, facts)
    if found is None or not all(one.unripe or one.key.startswith(NEW_SPAN) for one in reasons):
        return None
    return Decision(PolicyVerdict.MEASURE, "ageing", found.sentence, (found,))


def _no_reason(_: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    return None if reasons else Decision(PolicyVerdict.NOTHING, "no reason", f"nothing asks for a training of {facts.model}")


def _no_source(policy: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    if facts.source is not None or not (reasons or set(policy.triggers) & {"new_partition", "schedule"}):
        return None  # who trains for neither needs the source only when there is another reason
    return Decision(
        PolicyVerdict.WAIT, "no data", f"there is nothing to train on: {facts.source_error or 'the source was not read'}", reasons
    )


def _running(_: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    running = [run.run_id for run in facts.runs if run.is_running]
    return Decision(PolicyVerdict.WAIT, "one run at a time", f"run {running[0]} is under way", reasons) if running else None


def _attempts(policy: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    ripe = [one for one in reasons if not one.unripe]  # what is not ripe would not be trained for: it starts no training again
    if not ripe or any(facts.failures.get(one.key, 0) < policy.attempts for one in ripe):
        return None
    sentence = f"{policy.attempts} trainings for this failed ({ripe[0].sentence}): look at `perennial runs {facts.model}`"
    return Decision(PolicyVerdict.WAIT, "attempts", f"{sentence}, then ask with `perennial request {facts.model}`", reasons)


def _unripe(_: ContinuousSection, __: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    if not all(one.unripe for one in reasons):
        return None
    return Decision(PolicyVerdict.WAIT, "not ripe", "; ".join(f"{one.sentence}, but only {one.unripe}" for one in reasons), reasons)


def _quiet(policy: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    until = quiet_until(policy, facts.now)
    return None if until is None or _asked(reasons) else _later("quiet hours", "these are quiet hours", until, reasons)


def _cooldown(policy: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    cooldown = timedelta(hours=policy.cooldown_hours)
    # A run of the future began before a clock was set back. One further ahead than a cooldown would hold everything up for as long.
    begun = [run.started_at for run in facts.runs if run.started_at <= facts.now + cooldown]
    if not begun or _asked(reasons):
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
    if budget is None or longest <= budget or _asked(reasons):
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
    budget, wanted = policy.bytes_a_day, facts.training_bytes
    if budget is None or wanted is None:
        return None
    if wanted > budget and not _asked(reasons):
        sentence = f"a training reads {wanted:,} bytes, and continuous.bytes_a_day allows {budget:,}: raise it, or narrow the window"
        return Decision(PolicyVerdict.WAIT, "bytes", sentence, reasons)
    used = bytes_today(policy, facts)
    if not used or used + wanted <= budget:
        return None
    sentence = f"{used:,} of {budget:,} bytes of the day are used, and a training reads {wanted:,}"
    return _later("bytes", sentence, next_day(policy, facts.now), reasons)


def _crowded(_: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    return Decision(PolicyVerdict.WAIT, "trainings at once", facts.crowded, reasons) if facts.crowded else None


def _longest(facts: Facts) -> float:
    """How many seconds the next training is taken to need."""
    return max([run.seconds for run in facts.runs if not run.failed and not run.is_running][:LAST_RUNS], default=0.0)


Rule = Callable[[ContinuousSection, Facts, tuple[Reason, ...]], Decision | None]
RULES: tuple[Rule, ...] = (
    _bad_version,
    _paused,
    _broken_source,
    _serving_fault,
    _unknown_cause,
    _no_source,
    _ageing,
    _no_reason,
    _running,
    _attempts,
    _unripe,
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


def _later(rule: str, why: str, until: datetime, reasons: tuple[Reason, ...]) -> Decision:
    waiting = "; ".join(one.sentence for one in reasons)
    return Decision(PolicyVerdict.WAIT, rule, f"{why}: not before {until:%Y-%m-%d %H:%M} UTC, for this: {waiting}", reasons, until)


def _asked(reasons: tuple[Reason, ...]) -> bool:
    """Whether a person asks, who waits neither for quiet hours nor for a cooldown to end."""
    return any(one.kind is ReasonKind.PERSON for one in reasons)


def _alarms(facts: Facts, cause: Cause) -> list[AlarmFact]:
    found = (one for one in facts.alarms if one.cause is cause and (cause is Cause.BROKEN_SOURCE or facts.concerns(one)))
    return sorted(found, key=lambda one: one.alarm_id)


def _ids(alarms: list[AlarmFact]) -> tuple[str, ...]:
    return tuple(f"alarm:{one.alarm_id}" for one in alarms)
