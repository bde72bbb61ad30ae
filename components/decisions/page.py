"""The page of a model's decisions: a log book that says of each what was decided, by whom, on which facts, why, and what came of it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from components.canonical import fingerprint
from components.decisions.effects import effects_by_trigger
from components.decisions.measured_effect import Effect
from components.decisions.record import WANTED, DecisionOutcome, OutcomeKind, RecordedDecision, TrainingOutcome
from components.model.continuous_section import ContinuousSection
from components.policy.decision import ENDING, PolicyVerdict
from components.policy.words import policy_in_words
from components.report.templating import render, write_page
from components.wording import count, score

VERDICTS = {
    PolicyVerdict.TRAIN: "Train",
    PolicyVerdict.WAIT: "Not now",
    PolicyVerdict.MEND: "Not this way",
    PolicyVerdict.ROLL_BACK: "Roll back",
    PolicyVerdict.MEASURE: "Measure",
}
TONES = {
    PolicyVerdict.TRAIN: "good",
    PolicyVerdict.WAIT: "muted",
    PolicyVerdict.MEND: "warning",
    PolicyVerdict.ROLL_BACK: "bad",
    PolicyVerdict.MEASURE: "muted",
}
POLICY_DIGITS = 8
ENDED = (TrainingOutcome.VERSION, TrainingOutcome.KNOWN, TrainingOutcome.REFUSED, TrainingOutcome.FAILED, TrainingOutcome.CANCELLED)
SEEN = (Effect.BETTER, Effect.AS_BEFORE, Effect.WORSE)


@dataclass(frozen=True)
class _Entry:
    """A decision as the page shows it."""

    decision: RecordedDecision
    verdict: str
    tone: str
    facts: tuple[tuple[str, str], ...]
    """What is named, and what it was."""
    policy: str
    """The beginning of a SHA-256 of the policy that decided."""
    is_another_policy: bool
    """Whether the decision before was made by another policy."""
    events: tuple[tuple[datetime | None, str, str, str], ...]
    """When, what, by whom, and the sentence, in their order."""


@dataclass(frozen=True)
class _Record:
    """How a reason did."""

    trigger: str
    trainings: int
    ended: tuple[int, ...]
    seen: tuple[int, ...]


def write_decisions_page(model: str, decisions: Sequence[RecordedDecision], path: Path) -> None:
    """Write the page of at least one decision, the newest first.

    Raises:
        StorageFullError: the disk has no room for it.
    """
    policy = ContinuousSection.model_validate(decisions[0].policy)
    page = render(
        "decisions/templates/decisions.html",
        model=model,
        first=decisions[-1].created_at,
        last=decisions[0].created_at,
        entries=_entries(decisions),
        waiting=list(_waiting(decisions)),
        policy=policy_in_words(model, policy, delay if isinstance(delay := decisions[0].facts.get("label_delay_days"), int) else 0),
        records=_records(decisions),
        ended=ENDED,
        seen=SEEN,
    )
    write_page(page, path)


def _entries(decisions: Sequence[RecordedDecision]) -> list[_Entry]:
    policies = [fingerprint(dict(one.policy)) for one in decisions]
    before = [*policies[1:], policies[-1]]
    return [
        _Entry(
            decision=one,
            verdict=VERDICTS[one.verdict],
            tone=TONES[one.verdict],
            facts=tuple(_facts(one.facts)),
            policy=policy[:POLICY_DIGITS],
            is_another_policy=policy != other,
            events=tuple(_events(one)),
        )
        for one, policy, other in zip(decisions, policies, before, strict=True)
    ]


def _facts(facts: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The facts that a decision rested on, in words."""
    source, trained = _table(facts.get("source")), _table(facts.get("trained"))
    if source:
        rows = f"{count(float(str(source['new_rows'])))} rows of them are new"
        yield (
            "Source",
            f"partitions to {source['newest']}, used to {source['through']}; labels known to {source['labelled_through']}, {rows}",
        )
        if written := source.get("rewritten"):
            yield "Rewritten", ", ".join(map(str, _list(written)))
    elif facts.get("source_error"):
        yield "Source", str(facts["source_error"])
    yield "Last version", f"version {trained['version']}, spans to {trained['span']}" if trained else "none"
    live = [f"version {one['version']} on {one['target']}" for one in map(_table, _list(facts.get("live")))]
    yield "Live", ", ".join(live) or "nothing"
    yield from _worth(facts)
    for alarm in map(_table, _list(facts.get("alarms"))):
        yield f"Alarm {alarm['alarm_id']}", f"{str(alarm['cause']).replace('_', ' ')}: {alarm['sentence']}"
    for request in map(_table, _list(facts.get("requests"))):
        yield "Request", str(request["sentence"])
    if facts.get("paused"):
        yield "Paused", str(facts["paused"])


def _worth(facts: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What a training would change, and what it would cost."""
    if ageing := _table(facts.get("ageing")):
        ages, losses = _list(ageing["ages"]), _list(ageing["losses"])
        yield "Ageing", f"a version of {ages[-1]} days loses {score(float(str(losses[-1])))} against one of {ages[0]}"
    if changed := _list(_table(facts.get("code")).get("changed")):
        yield "Code", f"{' and '.join(map(str, changed))} changed since the last version"
    if facts.get("training_bytes") is not None:
        yield "BigQuery", f"a training reads {count(float(str(facts['training_bytes'])))} bytes at most"
    for name, what in (("dry_run_error", "BigQuery"), ("crowded", "Room")):
        if facts.get(name):
            yield what, str(facts[name])


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _events(decision: RecordedDecision) -> Iterator[tuple[datetime | None, str, str, str]]:
    what = "run" if decision.trigger else "attempt"
    claims = [(claim.created_at, f"{what} {claim.attempt}", claim.host, claim.run_id) for claim in decision.claims]
    outcomes = [
        (one.created_at, f"{one.kind} {one.result}", one.actor, one.sentence) for one in decision.outcomes if one.created_at is not None
    ]
    yield from sorted([*claims, *outcomes], key=lambda event: event[0])
    if decision.verdict in ENDING and not decision.outcomes:
        yield None, "under way", decision.actor, "it is not at its end yet"


def _waiting(decisions: Sequence[RecordedDecision]) -> Iterator[DecisionOutcome]:
    """Versions that wait for a person."""
    for one in decisions:
        for outcome in one.outcomes:
            if outcome.result == WANTED and not one.outcome(OutcomeKind.DEPLOYMENT, outcome.subject):
                yield outcome


def _records(decisions: Sequence[RecordedDecision]) -> list[_Record]:
    effects, ended = effects_by_trigger(decisions), dict[str, Counter[str]]()
    for one in decisions:
        if one.trigger is not None and (outcome := one.outcome(OutcomeKind.TRAINING)) is not None:
            ended.setdefault(one.trigger, Counter())[outcome.result] += 1
    return [
        _Record(
            trigger,
            counts.total(),
            tuple(counts[result] for result in ENDED),
            tuple(effects.get(trigger, Counter())[effect] for effect in SEEN),
        )
        for trigger, counts in sorted(ended.items())
    ]
