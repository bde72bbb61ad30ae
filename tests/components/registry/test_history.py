"""What the registry tells of versions."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, replace

import pytest
import sqlalchemy as sa

from components.errors import RegistryError
from components.evaluation.metric import Check, Metric
from components.registry.evaluations import record_blessing, record_evaluation
from components.registry.history import list_versions, read_version
from components.registry.versions import NewVersion, register_version
from components.runs.record import RunState, Task, finish_run, read_run, record_tasks
from components.snapshot.record import DatasetRole, link_snapshot, read_recorded_snapshot
from tests.components.recorded import blessing_of, evaluation_of

MakeVersion = Callable[..., NewVersion]


def test_the_list_tells_each_version_in_a_line(connection: sa.Connection, new_version: MakeVersion) -> None:
    first, second = new_version(connection), new_version(connection)
    for new, auc in ((first, 0.7), (second, math.nan)):
        number = register_version(connection, new)
        metrics = Metric("auc", {}, auc), Metric("auc", {"hour": "3"}, 0.5), Metric("loss", {}, 0.3)
        record_evaluation(connection, evaluation_of(new, number, *metrics))
    record_blessing(connection, blessing_of(first, 1))
    one, two = list_versions(connection, first.model)
    assert (one.number, one.snapshot_id, one.artifact_uri, one.blessed) == (1, first.snapshot_id, first.manifest.uri, True)
    assert (one.git_commit, one.partition_from.isoformat(), one.metrics) == ("c" * 40, "1998-04-01", {"auc": 0.7, "loss": 0.3})
    assert (two.number, two.run_id, two.blessed, sorted(two.metrics)) == (2, second.run_id, None, ["auc", "loss"])
    assert math.isnan(two.metrics["auc"])


def test_the_list_shows_what_the_version_scored_when_it_was_made(connection: sa.Connection, new_version: MakeVersion) -> None:
    champion, challenger = new_version(connection), new_version(connection)
    register_version(connection, champion)
    record_evaluation(connection, evaluation_of(champion, 1, Metric("auc", {}, 0.7)))
    record_evaluation(connection, replace(evaluation_of(challenger, 1, Metric("auc", {}, 0.6)), model=champion.model))
    assert [version.metrics for version in list_versions(connection, champion.model)] == [{"auc": 0.7}]
    assert [evaluation.metrics[0].value for evaluation in read_version(connection, champion.model, 1).evaluations] == [0.7, 0.6]


def test_the_story_of_a_version_is_whole(connection: sa.Connection, new_version: MakeVersion) -> None:
    new = replace(new_version(connection), signature={"inputs": ["recency"]})
    number = register_version(connection, new)
    evaluation = evaluation_of(new, number, Metric("auc", {}, 0.7, 0.6, 0.8, 100), Metric("auc", {"hour": "3"}, 0.5))
    blessing = blessing_of(new, number, Check("auc", {}, "at least 0.7", 0.8, passed=True))
    tasks = (Task("pin", "pin", "0.1.0", cached=True), Task("train", "trainer", "0.1.0", seconds=12.5))
    record_evaluation(connection, evaluation)
    record_blessing(connection, blessing)
    record_tasks(connection, new.run_id, tasks)
    link_snapshot(connection, new.run_id, DatasetRole.TRAIN, new.snapshot_id)
    finish_run(connection, new.run_id, RunState.SUCCEEDED)

    story = read_version(connection, new.model, number)

    assert (story.model, story.number, story.variant, story.framework) == (new.model, 1, "", "tensorflow")
    assert (story.code_sha256, story.training_sha256, story.signature) == (new.code_sha256, new.training_sha256, {"inputs": ["recency"]})
    assert (story.manifest, story.manifest.sha256) == (new.manifest, new.manifest.uri[-64:])
    assert (story.run, story.run.state) == (read_run(connection, new.run_id), RunState.SUCCEEDED)
    assert story.snapshot == read_recorded_snapshot(connection, new.snapshot_id)
    assert (story.tasks, story.evaluations, story.blessings) == (tasks, (evaluation,), (blessing,))
    assert story.created_by == connection.exec_driver_sql("SELECT current_user").scalar()


def test_a_story_can_be_told_as_json(connection: sa.Connection, new_version: MakeVersion) -> None:
    new = new_version(connection)
    register_version(connection, new)
    told = json.loads(json.dumps(asdict(read_version(connection, new.model, 1)), default=str))
    assert told["run"]["run"]["package_versions"] == {"tensorflow": "2.21.0", "tfx": "1.21.0"}
    assert told["manifest"]["entries"][0]["generation"] == 1_800_000_000_000_001


def test_an_unknown_model_has_no_list_and_no_story(connection: sa.Connection, new_version: MakeVersion) -> None:
    register_version(connection, new_version(connection))
    with pytest.raises(RegistryError, match=r"model 'chum' is not in the registry: it has .*; run `perennial train chum`"):
        list_versions(connection, "chum")
    with pytest.raises(RegistryError, match="model 'chum' is not in the registry"):
        read_version(connection, "chum", 1)


def test_a_model_without_a_committed_version_says_so(connection: sa.Connection, new_version: MakeVersion) -> None:
    new = new_version(connection)
    register_version(connection, new)
    with pytest.raises(RegistryError, match=f"has no version 2: it has 1 to 1; run `perennial versions {new.model}`"):
        read_version(connection, new.model, 2)
