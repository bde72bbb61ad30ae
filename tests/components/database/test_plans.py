"""How PostgreSQL finds what commands read, in a registry of some size: never by looking at every metric there is."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from benchmarks.registry.rows import Rows, fill, model_name
from components.database.engine import make_engine
from components.database.migration import migrate
from components.database.statements import statements
from components.registry.history import list_versions, read_version
from components.settings import Settings

ROWS = Rows(models=2, versions=60, names=10, slices=30)
MODEL, NUMBER, ID = model_name(2), 40, 100
READS: dict[str, dict[str, object]] = {
    "history.versions": {"model": MODEL, "limit": 50},
    "history.version": {"model": MODEL, "number": NUMBER},
    "evaluations.read": {"evaluation_id": ID},
    "deployments.history": {"model": MODEL, "target": "prod", "limit": 50},
    "runs.read": {"run_id": f"bench-2-{NUMBER}"},
    "compare.snapshots_of_run": {"run_id": f"bench-2-{NUMBER}"},
}


@pytest.fixture(scope="module")
def filled(owner_engine: sa.Engine, make_database: Callable[[], Settings]) -> Iterator[sa.Connection]:
    """A registry of its own, with rows in it."""
    engine = make_engine(make_database())
    migrate(engine)
    with engine.begin() as connection:
        fill(connection, ROWS)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.mark.parametrize("statement", READS)
def test_no_read_looks_at_every_metric(filled: sa.Connection, statement: str) -> None:
    file, name = statement.split(".")
    explain = sa.text(f"EXPLAIN (FORMAT JSON) {statements(file)[name].text}")
    ((plan,),) = filled.execute(explain, READS[statement]).all()
    scans = list(scanned(plan if isinstance(plan, list) else json.loads(plan)))
    assert scans, plan
    assert ("Seq Scan", "metric") not in scans, scans


def scanned(plan: Any) -> Iterator[tuple[str, str]]:
    """How each table is scanned, anywhere in a plan."""
    if isinstance(plan, list):
        for part in plan:
            yield from scanned(part)
    elif isinstance(plan, dict):
        if "Relation Name" in plan:
            yield plan["Node Type"], plan["Relation Name"]
        for part in plan.values():
            yield from scanned(part)


def test_the_newest_versions_are_listed_with_what_was_measured(filled: sa.Connection) -> None:
    listed = list_versions(filled, MODEL, limit=3)
    assert [version.number for version in listed] == [58, 59, 60]
    assert [len(version.metrics) for version in listed] == [10, 10, 10]
    assert [version.live_on for version in listed] == [(), (), ("prod", "staging")]
    assert len(list_versions(filled, MODEL)) == ROWS.versions


def test_a_story_has_every_metric(filled: sa.Connection) -> None:
    story = read_version(filled, MODEL, NUMBER)
    (evaluation,) = story.evaluations
    assert (len(evaluation.metrics), len(story.tasks), len(story.blessings), len(story.deployments)) == (300, 12, 1, 2)
