"""The policy: named facts in, one decision out, with a reason in one sentence. It is pure: the same facts give the same decision."""

from collections.abc import Mapping
from datetime import timedelta

from components.model.continuous_section import ContinuousSection
from components.policy.ageing import ageing_to_measure
from components.policy.decision import Decision, PolicyVerdict
from components.policy.facts import AlarmFact, Cause, Facts, LiveFact
from components.policy.limits import LIMITS, Rule
from components.policy.reasons import NEW_SPAN, TRAINING_MENDS, Reason, ReasonKind, has_learned, reasons_to_train

MENDED: Mapping[str, Cause] = {
    "bad version": Cause.BAD_VERSION,
    "broken source": Cause.BROKEN_SOURCE,
    "serving fault": Cause.SERVING_FAULT,
    "unknown cause": Cause.UNKNOWN,
}
"""Which alarms ask for something to be mended, by the rule that says so."""
MEND_SOURCE = "mend it, or, if it is meant, let the gate find it (`perennial train`) and accept it (`perennial gate accept`)"
LONGEST_UNSEEN = timedelta(days=28)
"""For so long an alarm holds of whose version no day was looked at any more: then the gate alone says whether the source is whole."""


def decide(policy: ContinuousSection, facts: Facts) -> Decision:
    """What to do about a model now. The first rule that has something to say decides."""
    reasons = reasons_to_train(policy, facts)
    for rule in RULES:
        if (decision := rule(policy, facts, reasons)) is not None:
            return decision
    ripe = [one for one in reasons if not one.unripe or one.kind is ReasonKind.PARTITION]
    return Decision(PolicyVerdict.TRAIN, "train", "; ".join(one.sentence for one in ripe), tuple(ripe))


def decide_rollback(policy: ContinuousSection, facts: Facts) -> Decision | None:
    """Whether a version on probation is bad, for which nothing of the source or of trainings has to be known."""
    found = _bad_version(policy, facts, ())
    return found if found is not None and found.verdict is PolicyVerdict.ROLL_BACK else None


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
            if is_meant and _is_on_probation(policy, facts, live) and because.key not in facts.answered:
                what = f"version {live.version}, on probation on {live.target} since {live.since:%Y-%m-%d %H:%M} UTC,"
                sentence = f"{what} is bad (alarm {alarm.alarm_id}: {alarm.sentence})"
                return Decision(PolicyVerdict.ROLL_BACK, "probation", sentence, (because,), target=live.target)
    if reasons or not (bad := _alarms(facts, Cause.BAD_VERSION)):
        return None
    sentence = f"alarm {bad[0].alarm_id} says that the version is bad ({bad[0].sentence}), which training on the same data would not mend"
    return Decision(PolicyVerdict.MEND, "bad version", f"{sentence}: look at `perennial rollback {facts.model}`", subject=_ids(bad))


def _is_on_probation(policy: ContinuousSection, facts: Facts, live: LiveFact) -> bool:
    """Nothing is known of a day before its labels are: so much later probation ends."""
    days = policy.probation_days + facts.label_delay_days if policy.probation_days else 0
    return live.by_policy and facts.now < live.since + timedelta(days=days)


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
        PolicyVerdict.MEND,
        "broken source",
        f"{sentence}: {MEND_SOURCE}; it trains when the alarm is closed{then}",
        reasons,
        subject=_ids(broken),
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


def _answered_alarm(policy: ContinuousSection, facts: Facts, reasons: tuple[Reason, ...]) -> Decision | None:
    """Say why nothing is trained for an alarm about a live version that a training would mend."""
    live = {one.version for one in facts.live}
    found = [one for cause in TRAINING_MENDS for one in _alarms(facts, cause) if one.version in live]
    if reasons or not found or "alarm" not in policy.triggers:
        return None
    first, trained = found[0], facts.trained
    if trained is not None and has_learned(facts, first):
        then = f"version {trained.version}, which was trained on days on which it shows, is not live in its place"
    else:
        then = "a training for it has not mended it; the next one begins when twice as many days on which it shows have labels"
    sentence = f"alarm {first.alarm_id} is open still ({first.sentence}), and {then}"
    return Decision(PolicyVerdict.WAIT, "answered alarm", sentence, subject=_ids(found))


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


RULES: tuple[Rule, ...] = (
    _bad_version,
    _paused,
    _broken_source,
    _serving_fault,
    _unknown_cause,
    _no_source,
    _ageing,
    _answered_alarm,
    _no_reason,
    _running,
    _attempts,
    _unripe,
    *LIMITS,
)
"""In the order in which they are asked."""


def _alarms(facts: Facts, cause: Cause) -> list[AlarmFact]:
    holds = _is_watched if cause is Cause.BROKEN_SOURCE else Facts.concerns
    found = (one for one in facts.alarms if one.cause is cause and holds(facts, one))
    return sorted(found, key=lambda one: one.alarm_id)


def _is_watched(facts: Facts, alarm: AlarmFact) -> bool:
    """Whether an alarm says what the source is now: where nothing is served any more, nobody looks whether it was mended."""
    return alarm.seen is None or facts.source is None or facts.source.newest - alarm.seen <= LONGEST_UNSEEN


def _ids(alarms: list[AlarmFact]) -> tuple[str, ...]:
    return tuple(f"alarm:{one.alarm_id}" for one in alarms)
