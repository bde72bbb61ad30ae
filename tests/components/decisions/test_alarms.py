"""Open alarms of monitoring become facts: those of live versions, and of the muted ones only that a source is broken."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from components.database.statements import execute
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
from components.monitoring.record import record_live_day
from components.policy.facts import AlarmFact, Cause
from components.registry.versions import NewVersion
from tests.components.decisions.test_measured_effect import FIRST, served
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
    fact = AlarmFact(str(alarm.alarm_id), Cause(cause.value), "62% of hour is NULL", "hour", DAY, "prod", 1, DAY)
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


@pytest.mark.parametrize(("finding", "cause"), [("source/NULLs/hour", Cause.CHANGED_WORLD), ("rows/NULLs/hour", Cause.BROKEN_SOURCE)])
def test_what_a_person_has_let_through_the_gate_is_no_fault_of_the_source(
    connection: sa.Connection, alarmed: Callable[..., str], finding: str, cause: Cause
) -> None:
    model, until = alarmed(Cause.BROKEN_SOURCE), datetime.now(UTC).date()
    run_id = connection.execute(sa.text("SELECT run_id FROM registry.pipeline_run WHERE model = :model"), {"model": model}).scalar_one()
    values = {"model": model, "finding": finding, "run_id": run_id, "measure": 1.0, "actor": "ann", "reason": "it is optional now"}
    execute(connection, "acceptances.insert", **values, until=until - timedelta(days=1))
    assert [one.cause for one in read_alarm_facts(connection, model)] == [Cause.BROKEN_SOURCE], "it has ended"
    execute(connection, "acceptances.insert", **values, until=until)
    (fact,) = read_alarm_facts(connection, model)
    accepted = f", which is accepted until {until}" if cause is Cause.CHANGED_WORLD else ""
    assert (fact.cause, fact.sentence) == (cause, f"62% of hour is NULL{accepted}")


@pytest.mark.parametrize(
    ("refused_before", "since", "cause"),
    [(1, 5, Cause.BAD_VERSION), (60, 5, Cause.SERVING_FAULT), (1, 7, Cause.SERVING_FAULT)],
    ids=["it took all rows before", "it refused as many before", "it took them at first"],
)
def test_a_version_that_refuses_what_the_one_before_took_is_bad(
    connection: sa.Connection, new_version: Callable[..., NewVersion], refused_before: int, since: int, cause: Cause
) -> None:
    new = new_version(connection)
    register(connection, new)
    register(connection, new_version(connection, weights="e"))
    for version, begin, refused in ((1, 0, refused_before), (2, 5, 80)):
        for day in served(version, *[0.8] * 4, begin=begin):
            operation = replace(day.operation, refused_rows=refused)
            record_live_day(connection, new.model, "prod", replace(day, operation=operation), run_id=new.run_id)
    subject = AlarmSubject(
        model=new.model,
        version=2,
        target="prod",
        role="live",
        kind=AlarmKind.SERVICE,
        subject="refused rows",
        slice={},
        since=FIRST + timedelta(days=since),
    )
    why = AlarmCause(kind=Cause.SERVING_FAULT, slice={}, sentence="whoever asks sends rows that the model does not take")
    standing = AlarmStanding(
        state=AlarmState.OPEN, day=FIRST + timedelta(days=8), loss=0.44, rows=320, sentence="44% are refused", cause=why
    )
    record_standing(connection, subject, standing, seq=1, run_id=new.run_id)
    (fact,) = read_alarm_facts(connection, new.model)
    assert fact.cause is cause
    if cause is Cause.BAD_VERSION:
        assert fact.sentence == "44% are refused since it is live, and version 1 refused 1.0%"
