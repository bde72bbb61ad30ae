"""The life of alarms: one is opened for a trouble, told again when it grows, settled when it stays, and closed when it is over."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from components.monitoring.alarms import Alarm, AlarmCause, AlarmStanding, AlarmState, AlarmSubject
from components.monitoring.troubles import Identity, Trouble
from components.policy.facts import Cause

WORSE_BY = 1.5
"""An alarm is told again when it has grown by so much since it was told last."""
SETTLED_DAYS = 5
"""It is settled when it has been as it was told for so many days."""
QUIET_DAYS = 3
"""It is over when nothing of it has shown for so many days, so that what swings around a threshold is one alarm."""


@dataclass(frozen=True, kw_only=True)
class AlarmEvent:
    """What happens to an alarm; `trouble` is None where it is over."""

    subject: AlarmSubject
    seq: int
    state: AlarmState
    day: date
    trouble: Trouble | None
    last: AlarmStanding | None
    """How it stood before; None of a new one."""
    only_asks_why: bool = False
    """Whether nothing has happened but another day, which may tell the cause of what had none."""

    @property
    def needs_cause(self) -> bool:
        """Whether it has to be found out why, since that is not known yet."""
        return self.only_asks_why or self.state in (AlarmState.OPEN, AlarmState.WORSE)

    def standing(self, cause: AlarmCause) -> AlarmStanding:
        """How the alarm stands after it."""
        if self.trouble is not None:
            one = self.trouble
            return AlarmStanding(state=self.state, day=self.day, loss=one.loss, rows=one.rows, sentence=one.sentence, cause=cause)
        if self.last is None:
            raise ValueError("an alarm that never was cannot be over")
        return replace(self.last, state=self.state, day=self.day)


@dataclass(frozen=True, kw_only=True)
class Troubles:
    """What is wrong at the end of the last day that was served."""

    now: Sequence[Trouble]
    lately: Sequence[Trouble]
    """What was wrong at the end of the other days of the last QUIET_DAYS."""
    going_on: Collection[Identity] = ()
    """What is wrong or may still be, of the alarms that are open, though nothing new is to be told of it."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Whose alarms they are."""

    model: str
    version: int
    target: str
    role: str


def next_events(watched: Watched, alarms: Sequence[Alarm], troubles: Troubles, day: date) -> list[AlarmEvent]:
    """What happens to the alarms of a version on a day. Asked again on the same day, nothing happens.

    Args:
        watched: whose they are.
        alarms: all of them, closed ones too.
        troubles: what is wrong at the end of the day, and was on the days before.
        day: the last day that was served.
    """
    own = [alarm for alarm in alarms if belongs(alarm, watched)]
    is_open = [alarm for alarm in own if alarm.standing.state is not AlarmState.CLOSED]
    by_identity = {_identity(alarm): alarm for alarm in is_open}
    shown = {trouble.identity for trouble in (*troubles.now, *troubles.lately)} | {*troubles.going_on}
    events = [_end(alarm, day) for alarm in is_open if _identity(alarm) not in shown]
    for trouble in troubles.now:
        known = by_identity.get(trouble.identity)
        event = _open(watched, own, trouble, day) if known is None else _go_on(known, trouble, day)
        events += [event] if event else []
    return [event for event in events if event.last is None or event.day >= event.last.day]


def open_identities(watched: Watched, alarms: Sequence[Alarm]) -> set[Identity]:
    """What the alarms of a version that are open are about, as troubles say it."""
    return {_identity(alarm) for alarm in alarms if belongs(alarm, watched) and alarm.standing.state is not AlarmState.CLOSED}


def close_replaced(alarms: Sequence[Alarm], serving: set[tuple[str, int, str]], day: date) -> list[AlarmEvent]:
    """Close the alarms of versions that do not serve any longer on a day, given by target, version and role.

    What is known of a later day stays: a run may look at the past again.
    """
    gone = [one for one in alarms if (one.subject.target, one.subject.version, one.subject.role) not in serving]
    return [_end(alarm, day) for alarm in gone if alarm.standing.state is not AlarmState.CLOSED and alarm.standing.day <= day]


def belongs(alarm: Alarm, watched: Watched) -> bool:
    """Whether it is an alarm of this version."""
    subject = alarm.subject
    return (subject.version, subject.target, subject.role) == (watched.version, watched.target, watched.role)


def _identity(alarm: Alarm) -> Identity:
    return alarm.subject.kind, alarm.subject.subject, frozenset(alarm.subject.slice)


def _end(alarm: Alarm, day: date) -> AlarmEvent:
    return AlarmEvent(subject=alarm.subject, seq=alarm.seq + 1, state=AlarmState.CLOSED, day=day, trouble=None, last=alarm.standing)


def _open(watched: Watched, own: Sequence[Alarm], trouble: Trouble, day: date) -> AlarmEvent:
    subject = AlarmSubject(**vars(watched), kind=trouble.kind, subject=trouble.subject, slice=trouble.slice, since=trouble.since)
    before = next((alarm for alarm in own if alarm.subject == subject), None)
    if before is None:
        return AlarmEvent(subject=subject, seq=1, state=AlarmState.OPEN, day=day, trouble=trouble, last=None)
    return AlarmEvent(subject=subject, seq=before.seq + 1, state=AlarmState.OPEN, day=day, trouble=trouble, last=before.standing)


def _go_on(alarm: Alarm, trouble: Trouble, day: date) -> AlarmEvent | None:
    told = alarm.standing
    state = None
    if trouble.loss > WORSE_BY * told.loss:
        state = AlarmState.WORSE
    elif told.state is not AlarmState.SETTLED and day >= told.day + timedelta(days=SETTLED_DAYS):
        state = AlarmState.SETTLED
    asks = told.cause.kind is Cause.UNKNOWN and day > told.day
    if state is None and not asks:
        return None
    return AlarmEvent(
        subject=alarm.subject,
        seq=alarm.seq + 1,
        state=state or told.state,
        day=day,
        trouble=trouble,
        last=told,
        only_asks_why=asks and state is None,
    )
