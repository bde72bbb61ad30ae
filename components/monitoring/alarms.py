"""Alarms of live models as the registry has them: what is worse, by how much, since when and why, and what people said to it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa

from components.database.statements import execute
from components.errors import RegistryError
from components.evaluation.metric import slice_key
from components.policy.facts import Cause
from components.registry.versions import version_id
from components.wording import count


class AlarmKind(StrEnum):
    """What an alarm is about."""

    METRIC = "metric"
    """A metric of a slice is worse than when the version was made."""
    INPUT = "input"
    """A feature is served otherwise than the version was trained on."""
    COVERAGE = "coverage"
    """Rows are served of a kind that the version was never trained on."""
    SERVICE = "service"
    """More rows are refused than before."""


class AlarmState(StrEnum):
    """The life of an alarm."""

    OPEN = "open"
    WORSE = "worse"
    """It has grown by half since it was told last."""
    SETTLED = "settled"
    """It has been as it is for a while: nothing new to tell, and not over either."""
    CLOSED = "closed"


class AlarmAnswer(StrEnum):
    """What a person says to an alarm."""

    ACKNOWLEDGE = "acknowledge"
    MUTE = "mute"


class NoticeChannel(StrEnum):
    """How people are told of alarms."""

    WEBHOOK = "webhook"
    MAIL = "mail"
    EVENT = "event"


@dataclass(frozen=True)
class UntoldEvent:
    """An event of an alarm of which somebody is to be told."""

    alarm_id: int
    seq: int
    recorded_at: datetime


@dataclass(frozen=True, kw_only=True)
class AlarmCause:
    """Why an alarm was raised, as far as the data tell."""

    kind: Cause
    column: str | None = None
    """The column of the source, or the feature, that is to blame."""
    slice: Mapping[str, str]
    """The rows that it touches; empty for all."""
    since: date | None = None
    """The first bad partition, or day."""
    sentence: str = ""


REMEDIES = {
    Cause.BROKEN_SOURCE: "mend the source, and train on nothing of it until then",
    Cause.SERVING_FAULT: "mend whoever calls the service: `perennial explain {model} REQUEST_ID` shows what was asked",
    Cause.COVERAGE: "train on data that have such rows",
    Cause.BAD_VERSION: '`perennial rollback {model} --target {target} --reason "it is worse"`',
    Cause.CHANGED_WORLD: "train on newer data: `perennial train {model} --through DATE`",
    Cause.UNKNOWN: "look at what differs: `perennial compare {model}`",
}
"""By the cause of an alarm."""


@dataclass(frozen=True, kw_only=True)
class AlarmSubject:
    """What an alarm is about. There is one alarm for it at a time."""

    model: str
    version: int
    target: str
    role: str
    kind: AlarmKind
    subject: str
    """The metric, or the column, or what the service does."""
    slice: Mapping[str, str]
    since: date
    """The first day that was wrong."""


@dataclass(frozen=True, kw_only=True)
class AlarmStanding:
    """How an alarm stands on a day."""

    state: AlarmState
    day: date
    loss: float
    """By how much the metric is worse, or the share of the rows that are wrong."""
    rows: int
    """The rows since then that it concerns."""
    sentence: str
    cause: AlarmCause


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm with its last standing and the last answers."""

    alarm_id: int
    subject: AlarmSubject
    seq: int
    standing: AlarmStanding
    acknowledged_by: str | None = None
    acknowledged_because: str | None = None
    muted_until: date | None = None
    muted_because: str | None = None
    last_day: date | None = None
    """The last day that was measured of the version, or that the alarm tells of; an alarm that stays as it is tells of an earlier one."""

    @property
    def impact(self) -> float:
        """Loss times rows, by which alarms are ranked."""
        return self.standing.loss * self.standing.rows

    @property
    def is_muted(self) -> bool:
        """Whether somebody wants to hear nothing of it yet: the end is a day of predictions, and no later one is measured."""
        return self.muted_until is not None and (self.last_day or self.standing.day) <= self.muted_until

    @property
    def remedy(self) -> str:
        """What helps."""
        subject = self.subject
        return REMEDIES[self.standing.cause.kind].format(model=subject.model, target=subject.target)

    @property
    def headline(self) -> str:
        """What, where, how much, since when, and the cause."""
        cause = self.standing.cause.sentence or self.standing.cause.kind.replace("_", " ")
        return f"{self.standing.sentence} ({count(self.standing.rows)} rows since {self.subject.since}): {cause}"


