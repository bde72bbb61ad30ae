"""What people order of the watcher: to pause, to go on, to train when the conditions allow it."""

from uuid import uuid4

import sqlalchemy as sa

from components.database.statements import execute, storable
from components.errors import ConflictError


def give_order(connection: sa.Connection, model: str, action: str, *, actor: str, reason: str) -> None:
    """Record the order `pause` or `resume`."""
    execute(connection, "decisions.insert_order", model=model, action=action, actor=storable(actor), reason=storable(reason))


def request_training(
    connection: sa.Connection, model: str, *, actor: str, reason: str, source: str = "perennial", event_id: str | None = None
) -> bool:
    """Record that a training is wanted. Returns whether that is new: an event is known by its source and id, however often it comes.

    Raises:
        ConflictError: the event was about another model.
    """
    event = event_id or uuid4().hex[:12]
    values = {"source": source, "event_id": event, "model": model, "actor": storable(actor), "reason": storable(reason)}
    if execute(connection, "decisions.insert_request", **values).rowcount:
        return True
    before = execute(connection, "decisions.request_of", source=source, event_id=event).scalar_one()
    if before != model:
        raise ConflictError(f"event {event} of {source} asked for a training of {before}, not {model}: give it an id of its own")
    return False
