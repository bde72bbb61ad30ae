"""What holds after every fault, in the database, in the bucket, on the disk and among the processes."""

import sqlalchemy as sa

from components.database.engine import make_engine
from components.deployment.target import target_problem
from components.google import bigquery_client, storage_client
from tests.components.storage.whole import assert_whole
from tests.pipelines.faults.names import MODEL, TARGET
from tests.pipelines.faults.world import World

QUERIES = {
    "a run that has not ended": "SELECT run_id FROM registry.pipeline_run WHERE state = 'RUNNING'",
    "a version of a run that has not succeeded": (
        "SELECT run_id FROM registry.model_version JOIN registry.pipeline_run USING (run_id) WHERE state <> 'SUCCEEDED'"
    ),
    "a run with two versions": "SELECT run_id FROM registry.model_version GROUP BY run_id HAVING count(*) > 1",
    "a successful run without a version": (
        "SELECT run_id FROM registry.pipeline_run WHERE state = 'SUCCEEDED' AND pipeline_name = 'training'"
        " AND run_id NOT IN (SELECT run_id FROM registry.model_version)"
    ),
    "a version without an evaluation": (
        "SELECT run_id FROM registry.model_version WHERE model_version_id NOT IN (SELECT model_version_id FROM registry.evaluation)"
    ),
    "a training that a decision has no outcome of": (
        "SELECT run_id FROM registry.decision_claim JOIN registry.pipeline_run USING (run_id) WHERE state = 'SUCCEEDED'"
        " AND decision_id NOT IN (SELECT decision_id FROM registry.decision_outcome WHERE kind = 'training')"
    ),
    "a failed run without a reason": "SELECT run_id FROM registry.pipeline_run WHERE state = 'FAILED' AND coalesce(error, '') = ''",
}
"""Queries that find nothing."""


def violations(world: World) -> list[str]:
    """What does not hold after a command that succeeded."""
    found = [f"a process that lives on: {' '.join(process.cmdline())[:200]}" for process in world.processes()]
    found += [f"a file that others may read: {path}" for path in world.open_files()]
    found += [f"a temporary file that was left: {path}" for path in world.leftovers()]
    with make_engine(world.settings).connect() as connection:
        for what, query in QUERIES.items():
            found += [f"{what}: {value}" for value in connection.execute(sa.text(query)).scalars()]
        uris = connection.execute(sa.text("SELECT artifact_uri FROM registry.model_version")).scalars().all()
        client = storage_client(world.settings)
        problem = target_problem(connection, client, world.settings, TARGET)
    if problem is not None:
        found.append(f"a target that serves something else than what was deployed: {problem}")
    for uri in uris:
        try:
            assert_whole(client, uri)
        except AssertionError as error:
            found.append(f"a version whose bytes are not whole: {uri}: {error}")
    return [*found, *_badly_logged(world)]


def _badly_logged(world: World) -> list[str]:
    """Requests that were answered and are not in the log of predictions, or more than once."""
    answered = world.answered.read_text().split() if world.answered.exists() else []
    if not answered:
        return []
    query = f"SELECT request_id, COUNT(*) FROM predictions.{MODEL} GROUP BY request_id"
    rows = {row[0]: row[1] for row in bigquery_client(world.settings).query_and_wait(query)}
    return [f"a request that was answered and logged {rows.get(name, 0)} times: {name}" for name in answered if rows.get(name) != 1]


def version_count(world: World) -> int:
    """How many versions there are."""
    with make_engine(world.settings).connect() as connection:
        return int(connection.execute(sa.text("SELECT count(*) FROM registry.model_version")).scalar_one())
