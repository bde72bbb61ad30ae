"""Lifecycle rules: what happens to an object as it ages. They run when asked, as of any date."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from starlette.responses import JSONResponse, Response

from cloud_storage.calls import Call
from cloud_storage.errors import ForbiddenError, InvalidError
from cloud_storage.json_api.resources import (
    STORAGE_CLASSES,
    Bucket,
    Json,
    Resource,
    State,
    StoredObject,
    check_storage_class,
    now,
    section,
    whole_number,
)
from cloud_storage.state.store import Transaction

DELETE = "Delete"
SET_CLASS = "SetStorageClass"
ABORT_UPLOAD = "AbortIncompleteMultipartUpload"
"""Accepted and without effect: unfinished uploads do not outlive the emulator."""
ACTIONS = (DELETE, SET_CLASS, ABORT_UPLOAD)


@dataclass(frozen=True)
class Candidate:
    """An object's version that rules look at."""

    stored: StoredObject
    newer_versions: int
    moment: datetime

    def days_since(self, time: datetime | None) -> float:
        """How long ago something happened; never, if it did not."""
        return (self.moment - time) / timedelta(days=1) if time is not None else float("-inf")

    @property
    def custom_time(self) -> datetime | None:
        """The time that the client gave the object."""
        given = self.stored.given.get("customTime")
        return datetime.fromisoformat(given) if isinstance(given, str) else None


def _before(time: datetime | None, day: Json) -> bool:
    return time is not None and time.date() < date.fromisoformat(str(day))


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


CONDITIONS: dict[str, Callable[[Candidate, Json], bool]] = {
    "age": lambda it, days: it.days_since(it.stored.created) >= whole_number(days),
    "createdBefore": lambda it, day: _before(it.stored.created, day),
    "customTimeBefore": lambda it, day: _before(it.custom_time, day),
    "daysSinceCustomTime": lambda it, days: it.days_since(it.custom_time) >= whole_number(days),
    "daysSinceNoncurrentTime": lambda it, days: it.days_since(it.stored.retired) >= whole_number(days),
    "isLive": lambda it, live: (it.stored.state is State.LIVE) == live,
    "matchesPrefix": lambda it, prefixes: it.stored.name.startswith(_texts(prefixes)),
    "matchesStorageClass": lambda it, classes: it.stored.storage_class in _texts(classes),
    "matchesSuffix": lambda it, suffixes: it.stored.name.endswith(_texts(suffixes)),
    "noncurrentTimeBefore": lambda it, day: _before(it.stored.retired, day),
    "numNewerVersions": lambda it, count: it.stored.state is State.NONCURRENT and it.newer_versions >= whole_number(count),
}


def check_rules(rules: Json) -> None:
    """Refuse rules that would be run otherwise than they are meant.

    Raises:
        InvalidError: an action or condition is unknown, or a rule has no condition.
    """
    for rule in rules if isinstance(rules, list) else []:
        action, condition = _parts(rule)
        if action.get("type") not in ACTIONS:
            raise InvalidError(f"Lifecycle action {action.get('type')!r} is unknown; known are {', '.join(ACTIONS)}.")
        if action["type"] == SET_CLASS:
            check_storage_class(action.get("storageClass"))
        if not condition:
            raise InvalidError("A lifecycle rule needs at least one condition.")
        for name in condition.keys() - CONDITIONS.keys():
            raise InvalidError(f"Lifecycle condition {name!r} is unknown; known are {', '.join(CONDITIONS)}.")


def _parts(rule: Json) -> tuple[Resource, Resource]:
    rule = rule if isinstance(rule, dict) else {}
    return section(rule, "action"), section(rule, "condition")


def _actions(bucket: Bucket, candidate: Candidate) -> list[Resource]:
    rules = section(bucket.given, "lifecycle").get("rule")
    parts = [_parts(rule) for rule in (rules if isinstance(rules, list) else [])]
    return [action for action, condition in parts if all(CONDITIONS[name](candidate, value) for name, value in condition.items())]


def run(change: Transaction, moment: datetime) -> list[Resource]:
    """Apply every bucket's rules as if it were `moment`; tells what was done."""
    done = [answer for bucket in change.rows.buckets() for answer in _run_bucket(change, bucket, moment)]
    change.purge_expired(moment)
    return done


def _run_bucket(change: Transaction, bucket: Bucket, moment: datetime) -> list[Resource]:
    done: list[Resource] = []
    newer: dict[str, int] = {}
    for stored in reversed(list(change.rows.scan(bucket.name, frozenset({State.LIVE, State.NONCURRENT})))):
        candidate = Candidate(stored, newer.get(stored.name, 0), moment)
        newer[stored.name] = candidate.newer_versions + 1
        action = _apply(change, stored, _actions(bucket, candidate), moment)
        if action is not None:
            done.append({"action": action, "bucket": bucket.name, "name": stored.name, "generation": str(stored.generation)})
    return done


def _apply(change: Transaction, stored: StoredObject, actions: list[Resource], moment: datetime) -> str | None:
    """Deletion goes before a change of class, and of several classes the cheapest is taken."""
    if any(action["type"] == DELETE for action in actions):
        try:
            (change.retire if stored.state is State.LIVE else change.remove)(stored, moment)
        except ForbiddenError:  # held; the service passes over it too
            return None
        return DELETE
    classes = [str(action["storageClass"]) for action in actions if action["type"] == SET_CLASS]
    cheapest = max(classes, key=STORAGE_CLASSES.index, default=stored.storage_class)
    if STORAGE_CLASSES.index(cheapest) <= STORAGE_CLASSES.index(stored.storage_class):
        return None
    change.rows.save(replace(stored, storage_class=cheapest, class_changed=moment))
    return cheapest


def run_now(call: Call) -> Response:
    """The emulator's own call: run the rules, as of the date or time in `now`, else as of now."""
    wanted = call.query.get("now")
    try:
        moment = datetime.fromisoformat(wanted) if wanted else now()
    except ValueError as error:
        raise InvalidError(f"Invalid value for now: {wanted!r} is no date or time as 2026-01-31 or 2026-01-31T12:00:00Z.") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    with call.store.transaction() as change:
        return JSONResponse({"done": run(change, moment)})
