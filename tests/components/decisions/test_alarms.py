"""Open alarms of monitoring become facts: those of live versions, and of the muted ones only that a source is broken."""

from collections.abc import Callable
from datetime import date

import pytest
import sqlalchemy as sa

from components.decisions.alarms import read_alarm_facts
from components.monitoring.alarms import (
    AlarmAnswer,
    AlarmCause,
    AlarmKind,
    AlarmStanding,
    AlarmState,
    AlarmSubject,
    answer,
    open_alarms,
    record_standing,
)
from components.policy.facts import AlarmFact, Cause
from components.registry.versions import NewVersion
from tests.components.recorded import register

SINCE, DAY = date(2013, 3, 1), date(2013, 3, 2)


@pytest.fixture
def alarmed(connection: sa.Connection, new_version: Callable[..., NewVersion]) -> Callable[..., str]:
    """Records an alarm of a new version. Returns the model."""

    def record(cause: Cause, role: str = "live", state: AlarmState = AlarmState.OPEN, sentence: str = "62% of hour is NULL") -> str:
        new = new_version(connection)
        number = register(connection, new)
        subject = AlarmSubject(
            model=new.model, version=number, target="prod", role=role, kind=AlarmKind.METRIC, subject="auc", slice={}, since=SINCE
        )
        why = AlarmCause(kind=cause, column="hour", slice={}, since=DAY, sentence=sentence)
        standing = AlarmStanding(state=state, day=DAY, loss=0.2, rows=120, sentence="auc is 0.52, was 0.72", cause=why)
        record_standing(connection, subject, standing, seq=1, run_id=new.run_id)
        return new.model

    return record


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_is_known_to_policies(connection: sa.Connection, alarmed: Callable[..., str], cause: Cause) -> None:
    model = alarmed(cause)
    (alarm,) = open_alarms(connection, model)
    fact = AlarmFact(str(alarm.alarm_id), Cause(cause.value), "62% of hour is NULL", "hour", DAY, "prod", 1)
    assert read_alarm_facts(connection, model) == (fact,)


def test_an_alarm_without_words_on_its_cause_says_what_it_saw(connection: sa.Connection, alarmed: Callable[..., str]) -> None:
    (fact,) = read_alarm_facts(connection, alarmed(Cause.UNKNOWN, sentence=""))
    assert fact.sentence == "auc is 0.52, was 0.72"


@pytest.mark.parametrize(("role", "state"), [("shadow", AlarmState.OPEN), ("live", AlarmState.CLOSED)])
def test_what_is_not_live_or_closed_is_no_fact(
    connection: sa.Connection, alarmed: Callable[..., str], role: str, state: AlarmState
) -> None:
    assert read_alarm_facts(connection, alarmed(Cause.CHANGED_WORLD, role, state)) == ()


@pytest.mark.parametrize(("cause", "count"), [(Cause.CHANGED_WORLD, 0), (Cause.BAD_VERSION, 0), (Cause.BROKEN_SOURCE, 1)])
def test_a_muted_alarm_only_says_that_the_source_is_broken(
    connection: sa.Connection, alarmed: Callable[..., str], cause: Cause, count: int
) -> None:
    model = alarmed(cause)
    (alarm,) = open_alarms(connection, model)
    answer(connection, alarm.alarm_id, AlarmAnswer.MUTE, actor="ann", reason="known", until=DAY)
    assert len(read_alarm_facts(connection, model)) == count


def test_the_end_of_a_mute_is_a_day_of_predictions_and_none_of_the_clock(connection: sa.Connection, alarmed: Callable[..., str]) -> None:
    model = alarmed(Cause.CHANGED_WORLD)
    (alarm,) = open_alarms(connection, model)
    answer(connection, alarm.alarm_id, AlarmAnswer.MUTE, actor="ann", reason="known", until=SINCE)
    assert len(read_alarm_facts(connection, model)) == 1, "a later day has been looked at"
