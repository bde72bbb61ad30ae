"""Deployments, written as whoever deploys writes them."""

from uuid import uuid4

import sqlalchemy as sa

from components.registry.versions import version_id

DEPLOY = """
INSERT INTO registry.deployment_event (target, seq, action, model_id, model_version_id, request_id, actor)
SELECT :target, COALESCE(max(seq), 0) + 1, 'deploy', model.model_id, :version, :request, 'a test'
FROM registry.model LEFT JOIN registry.deployment_event ON deployment_event.model_id = model.model_id AND target = :target
WHERE name = :model GROUP BY model.model_id
"""


def deploy(connection: sa.Connection, model: str, number: int, *, target: str) -> None:
    """Make a version the live one of a target."""
    values = {"target": target, "model": model, "version": version_id(connection, model, number), "request": uuid4().hex}
    connection.execute(sa.text(DEPLOY), values)
