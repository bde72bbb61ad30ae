"""Claims of decisions: of all watchers one starts the run, and no more runs are under way than the settings allow."""

import sqlalchemy as sa

from components.database.statements import execute


def under_way(connection: sa.Connection) -> list[tuple[str, str]]:
    """The trainings that are under way or about to begin, of all models: the id of each run, and its model."""
    return [(row.run_id, row.model) for row in execute(connection, "decisions.under_way")]


def claim_attempt(connection: sa.Connection, decision_id: int, attempt: int, *, run_id: str, host: str, at_most: int) -> bool:
    """Claim a decision for a run. Returns whether this call did: not if somebody else has, or `at_most` other trainings are under way.

    Raises:
        RegistryError: the run of the attempt before is under way, or did not fail.
    """
    execute(connection, "decisions.lock_claims")
    model = execute(connection, "decisions.model_of", decision_id=decision_id).scalar_one()
    if sum(name != model for _, name in under_way(connection)) >= at_most:
        return False
    values = {"decision_id": decision_id, "attempt": attempt, "run_id": run_id, "host": host}
    return bool(execute(connection, "decisions.insert_claim", **values).rowcount)
