"""The open alarms of monitoring as facts for a policy."""

import sqlalchemy as sa

from components.decisions.replay import PastAlarm
from components.monitoring.alarms import Alarm, AlarmState, all_alarms, open_alarms
from components.policy.facts import AlarmFact, Cause

LIVE = "live"


def read_alarm_facts(connection: sa.Connection, model: str) -> tuple[AlarmFact, ...]:
    """The open alarms about live versions of a model. One that is muted asks for nothing; a broken source stays broken all the same."""
    return tuple(
        _fact(one)
        for one in open_alarms(connection, model)
        if one.subject.role == LIVE and (not one.is_muted or one.standing.cause.kind is Cause.BROKEN_SOURCE)
    )


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
    )
