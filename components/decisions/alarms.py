"""The open alarms of monitoring as facts for a policy."""

import sqlalchemy as sa

from components.database.statements import execute
from components.monitoring.alarms import Alarm, Cause, open_alarms
from components.policy.facts import AlarmFact, LikelyCause

LIVE = "live"


def read_alarm_facts(connection: sa.Connection, model: str) -> tuple[AlarmFact, ...]:
    """The open alarms about live versions of a model. One that is muted asks for nothing; a broken source stays broken all the same."""
    today = execute(connection, "decisions.now").scalar_one().date()
    return tuple(
        _fact(one)
        for one in open_alarms(connection, model)
        if one.subject.role == LIVE and (not one.is_muted(today) or one.standing.cause.kind is Cause.BROKEN_SOURCE)
    )


def _fact(alarm: Alarm) -> AlarmFact:
    cause = alarm.standing.cause
    return AlarmFact(
        alarm_id=str(alarm.alarm_id),
        cause=LikelyCause(cause.kind),
        sentence=cause.sentence or alarm.standing.sentence,
        column=cause.column or "",
        since=cause.since or alarm.subject.since,
        target=alarm.subject.target,
        version=alarm.subject.version,
    )
