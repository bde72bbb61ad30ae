"""Alarms in the registry: one for a level shift, with its life, its cause and what people said to it."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from components.errors import RegistryError
from components.monitoring.alarms import (
    AlarmAnswer,
    AlarmCause,
    AlarmKind,
    AlarmStanding,
    AlarmState,
    AlarmSubject,
    NoticeChannel,
    all_alarms,
    answer,
    open_alarms,
    record_standing,
    untold_alarms,
)
from components.monitoring.record import record_live_day
from components.policy.facts import Cause
from components.registry.versions import NewVersion
from tests.components.monitoring.test_troubles import served
from tests.components.recorded import register

NewVersionMaker = Callable[..., NewVersion]
CAUSE = AlarmCause(kind=Cause.COVERAGE, column="hour", slice={"hour": "15"}, since=date(2013, 3, 1), sentence="never trained on hour 12-23")


def subject_of(new: NewVersion, number: int, **changes: object) -> AlarmSubject:
    fields: dict[str, object] = {"model": new.model, "version": number, "target": "local", "role": "live", "kind": AlarmKind.METRIC}
    fields |= {"subject": "auc", "slice": {"hour": "15"}, "since": date(2013, 3, 1)}
    return AlarmSubject(**fields | changes)  # type: ignore[arg-type]


def standing(state: AlarmState, **changes: object) -> AlarmStanding:
    first = AlarmStanding(state=state, day=date(2013, 3, 2), loss=0.2, rows=120, sentence="auc of hour 15 is 0.52, was 0.72", cause=CAUSE)
    return replace(first, **changes)  # type: ignore[arg-type]


def test_an_alarm_has_a_life_and_is_recorded_once(connection: sa.Connection, new_version: NewVersionMaker) -> None:
    new = new_version(connection)
    subject = subject_of(new, register(connection, new))
    for _ in range(2):
        record_standing(connection, subject, standing(AlarmState.OPEN), seq=1, run_id=new.run_id)
        record_standing(connection, subject, standing(AlarmState.WORSE, loss=0.4, day=date(2013, 3, 5)), seq=2, run_id=new.run_id)
    (alarm,) = open_alarms(connection, new.model)
    assert (alarm.subject, alarm.seq) == (subject, 2)
    assert alarm.standing == standing(AlarmState.WORSE, loss=0.4, day=date(2013, 3, 5))
    assert alarm.impact == pytest.approx(48)
    assert alarm.headline == "auc of hour 15 is 0.52, was 0.72 (120 rows since 2013-03-01): never trained on hour 12-23"
    assert open_alarms(connection, new.model, "prod") == ()
    record_standing(connection, subject, standing(AlarmState.CLOSED), seq=3, run_id=new.run_id)
    assert open_alarms(connection, new.model) == ()
    assert [one.standing.state for one in all_alarms(connection, new.model)] == [AlarmState.CLOSED]


def test_alarms_are_ranked_by_what_they_cost(connection: sa.Connection, new_version: NewVersionMaker) -> None:
    new = new_version(connection)
    number = register(connection, new)
    for name, loss, rows in (("small", 0.3, 20), ("large", 0.05, 2_000)):
        subject = subject_of(new, number, slice={"segment": name})
        record_standing(connection, subject, standing(AlarmState.OPEN, loss=loss, rows=rows), seq=1, run_id=new.run_id)
    assert [alarm.subject.slice["segment"] for alarm in open_alarms(connection, new.model)] == ["large", "small"]


def test_people_acknowledge_and_mute_with_a_reason_and_an_end(connection: sa.Connection, new_version: NewVersionMaker) -> None:
    new = new_version(connection)
    record_standing(connection, subject_of(new, register(connection, new)), standing(AlarmState.OPEN), seq=1, run_id=new.run_id)
    (alarm,) = open_alarms(connection, new.model)
    answer(connection, alarm.alarm_id, AlarmAnswer.ACKNOWLEDGE, actor="ada", reason="known")
    answer(connection, alarm.alarm_id, AlarmAnswer.MUTE, actor="ada", reason="mended on Monday", until=date(2013, 3, 10))
    (answered,) = open_alarms(connection, new.model)
    assert (answered.acknowledged_by, answered.acknowledged_because) == ("ada", "known")
    assert (answered.is_muted, alarm.is_muted) == (True, False)
    with pytest.raises(RegistryError, match="give --until with --mute alone"):
        answer(connection, alarm.alarm_id, AlarmAnswer.MUTE, actor="ada", reason="for ever")


def test_what_is_muted_is_heard_of_again_after_the_last_day_of_it(connection: sa.Connection, new_version: NewVersionMaker) -> None:
    new = new_version(connection)
    number = register(connection, new)
    record_standing(connection, subject_of(new, number), standing(AlarmState.OPEN), seq=1, run_id=new.run_id)
    (alarm,) = open_alarms(connection, new.model)
    until = date(2013, 3, 10)
    answer(connection, alarm.alarm_id, AlarmAnswer.MUTE, actor="ada", reason="mended on Monday", until=until)
    for last, is_heard in ((until, False), (date(2013, 3, 11), True)):
        day = served(0)
        record_live_day(
            connection, new.model, "local", replace(day, served=replace(day.served, day=last, version=number)), run_id=new.run_id
        )
        (alarm,) = open_alarms(connection, new.model)
        assert alarm.last_day == last
        assert alarm.is_muted is not is_heard
        untold = untold_alarms(connection, new.model, "local", NoticeChannel.WEBHOOK)
        assert [(one.alarm_id, one.seq) for one in untold] == ([(alarm.alarm_id, 1)] if is_heard else [])


def test_answers_that_come_at_once_are_both_recorded(engine: sa.Engine, new_version: NewVersionMaker) -> None:
    with engine.begin() as connection:
        new = new_version(connection)
        record_standing(connection, subject_of(new, register(connection, new)), standing(AlarmState.OPEN), seq=1, run_id=new.run_id)
        (alarm,) = open_alarms(connection, new.model)
    barrier = threading.Barrier(2)

    def acknowledge(actor: str) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("SELECT 1")
            barrier.wait(timeout=30)
            answer(connection, alarm.alarm_id, AlarmAnswer.ACKNOWLEDGE, actor=actor, reason="known")
            time.sleep(0.2)  # the other one comes before this one is committed

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(acknowledge, ["ada", "ben"]))
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            f"SELECT seq, actor FROM registry.alarm_answer WHERE alarm_id = {alarm.alarm_id} ORDER BY seq"
        ).all()
    assert [(seq, sorted([found[0].actor, found[1].actor])) for seq, _ in found] == [(1, ["ada", "ben"]), (2, ["ada", "ben"])]
