"""The life of an alarm: opened once, told again when it grows, settled when it stays, closed when it is over or its version is gone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from components.monitoring.alarms import Alarm, AlarmCause, AlarmKind, AlarmState
from components.monitoring.life import AlarmEvent, Troubles, Watched, close_replaced, next_events
from components.monitoring.troubles import Trouble
from components.policy.facts import Cause

WATCHED = Watched(model="delays", version=1, target="local", role="live")
FIRST = date(2013, 3, 1)
CAUSE = AlarmCause(kind=Cause.CHANGED_WORLD, slice={}, sentence="the world moved")
TROUBLE = Trouble(
    kind=AlarmKind.METRIC, subject="auc", slice={"hour": "15"}, since=FIRST, loss=0.1, rows=60, sentence="auc of hour 15 is 0.6", values={}
)


def days(number: int) -> date:
    return FIRST + timedelta(days=number)


def found(now: Sequence[Trouble], lately: Sequence[Trouble] = ()) -> Troubles:
    return Troubles(now=now, lately=lately)


def recorded(events: list[AlarmEvent], alarms: tuple[Alarm, ...] = (), cause: AlarmCause = CAUSE) -> tuple[Alarm, ...]:
    """The alarms as the registry has them after these events."""
    known = {str(alarm.subject): alarm for alarm in alarms}
    for event in events:
        known[str(event.subject)] = Alarm(alarm_id=1, subject=event.subject, seq=event.seq, standing=event.standing(cause))
    return tuple(known.values())


def test_an_alarm_from_its_first_day_to_its_last() -> None:
    alarms: tuple[Alarm, ...] = ()
    told = []
    grown = replace(TROUBLE, loss=0.16, slice={"hour": "15-16"})
    for number, troubles in enumerate([[TROUBLE], [TROUBLE], [grown], *[[grown]] * 6, [], [], [TROUBLE]]):
        for _ in range(2):  # asked again on the same day, nothing happens
            events = next_events(WATCHED, alarms, found(troubles), days(number))
            told += [(number, event.state, event.seq) for event in events]
            alarms = recorded(events, alarms)
    assert told == [
        (0, AlarmState.OPEN, 1),
        (2, AlarmState.WORSE, 2),
        (7, AlarmState.SETTLED, 3),
        (9, AlarmState.CLOSED, 4),
        (11, AlarmState.OPEN, 5),
    ]
    assert len(alarms) == 1


def test_what_swings_around_a_threshold_is_one_alarm_until_it_has_not_shown_for_three_days() -> None:
    alarms: tuple[Alarm, ...] = ()
    told = []
    shown = [True, False, True, False, False, True, False, False, False, False]
    for number, _ in enumerate(shown):
        now, *before = [[TROUBLE] if one else [] for one in (shown[max(number - 2, 0) : number + 1])[::-1]]
        events = next_events(WATCHED, alarms, found(now, [one for some in before for one in some]), days(number))
        told += [(number, event.state) for event in events]
        alarms = recorded(events, alarms)
    assert told == [(0, AlarmState.OPEN), (5, AlarmState.SETTLED), (8, AlarmState.CLOSED)]


def test_a_cause_that_is_not_known_is_looked_for_again_each_day() -> None:
    unknown = AlarmCause(kind=Cause.UNKNOWN, slice={}, sentence="not known yet")
    alarms = recorded(next_events(WATCHED, (), found([TROUBLE]), days(1)), cause=unknown)
    assert next_events(WATCHED, alarms, found([TROUBLE]), days(1)) == [], "the same day"
    (event,) = next_events(WATCHED, alarms, found([TROUBLE]), days(2))
    assert (event.state, event.seq, event.only_asks_why, event.needs_cause) == (AlarmState.OPEN, 2, True, True)
    assert next_events(WATCHED, recorded([event], alarms), found([TROUBLE]), days(3)) == [], "it is known"


def test_troubles_of_other_columns_and_kinds_are_alarms_of_their_own() -> None:
    others = [TROUBLE, replace(TROUBLE, slice={"carrier": "UA"}), replace(TROUBLE, kind=AlarmKind.COVERAGE, subject="hour")]
    assert [event.seq for event in next_events(WATCHED, (), found(others), days(1))] == [1, 1, 1]


def test_the_alarms_of_a_version_that_serves_no_longer_are_closed() -> None:
    alarms = recorded(next_events(WATCHED, (), found([TROUBLE]), days(1)))
    assert close_replaced(alarms, {("local", 1, "live")}, days(3)) == []
    assert close_replaced(alarms, {("local", 2, "live")}, days(0)) == [], "a run looks at the past again"
    (event,) = close_replaced(alarms, {("local", 2, "live")}, days(3))
    assert (event.state, event.seq, event.day, event.standing(CAUSE).sentence) == (AlarmState.CLOSED, 2, days(3), TROUBLE.sentence)
    assert next_events(replace(WATCHED, version=2), alarms, found([]), days(3)) == [], "another version's"
