"""Deployments, written as whoever deploys writes them."""

from uuid import uuid4

import sqlalchemy as sa

from components.registry.versions import version_id

DEPLOY = """
INSERT INTO registry.deployment_event (target, seq, action, model_version_id, request_id, actor)
SELECT :target, COALESCE(max(seq), 0) + 1, 'deploy', :version, :request, 'a test'
FROM registry.deployment_event WHERE target = :target
"""


def deploy(connection: sa.Connection, model: str, number: int, *, target: str) -> None:
    """Make a version the live one of a target."""
    values = {"target": target, "version": version_id(connection, model, number), "request": uuid4().hex}
    connection.execute(sa.text(DEPLOY), values)
