"""The reasons to train a model that facts give: each with a key, by which it is answered once, and a sentence."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from components.model.continuous_section import ContinuousSection
from components.policy.facts import AgeingFact, AlarmFact, Cause, Facts
from components.policy.times import last_due

TRAINING_MENDS = (Cause.CHANGED_WORLD, Cause.COVERAGE)
NEW_SPAN = "partition:"
"""Begins the key of the one reason that is judged by how fast versions age."""
UNMEASURED = AgeingFact((0,), (0.0,))
"""Of versions of which nothing is known."""


class ReasonKind(StrEnum):
    """What asks for a training, the strongest first: a run is called after it."""

    PERSON = "person"
    ALARM = "alarm"
    CODE = "code"
    PARTITION = "partition"
    SCHEDULE = "schedule"
    AGEING = "ageing"
    """Asks for no training, but to measure how fast versions age."""


@dataclass(frozen=True)
class Reason:
    """Why a model should be trained."""

    kind: ReasonKind
    key: str
    """The same as long as it is the same reason, such as `partition:1998-05-31`."""
    sentence: str
    unripe: str = ""
    """What it still waits for, such as labels; empty if nothing."""


def reasons_to_train(policy: ContinuousSection, facts: Facts) -> tuple[Reason, ...]:
    """The reasons that no training was carried out for yet, the strongest first."""
    found = (one for kind in (_persons, _alarms, _code, _partitions, _mended, _schedule) for one in kind(policy, facts))
    order = list(ReasonKind)
    return tuple(sorted((one for one in found if one.key not in facts.answered), key=lambda one: (order.index(one.kind), one.key)))


def _persons(policy: ContinuousSection, facts: Facts) -> Iterator[Reason]:
    if "person" in policy.triggers:
        for request in facts.requests:
            yield Reason(ReasonKind.PERSON, request.key, request.sentence)


def _alarms(policy: ContinuousSection, facts: Facts) -> Iterator[Reason]:
    if "alarm" not in policy.triggers:
        return
    for alarm in facts.alarms:
        mends = alarm.cause in TRAINING_MENDS or (alarm.cause is Cause.UNKNOWN and policy.train_on_unknown)
        if mends and facts.concerns(alarm) and not has_learned(facts, alarm):
            key, sentence = _alarm_key(facts, alarm), f"alarm {alarm.alarm_id}: {alarm.sentence}"
            yield Reason(ReasonKind.ALARM, key, sentence, _lacking_days(facts, alarm))


def has_learned(facts: Facts, alarm: AlarmFact) -> bool:
    """Whether the last version, which is another than the one that an alarm is about, was trained on days on which it shows."""
    trained, mends = facts.trained, alarm.cause in TRAINING_MENDS
    return mends and trained is not None and trained.version != alarm.version and alarm.since is not None and trained.span >= alarm.since


def _alarm_key(facts: Facts, alarm: AlarmFact) -> str:
    """Asks again when another cause is found, and whenever twice as many days on which it shows can be learned from."""
    key = f"alarm:{alarm.alarm_id}:{alarm.cause}"
    if alarm.cause not in TRAINING_MENDS or alarm.since is None or facts.source is None:
        return key
    return f"{key}:{max((facts.source.span - alarm.since).days + 1, 0).bit_length()}"


def _lacking_days(facts: Facts, alarm: AlarmFact) -> str:
    """That no day on which it shows can be learned from yet; empty if one can, or nobody knows."""
    if alarm.cause not in TRAINING_MENDS or alarm.since is None or facts.source is None or alarm.since <= facts.source.span:
        return ""
    return f"labels are known of spans up to {facts.source.span}, and it shows since {alarm.since}"


def _code(policy: ContinuousSection, facts: Facts) -> Iterator[Reason]:
    code, trained = facts.code, facts.trained
    if "code" in policy.triggers and trained and code.changed:
        version = trained.version if code.version is None else code.version
        key = f"code:{code.digest}:{version}"  # going back to code that was trained before is a change, too
        yield Reason(ReasonKind.CODE, key, f"the code of {' and '.join(code.changed)} changed since version {version}")


def _partitions(policy: ContinuousSection, facts: Facts) -> Iterator[Reason]:
    source, trained = facts.source, facts.trained
    if "new_partition" not in policy.triggers or source is None:
        return
    if trained is None or source.span > trained.span:
        since = f"version {trained.version} knows spans up to {trained.span}" if trained else "there is no version yet"
        sentence = f"the labels of span {source.span} are known, and {since}"
        unripe = (_lacking_place(facts) or _lacking_rows(policy, facts) or _lacking_worth(policy, facts)) if trained else ""
        yield Reason(ReasonKind.PARTITION, f"{NEW_SPAN}{source.span}", sentence, unripe)
    if trained and source.rewritten:
        first, more = source.rewritten[0], len(source.rewritten) - 1
        what = f"partition {first}" + (f" and {more} more were" if more else " was")
        sentence = f"{what} rewritten after version {trained.version} was trained on it"
        yield Reason(ReasonKind.PARTITION, f"rewritten:{source.rewritten_id}", sentence)


def _mended(policy: ContinuousSection, facts: Facts) -> Iterator[Reason]:
    """What a gate refused may be good once it was written again: no version has pinned it, so it is not a rewritten partition."""
    source, last = facts.source, facts.refused
    if "new_partition" not in policy.triggers or source is None or source.written_at is None or last is None:
        return
    is_told = bool(source.rewritten) and f"rewritten:{source.rewritten_id}" not in facts.answered
    if source.written_at > last.started_at and not is_told:
        sentence = f"the source was written again at {source.written_at:%Y-%m-%d %H:%M} UTC, after a gate had refused run {last.run_id}"
        yield Reason(ReasonKind.PARTITION, f"mended:{last.run_id}:{source.written_at:%Y-%m-%dT%H:%M:%S.%f}", sentence)


def _schedule(policy: ContinuousSection, facts: Facts) -> Iterator[Reason]:
    due = last_due(policy, policy.schedule, facts.now) if policy.schedule else None
    if due is None or facts.source is None or any(due <= run.started_at <= facts.now and not run.failed for run in facts.runs):
        return  # a run of the future, which began before a clock was set back, speaks for no day
    sentence = f"the schedule was due at {due:%Y-%m-%d %H:%M} UTC"
    yield Reason(ReasonKind.SCHEDULE, f"schedule:{due:%Y-%m-%dT%H:%M}", sentence, _lacking_place(facts) or _lacking_rows(policy, facts))


def _lacking_place(facts: Facts) -> str:
    """A version that goes live in steps would be replaced by the next one, and so would that: none would ever be live."""
    return f"once {facts.rolling_out}" if facts.rolling_out else ""


def _lacking_rows(policy: ContinuousSection, facts: Facts) -> str:
    rows = facts.source.new_rows if facts.source else 0
    return f"{rows:,} of {policy.least_new_rows:,} new rows with labels are there" if rows < policy.least_new_rows else ""


def _lacking_worth(policy: ContinuousSection, facts: Facts) -> str:
    """What a new version would gain in as many days as the last one is older, if that is less than a training costs; empty if it is not.

    Of a constant pace of ageing these are the best times to train.
    """
    source, trained, ageing = facts.source, facts.trained, facts.ageing or UNMEASURED
    if source is None or trained is None:
        return ""
    young, days = (source.newest - source.span).days, (source.span - trained.span).days
    if (gain := ageing.gain(young, days)) >= policy.training_cost:
        return ""
    return f"{gain:.2g} of the {policy.training_cost:g} that a training costs would be gained in {'a day' if days == 1 else f'{days} days'}"