def open_alarms(connection: sa.Connection, model: str, target: str | None = None) -> tuple[Alarm, ...]:
    """The alarms of a model that are not closed, on a target or on all, the worst first."""
    return _read(connection, model, target, closed=False)


def all_alarms(connection: sa.Connection, model: str, target: str | None = None) -> tuple[Alarm, ...]:
    """Like `open_alarms`, with those that are closed."""
    return _read(connection, model, target, closed=True)


def _read(connection: sa.Connection, model: str, target: str | None, *, closed: bool) -> tuple[Alarm, ...]:
    rows = execute(connection, "alarms.read", model=model, target=target, closed=closed).mappings()
    return tuple(map(_alarm, rows))


def _alarm(row: sa.RowMapping) -> Alarm:
    cause = AlarmCause(
        kind=Cause(row["cause"]),
        column=row["cause_column"],
        slice=row["cause_slice"],
        since=row["cause_since"],
        sentence=row["cause_sentence"],
    )
    standing = AlarmStanding(
        state=AlarmState(row["state"]), day=row["day"], loss=row["loss"], rows=row["row_count"], sentence=row["sentence"], cause=cause
    )
    subject = {name: row[name] for name in ("model", "version", "target", "role", "subject", "slice", "since")}
    answers = {name: row[name] for name in ("acknowledged_by", "acknowledged_because", "muted_until", "muted_because", "last_day")}
    return Alarm(
        alarm_id=row["alarm_id"],
        subject=AlarmSubject(kind=AlarmKind(row["kind"]), **subject),
        seq=row["seq"],
        standing=standing,
        **answers,
    )


def record_standing(connection: sa.Connection, subject: AlarmSubject, standing: AlarmStanding, *, seq: int, run_id: str) -> None:
    """Record the event `seq` of an alarm, which is made with its first one. An event that is there already stays as it is.

    Raises:
        RegistryError: version or run are unknown, or a value is not acceptable.
    """
    values = {
        **vars(subject),
        "model_version_id": version_id(connection, subject.model, subject.version),
        "slice": json.dumps(dict(subject.slice)),
        "slice_key": slice_key(subject.slice),
    }
    execute(connection, "alarms.insert", **values)
    cause = standing.cause
    execute(
        connection,
        "alarms.insert_event",
        alarm_id=execute(connection, "alarms.find", **values).scalar_one(),
        seq=seq,
        run_id=run_id,
        row_count=standing.rows,
        **{name: getattr(standing, name) for name in ("state", "day", "loss", "sentence")},
        cause=cause.kind,
        cause_column=cause.column,
        cause_slice=json.dumps(dict(cause.slice)),
        cause_since=cause.since,
        cause_sentence=cause.sentence,
    )


def answer(connection: sa.Connection, alarm_id: int, action: AlarmAnswer, *, actor: str, reason: str, until: date | None = None) -> None:
    """Record what a person says to an alarm.

    Args:
        connection: to the registry.
        alarm_id: of the alarm.
        action: acknowledge it, or mute it.
        actor: who.
        reason: why.
        until: the last day on which it is muted.

    Raises:
        RegistryError: there is no such alarm, or a value is not acceptable.
    """
    if (action is AlarmAnswer.MUTE) != (until is not None):
        raise RegistryError("an alarm is muted until a day, and acknowledged for good: give --until with --mute alone")
    execute(connection, "alarms.lock_answers", alarm_id=alarm_id)
    execute(connection, "alarms.insert_answer", alarm_id=alarm_id, action=action, until=until, actor=actor, reason=reason)


def untold_alarms(connection: sa.Connection, model: str, target: str, channel: NoticeChannel) -> list[UntoldEvent]:
    """The events of which there is something to tell by a channel: the last of each alarm."""
    rows = execute(connection, "alarms.untold", model=model, target=target, channel=channel)
    return [UntoldEvent(row.alarm_id, row.seq, row.created_at) for row in rows]


def record_notice(connection: sa.Connection, event: UntoldEvent, channel: NoticeChannel) -> None:
    """Record that people were told of an event by a channel."""
    execute(connection, "alarms.insert_notice", alarm_id=event.alarm_id, seq=event.seq, channel=channel)
