"""The log of deployments: which version of a model each target served since when, who wanted it so, and why.

It is only appended to, by compare and set: who deploys says which event they saw last. A model's last event on a target says what is live.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from components.database.idempotency import require_same
from components.database.statements import execute
from components.errors import ConflictError, RegistryError
from components.registry.marks import Marks
from components.registry.versions import latest_version, version_id
from components.storage.manifest import Manifest, recorded_manifest


class Action(StrEnum):
    """What an event does."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    UNDEPLOY = "undeploy"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What somebody wants of a model on a target. Its id makes it one request, however often it is tried."""

    model: str
    target: str
    action: Action
    version: int | None
    """The version; None where the log decides, as in a rollback to the version before."""
    request_id: str
    actor: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Event:
    """What was done. `forced`: although no gate had let the version through, or its smoke test was not what it must be."""

    model: str
    target: str
    seq: int
    action: Action
    version: int | None
    """The version; None where the model was taken off the target."""
    rolls_back_to: int | None
    """The seq of the event that is restored."""
    forced: bool
    smoke: Mapping[str, object]
    """What the smoke test measured."""
    request_id: str
    actor: str
    reason: str
    created_at: datetime

    @property
    def sentence(self) -> str:
        """Which version is live by this event, since when, and who made it so."""
        what = "nothing" if self.version is None else f"version {self.version}"
        return f"{what} is live since {self.created_at:%Y-%m-%d %H:%M:%S} by {self.actor} (seq {self.seq})"


@dataclass(frozen=True)
class Retirement:
    """Why a version is never to be deployed again."""

    version: int
    actor: str
    reason: str
    created_at: datetime


@dataclass(frozen=True)
class Candidate:
    """A version that may be deployed, or not."""

    model_version_id: int
    manifest: Manifest
    blessed: bool | None
    """The last verdict; None while there is none."""
    marks: Marks
    retirement: Retirement | None


def read_candidate(connection: sa.Connection, model: str, number: int) -> Candidate:
    """What decides whether a version may be deployed.

    Raises:
        RegistryError: there is no such model or version; the text says what there is.
    """
    row = execute(connection, "deployments.candidate", model=model, number=number).first()
    if row is None:
        version_id(connection, model, number)  # this raises, and says what there is
        return read_candidate(connection, model, number)  # it came to be this moment
    retirement = Retirement(number, row.retired_by, row.retired_because, row.retired_at) if row.retired_at else None
    marks = Marks(waived=row.waived, forced=row.forced, git_commit=row.git_commit, git_dirty=row.git_dirty)
    return Candidate(row.model_version_id, recorded_manifest(row.artifact_uri, row.manifest), row.blessed, marks, retirement)


def lock_target(connection: sa.Connection, target: str) -> None:
    """Wait until nobody else changes what the target serves; nobody can until this transaction ends.

    Raises:
        AccessError: somebody else has been at it for too long.
    """
    execute(connection, "deployments.lock_target", target=target)


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """What a request leads to: the version that it goes live with, and what was found out before."""

    request: Request
    version: int
    seen: int
    """The seq of the last event of the model on the target when this began; 0 for none."""
    rolls_back_to: int | None = None
    forced: bool = False
    smoke: Mapping[str, object]


@dataclass(frozen=True)
class ModelSummary:
    """A model in one line."""

    name: str
    versions: int
    """How many there are, which is also the number of the newest."""
    created_at: datetime
    newest_at: datetime | None
    """None while its first version is being recorded."""
    live: Mapping[str, int]
    """Version by target."""


def append(connection: sa.Connection, new: NewEvent) -> Event:
    """Append an event, if the last one of the model on the target is still the one that was seen; a retry finds the event it made before.

    Until the transaction ends nobody else changes what the target serves, or retires a version of the model.

    Raises:
        RegistryError: something else was deployed meanwhile, the version is retired, or the request was for something else before.
    """
    request = new.request
    execute(connection, "deployments.lock_target_and_share_model", target=request.target, model=request.model)
    if (made := find_request(connection, request)) is not None:
        return made
    _require_unchanged(new, last_event(connection, request.model, request.target))
    candidate = read_candidate(connection, request.model, new.version)
    require_not_retired(request.model, candidate)
    values = vars(request) | {
        "model_version_id": candidate.model_version_id,
        "seq": new.seen + 1,
        "rolls_back_to": new.rolls_back_to,
        "forced": new.forced,
        "smoke": json.dumps(new.smoke),
    }
    execute(connection, "deployments.insert", **values)
    event = find_request(connection, request)  # another target's, should the same id have been taken there this moment
    if event is None:
        raise RegistryError(f"request {request.request_id!r} was not recorded: look at `perennial history {request.model}`, and try again")
    return event


