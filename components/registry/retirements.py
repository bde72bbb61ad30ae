"""Retirements: versions that are never to be deployed again."""

import sqlalchemy as sa

from components.database.idempotency import require_same
from components.database.statements import execute
from components.errors import RegistryError
from components.registry.deployments import Retirement, history, live_of_model, read_candidate, restorable
from components.registry.versions import version_id


def retire(connection: sa.Connection, model: str, number: int, *, actor: str, reason: str) -> Retirement:
    """Retire a version. Doing it again for the same reason changes nothing.

    Raises:
        RegistryError: there is no such version, it is live, a rollback goes to it, or it is retired for another reason.
    """
    identity = version_id(connection, model, number)
    execute(connection, "deployments.lock_model", model=model)
    before = read_candidate(connection, model, number).retirement
    if before is None:
        if reasons := _kept(connection, model).get(number):
            raise RegistryError(f"{model} {number} cannot be retired: it is {' and '.join(reasons)}; deploy another version there first")
        execute(connection, "deployments.retire", model_version_id=identity, actor=actor, reason=reason)
    now = read_candidate(connection, model, number).retirement
    if now is None:
        raise RegistryError(f"{model} {number} was not retired: run the command again")
    require_same(f"the retirement of {model} {number}", {"reason": now.reason}, {"reason": reason})
    return now


def retired(connection: sa.Connection, model: str) -> dict[int, Retirement]:
    """The retired versions of a model, by number."""
    rows = execute(connection, "deployments.retired", model=model)
    return {row.version: Retirement(row.version, row.actor, row.reason, row.created_at) for row in rows}


def _kept(connection: sa.Connection, model: str) -> dict[int, tuple[str, ...]]:
    """The versions of a model that must stay fit to serve, and why: what is live, and what the next rollback of a target goes to."""
    reasons = {number: tuple(f"live on {target}" for target in targets) for number, targets in live_of_model(connection, model).items()}
    events, out = history(connection, model), frozenset(retired(connection, model))
    for target in sorted({event.target for event in events}):
        to = next(iter(restorable([event for event in events if event.target == target], retired=out)), None)
        if to is not None and to.version is not None:
            reasons[to.version] = (*reasons.get(to.version, ()), f"what a rollback of {target} goes to")
    return reasons
