"""The open alarms of monitoring as facts for a policy."""

from dataclasses import replace
from datetime import UTC, date, datetime

import sqlalchemy as sa

from components.checks.record import list_acceptances
from components.decisions.replay import PastAlarm
from components.monitoring.alarms import Alarm, AlarmKind, AlarmState, all_alarms, open_alarms
from components.monitoring.record import read_live_days
from components.policy.facts import AlarmFact, Cause
from components.wording import percent

LIVE = "live"
SOURCE = "source"
"""Begins the names of findings in the source."""
DAYS_BEFORE = 7
"""So many days of the version before tell which share of the rows it refused."""


def read_alarm_facts(connection: sa.Connection, model: str) -> tuple[AlarmFact, ...]:
    """The open alarms about live versions of a model. One that is muted asks for nothing; a broken source stays broken all the same.

    What a person has let through the gate was meant: it is no fault of the source, but what the world is now. And where a version refuses
    rows that the one before took, it is the version that is bad.
    """
    found = [one for one in open_alarms(connection, model) if one.subject.role == LIVE]
    is_broken = any(one.standing.cause.kind is Cause.BROKEN_SOURCE for one in found)
    accepted = _accepted_columns(connection, model) if is_broken else {}
    facts = []
    for one in found:
        until = accepted.get(one.standing.cause.column or "") if one.standing.cause.kind is Cause.BROKEN_SOURCE else None
        if not one.is_muted and until is not None:
            fact = _fact(one)
            facts.append(replace(fact, cause=Cause.CHANGED_WORLD, sentence=f"{fact.sentence}, which is accepted until {until}"))
        elif not one.is_muted or (one.standing.cause.kind is Cause.BROKEN_SOURCE and until is None):
            facts.append(_refusing(connection, one) or _fact(one))
    return tuple(facts)


def _accepted_columns(connection: sa.Connection, model: str) -> dict[str, date]:
    """Until when findings of columns of the source are accepted."""
    today = datetime.now(UTC).date()
    parts = [(one.finding.split("/", 2), one.until) for one in list_acceptances(connection, model) if today <= one.until]
    return {names[2]: until for names, until in parts if names[0] == SOURCE and len(names) == 3}


def _refusing(connection: sa.Connection, alarm: Alarm) -> AlarmFact | None:
    """The fact that a version refuses rows since it is live, of which the version before on the target refused less than half as many."""
    subject = alarm.subject
    if subject.kind is not AlarmKind.SERVICE:
        return None
    days = [one for one in read_live_days(connection, subject.model, subject.target, with_metrics=False) if one.served.role == LIVE]
    own = [one for one in days if one.served.version == subject.version]
    before = [one for one in days if own and one.served.version < subject.version and one.served.day <= own[0].served.day][-DAYS_BEFORE:]
    if not before or subject.since > own[:2][-1].served.day:  # the first day may be half the other version's
        return None
    refused = sum(one.operation.refused_rows for one in before)
    was = refused / max(refused + sum(one.operation.predictions for one in before), 1)
    if was >= alarm.standing.loss / 2:
        return None
    sentence = f"{alarm.standing.sentence} since it is live, and version {before[-1].served.version} refused {percent(was)}"
    return replace(_fact(alarm), cause=Cause.BAD_VERSION, sentence=sentence)


def read_role_alarms(connection: sa.Connection, model: str, target: str, *, role: str, version: int) -> tuple[AlarmFact, ...]:
    """The open alarms about a version in a role on a target that nobody has muted."""
    return tuple(
        _fact(one)
        for one in open_alarms(connection, model, target)
        if (one.subject.role, one.subject.version) == (role, version) and not one.is_muted
    )


def read_past_alarms(connection: sa.Connection, model: str) -> tuple[PastAlarm, ...]:
    """All alarms that there were about live versions of a model, each open from the first day on which it showed."""
    return tuple(
        PastAlarm(_fact(one), one.subject.since, one.standing.day if one.standing.state is AlarmState.CLOSED else None)
        for one in all_alarms(connection, model)
        if one.subject.role == LIVE
    )


def _fact(alarm: Alarm) -> AlarmFact:
    cause = alarm.standing.cause
    return AlarmFact(
        alarm_id=str(alarm.alarm_id),
        cause=cause.kind,
        sentence=cause.sentence or alarm.standing.sentence,
        column=cause.column or "",
        since=cause.since or alarm.subject.since,
        target=alarm.subject.target,
        version=alarm.subject.version,
        seen=alarm.last_day,
    )