def _require_unchanged(new: NewEvent, last: Event | None) -> None:
    """Refuse an event whose maker saw another one as the last.

    Raises:
        ConflictError: another event came in between; the text says what is live, since when and by whom.
    """
    if (last.seq if last else 0) != new.seen:
        request, now = new.request, last.sentence if last else "nothing was ever deployed"
        raise ConflictError(
            f"{request.action} of {request.model} {new.version} to {request.target} is stale: {now}, and when this began "
            f"the last was seq {new.seen}; look at `perennial history {request.model} --target {request.target}` and try again"
        )


def require_not_retired(model: str, candidate: Candidate) -> None:
    """Refuse a retired version.

    Raises:
        RegistryError: it is; the text says since when, by whom and why.
    """
    if retired := candidate.retirement:
        raise RegistryError(
            f"{model} {retired.version} was retired on {retired.created_at:%Y-%m-%d} by {retired.actor} ({retired.reason}): "
            f"choose another version; `perennial versions {model}` lists them"
        )


def find_request(connection: sa.Connection, request: Request) -> Event | None:
    """The event that a request has made already; None when it has made none. Who tries again may sit elsewhere.

    Raises:
        RegistryError: a request of this id was for something else.
    """
    row = execute(connection, "deployments.of_request", request_id=request.request_id).mappings().first()
    if row is None:
        return None
    names = ("model", "target", "action", *(("version",) if request.version is not None else ()), "reason")
    require_same(f"request {request.request_id}", {name: row[name] for name in names}, vars(request))
    return _event(row)


def last_event(connection: sa.Connection, model: str, target: str) -> Event | None:
    """The last event of a model on a target, which may be that it was taken off; None when there is none.

    Raises:
        RegistryError: no version of the model was ever registered.
    """
    return next(iter(history(connection, model, target, limit=1)), None)


def history(connection: sa.Connection, model: str, target: str | None = None, *, limit: int | None = None) -> list[Event]:
    """The last events of a model, on one target or on all, newest first; all of them without a limit.

    Raises:
        RegistryError: no version of the model was ever registered; the text says which models there are.
    """
    rows = execute(connection, "deployments.history", model=model, target=target, limit=limit).mappings().all()
    if not rows:
        latest_version(connection, model)
    return [_event(row) for row in rows]


def versions_before(connection: sa.Connection, model: str) -> dict[tuple[str, int], int | None]:
    """The version that each event of a model replaced, by target and seq; None for nothing."""
    rows = execute(connection, "deployments.versions_before", model=model)
    return {(row.target, row.seq): row.version for row in rows}


def list_models(connection: sa.Connection) -> list[ModelSummary]:
    """The models of the registry, by name."""
    rows = execute(connection, "deployments.models")
    return [ModelSummary(row.name, row.latest, row.created_at, row.latest_at, row.live) for row in rows]


def live_on_target(connection: sa.Connection, target: str) -> dict[str, int]:
    """What a target serves: the version of each model, by name."""
    return {row.model: row.version for row in execute(connection, "deployments.live_on_target", target=target)}


def live_of_model(connection: sa.Connection, model: str) -> dict[int, tuple[str, ...]]:
    """The targets on which versions of a model are live, by version."""
    targets: dict[int, tuple[str, ...]] = {}
    for row in execute(connection, "deployments.live_of_model", model=model):
        targets[row.version] = (*targets.get(row.version, ()), row.target)
    return targets


def _event(row: sa.RowMapping) -> Event:
    return Event(**{**row, "action": Action(row["action"])})


def restorable(events: Sequence[Event], *, retired: frozenset[int] = frozenset()) -> list[Event]:
    """The events of a target, newest first, as those to which a rollback goes, nearest first: each was live before the one before it.

    A rollback stands for the event that it restored, and what it left is no place to go back to unless it was deployed again since:
    so the second rollback does not go to what the first one left.
    """
    by_seq = {event.seq: event for event in events}
    found: list[Event] = []
    event = _restored(by_seq, max(by_seq, default=0))
    excluded = {None, event.version if event else None, *retired, *_left(by_seq)}
    while event and (event := _restored(by_seq, event.seq - 1)):
        if event.version not in excluded:
            found.append(event)
    return found


def _restored(by_seq: Mapping[int, Event], seq: int) -> Event | None:
    event = by_seq.get(seq)
    return event if event is None or event.rolls_back_to is None else _restored(by_seq, event.rolls_back_to)


def _left(by_seq: Mapping[int, Event]) -> set[int | None]:
    """The versions that somebody went back from, and nobody has brought back since."""
    left: set[int | None] = set()
    for seq in sorted(by_seq):
        to, before = by_seq[seq].rolls_back_to, _restored(by_seq, seq - 1)
        if to is not None and before is not None and to < before.seq:
            left.add(before.version)
        left.discard(by_seq[seq].version)
    return left
