"""What came of decisions once it can be seen live: whether a metric is better since, and when the alarm was closed that asked to mend."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from components.database.statements import execute
from components.decisions.measured_effect import LEAST_DAYS, MOST_DAYS, Effect, MeasuredEffect, measure_effect
from components.decisions.record import DecisionOutcome, OutcomeKind, RecordedDecision, read_decision, record_outcome
from components.monitoring.alarms import Alarm, AlarmState, all_alarms
from components.monitoring.record import DayState, LiveDay, read_live_days
from components.policy.decide import MENDED
from components.policy.decision import PolicyVerdict
from components.registry.deployments import history

LIVE = "live"


def record_effects(engine: sa.Engine, model: str, actor: str) -> list[str]:
    """Record what can be told by now of the decisions of a model. Returns what was not known before, a sentence each.

    Raises:
        AccessError: Cloud SQL cannot be reached.
    """
    news = []
    with engine.connect() as connection:
        due = [
            (read_decision(connection, row.decision_id), row.subject)
            for row in execute(connection, "decisions.without_effect", model=model)
        ]
        found = [(decision, outcome) for decision, target in due for outcome in _effects(connection, decision, target, actor)]
    for decision, outcome in found:
        with engine.begin() as connection:
            record_outcome(connection, decision.decision_id, outcome)
        if outcome.result != Effect.NOT_TOLD:
            news.append(f"decision {decision.decision_id}: {outcome.sentence}")
    return news


def _effects(connection: sa.Connection, decision: RecordedDecision, target: str, actor: str) -> Iterator[DecisionOutcome]:
    if decision.verdict is PolicyVerdict.MEND:
        yield from _closed(decision, all_alarms(connection, decision.model), actor)
        return
    made = decision.outcome(OutcomeKind.ROLLBACK) or decision.outcome(OutcomeKind.DEPLOYMENT, target)
    if made is None or made.version is None:
        return
    found = _measured(connection, decision.model, target, before=_version_before(connection, decision, target), since=made.version)
    if found is not None:
        yield DecisionOutcome(
            kind=OutcomeKind.EFFECT, subject=target, result=found.effect, sentence=found.sentence, version=made.version, actor=actor
        )


def _measured(connection: sa.Connection, model: str, target: str, *, before: int | None, since: int) -> MeasuredEffect | None:
    """Metrics are read only once there are days enough, and of those days alone: a watcher asks every few minutes."""
    known = [day.served for day in read_live_days(connection, model, target, with_metrics=False) if _counts(day)]
    was = [one.day for one in known if one.version == before][-MOST_DAYS:]
    now = [one.day for one in known if one.version == since and not (was and one.day <= was[-1])]
    if before is None:
        return MeasuredEffect(Effect.NOT_TOLD, f"no version was live on {target} before") if now else None
    if len(now) >= LEAST_DAYS <= len(was):
        days = [day for day in read_live_days(connection, model, target, since=was[0]) if _counts(day)]
        return measure_effect(days, before=before, since=since)
    if now and len(was) < LEAST_DAYS:
        return MeasuredEffect(Effect.NOT_TOLD, f"version {before} was live on {len(was)} days that tell, and {LEAST_DAYS} are needed")
    if now and known[-1].day > now[-1]:  # days settle one after the other: no more of it will
        return MeasuredEffect(Effect.NOT_TOLD, f"version {since} was live on {len(now)} days that tell, and {LEAST_DAYS} are needed")
    return None


def _counts(day: LiveDay) -> bool:
    return day.served.role == LIVE and day.state is DayState.SETTLED


def _closed(decision: RecordedDecision, alarms: Sequence[Alarm], actor: str) -> Iterator[DecisionOutcome]:
    """The alarms that asked for something to be mended, once all of them are over."""
    named = decision.facts["alarms"]
    ids = {str(one["alarm_id"]) for one in named if one["cause"] == MENDED.get(decision.rule)} if isinstance(named, list) else set()
    own = [alarm for alarm in alarms if str(alarm.alarm_id) in ids]
    if own and all(alarm.standing.state is AlarmState.CLOSED for alarm in own):
        last = max(own, key=lambda alarm: alarm.standing.day)
        sentence = f"alarm {last.alarm_id} is closed since {last.standing.day}"
        yield DecisionOutcome(kind=OutcomeKind.EFFECT, subject="", result=Effect.CLOSED, sentence=sentence, actor=actor)


def _version_before(connection: sa.Connection, decision: RecordedDecision, target: str) -> int | None:
    """The version that was live on the target before the decision was carried out there."""
    events = history(connection, decision.model, target)
    mine = (f":{decision.decision_id}:{target}",)
    place = next((number for number, event in enumerate(events) if event.request_id.endswith(mine)), None)
    earlier = events[place + 1 :] if place is not None else []
    return earlier[0].version if earlier else None


def effects_by_trigger(decisions: Sequence[RecordedDecision]) -> dict[str, Counter[str]]:
    """What was seen live of trainings, by what had asked for them: how often each reason was right."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for one in decisions:
        effects = (each.result for each in one.outcomes if each.kind is OutcomeKind.EFFECT and each.result != Effect.NOT_TOLD)
        found[one.trigger or ""] += Counter(effects if one.trigger else ())
    return {trigger: counts for trigger, counts in found.items() if counts}
