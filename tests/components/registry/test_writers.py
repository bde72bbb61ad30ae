"""Every writer of the registry: the same twice is once, other values are a conflict, and what it refers to must be there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from components.checks.record import read_recorded_findings, record_findings
from components.errors import ConflictError, RegistryError
from components.evaluation.metric import Check, Metric
from components.registry.deployments import Action, NewEvent, Request, Retirement, append, history, last_event
from components.registry.evaluations import record_blessing, record_evaluation
from components.registry.history import VersionStory, read_version
from components.registry.retirements import retire
from components.registry.snapshot_use import read_snapshot_story
from components.registry.versions import ModelRole, NewVersion, find_version_of_run, link_run, register_version
from components.runs.record import Run, RunState, Task, finish_run, read_run, read_tasks, record_tasks, start_run
from components.snapshot.record import DatasetRole, RecordedSnapshot, link_snapshot, read_recorded_snapshot, record_snapshot
from tests.components.findings import TEXT
from tests.components.recorded import blessing_of, evaluation_of


@dataclass(frozen=True)
class Registry:
    """A connection, version 1 of a model, and makers of what the registry does not have yet."""

    connection: sa.Connection
    version: NewVersion
    new_run: Callable[..., Run]
    new_snapshot: Callable[..., RecordedSnapshot]
    new_version: Callable[..., NewVersion]

    def make_version(self) -> NewVersion:
        return self.new_version(self.connection)

    def story(self, number: int | None) -> VersionStory:
        return read_version(self.connection, self.version.model, number or 0)


@pytest.fixture
def registry(
    connection: sa.Connection,
    new_run: Callable[..., Run],
    new_snapshot: Callable[..., RecordedSnapshot],
    new_version: Callable[..., NewVersion],
) -> Registry:
    version = new_version(connection)
    register_version(connection, version)
    return Registry(connection, version, new_run, new_snapshot, new_version)


@dataclass(frozen=True)
class Writer:
    """How a record is made, written and read; `table` gets one row of it."""

    table: str
    make: Callable[[Registry], Any]
    write: Callable[[Registry, Any], object]
    read: Callable[[Registry, Any], object]


def version_told(registry: Registry, new: NewVersion) -> NewVersion:
    story = registry.story(find_version_of_run(registry.connection, new.run_id))
    names = (
        "model",
        "variant",
        "code_sha256",
        "training_sha256",
        "framework",
        "signature",
        "examples_sha256",
        "training_machine",
        "manifest",
    )
    told = {name: getattr(story, name) for name in names}
    return NewVersion(run_id=story.run.run.run_id, snapshot_id=story.snapshot.snapshot_id, **told)


def new_event(registry: Registry) -> NewEvent:
    request = Request(
        model=registry.version.model,
        version=1,
        action=Action.DEPLOY,
        target="prod",
        request_id=f"job/{registry.version.model}",
        actor="ann@laptop",
        reason="better by night",
    )
    return NewEvent(request=request, version=1, seen=0, smoke={"examples": 32})


def event_told(registry: Registry, new: NewEvent) -> NewEvent:
    event = last_event(registry.connection, new.request.model, new.request.target)
    assert event is not None and event.version is not None
    request = Request(**{field.name: getattr(event, field.name) for field in fields(Request)})
    return NewEvent(request=request, version=event.version, seen=event.seq - 1, forced=event.forced, smoke=event.smoke)


TASK = Task("train", "trainer", "0.1.0", seconds=12.5)
WRITERS = {
    "run": Writer(
        "pipeline_run",
        lambda r: r.new_run(),
        lambda r, run: start_run(r.connection, run),
        lambda r, run: read_run(r.connection, run.run_id).run,
    ),
    "task": Writer(
        "run_task",
        lambda r: TASK,
        lambda r, task: record_tasks(r.connection, r.version.run_id, [task]),
        lambda r, _: read_tasks(r.connection, r.version.run_id)[0],
    ),
    "snapshot": Writer(
        "dataset_snapshot",
        lambda r: r.new_snapshot(),
        lambda r, snapshot: record_snapshot(r.connection, snapshot),
        lambda r, snapshot: read_recorded_snapshot(r.connection, snapshot.snapshot_id),
    ),
    "snapshot of a run": Writer(
        "run_dataset",
        lambda r: (r.version.run_id, DatasetRole.TRAIN),
        lambda r, use: link_snapshot(r.connection, use[0], use[1], r.version.snapshot_id),
        lambda r, _: next((use.run_id, use.role) for use in read_snapshot_story(r.connection, r.version.snapshot_id).runs),
    ),
    "version": Writer("model_version", Registry.make_version, lambda r, new: register_version(r.connection, new), version_told),
    "version that a run read": Writer(
        "run_model",
        lambda r: (r.make_version().run_id, ModelRole.BASELINE),
        lambda r, use: link_run(r.connection, use[0], use[1], r.version.model, 1),
        lambda r, use: tuple(r.connection.exec_driver_sql("SELECT run_id, role FROM registry.run_model WHERE run_id = %s", use[:1]).one()),
    ),
    "evaluation": Writer(
        "evaluation",
        lambda r: evaluation_of(r.version, 1, Metric("auc", {}, 0.7)),
        lambda r, evaluation: record_evaluation(r.connection, evaluation),
        lambda r, _: r.story(1).evaluations[0],
    ),
    "blessing": Writer(
        "blessing",
        lambda r: blessing_of(r.version, 1, Check("auc", {}, "at least 0.7", 0.75, passed=True, baseline=0.74)),
        lambda r, blessing: record_blessing(r.connection, blessing),
        lambda r, _: r.story(1).blessings[0],
    ),
    "finding": Writer(
        "finding",
        lambda r: TEXT,
        lambda r, finding: record_findings(r.connection, r.version.run_id, "source", [finding], waived=False),
        lambda r, _: read_recorded_findings(r.connection, r.version.run_id)[0],
    ),
    "deployment": Writer("deployment_event", new_event, lambda r, event: append(r.connection, event), event_told),
    "retirement": Writer(
        "retirement",
        lambda r: Retirement(1, "ann", "trained on half a day", r.story(1).created_at),
        lambda r, done: retire(r.connection, r.version.model, done.version, actor=done.actor, reason=done.reason),
        lambda r, _: r.story(1).retirement,
    ),
}


def rows(registry: Registry, table: str) -> int:
    return int(registry.connection.exec_driver_sql(f"SELECT count(*) FROM registry.{table}").scalar_one())


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_what_is_written_twice_is_there_once_as_it_was(registry: Registry, writer: Writer) -> None:
    record = writer.make(registry)
    before = rows(registry, writer.table)
    assert writer.write(registry, record) == writer.write(registry, record)
    assert rows(registry, writer.table) == before + 1
    assert writer.read(registry, record) == record


OTHER: tuple[tuple[str, Mapping[str, Any], str], ...] = (
    ("run", {"git_commit": "d" * 40}, f"git_commit '{'c' * 40}', not '{'d' * 40}': what is recorded does not change"),
    ("run", {"parameters": {"epochs": 4}}, "parameters {.*}, not {'epochs': 4}"),
    ("run", {"package_versions": {}}, "package_versions .*, not {}"),
    ("task", {"component_version": "0.2.0"}, "component_version '0.1.0', not '0.2.0'"),
    ("snapshot", {"row_count": 999}, "row_count 1000, not 999"),
    ("version", {"code_sha256": "3" * 64}, f"code_sha256 '{'1' * 64}', not '{'3' * 64}'"),
    ("version", {"examples_sha256": "6" * 64}, f"examples_sha256 '{'3' * 64}', not '{'6' * 64}'"),
    ("evaluation", {"metrics": [Metric("auc", {}, 0.8)]}, "metric auc of slice '' {.*0.7.*}, not {.*0.8.*}"),
    ("evaluation", {"metrics": [Metric("auc", {}, 0.7), Metric("loss", {}, 0.7)]}, "number of metrics 1, not 2"),
    ("evaluation", {"metrics": [Metric("auc", {"hour": "3"}, 0.7)]}, "metric auc of slice '' {.*}, not None"),
    ("blessing", {"blessed": False}, "blessed True, not False"),
    ("retirement", {"reason": "other"}, "reason 'trained on half a day', not 'other'"),
)
NAMES = {
    "run": "run {run}",
    "task": "task train of run {run}",
    "snapshot": "snapshot {snapshot}",
    "version": "{model} 2, the version of run {run},",
    "evaluation": "the evaluation of {model} 1 by run {run}",
    "blessing": "the blessing of {model} 1 by run {run}",
    "retirement": "the retirement of {model} 1",
}


@pytest.mark.parametrize(("name", "changes", "difference"), OTHER, ids=[f"{name}: {', '.join(changes)}" for name, changes, _ in OTHER])
def test_other_values_of_the_same_are_a_conflict(registry: Registry, name: str, changes: Mapping[str, Any], difference: str) -> None:
    writer, version = WRITERS[name], registry.version
    record = writer.make(registry)
    writer.write(registry, record)
    run, snapshot = (getattr(record, field, getattr(version, field)) for field in ("run_id", "snapshot_id"))
    what = NAMES[name].format(run=run, snapshot=snapshot, model=version.model)
    with pytest.raises(ConflictError, match=f"{what} is already recorded with {difference}"):
        writer.write(registry, replace(record, **changes))
    assert writer.read(registry, record) == record


@pytest.mark.parametrize(
    ("changes", "message"), [({"version": 2}, "version 1, not 2"), ({"target": "local"}, "target 'prod', not 'local'")]
)
def test_a_request_is_for_one_deployment(registry: Registry, changes: Mapping[str, Any], message: str) -> None:
    event = new_event(registry)
    append(registry.connection, event)
    with pytest.raises(ConflictError, match=f"request {event.request.request_id} is already recorded with {message}"):
        append(registry.connection, replace(event, request=replace(event.request, **changes)))


NO_RUN = r'Key \(run_id\)=\(nobody\) is not present in table "pipeline_run"'
NO_SNAPSHOT = r'Key \(snapshot_id\)=\(0+\) is not present in table "dataset_snapshot"'
NO_VERSION = "model '.*' has no version 9: it has 1 to 1"
UNKNOWN: dict[str, tuple[Callable[[Registry], object], str]] = {
    "the end of a run": (lambda r: finish_run(r.connection, "nobody", RunState.FAILED, "error"), "run 'nobody' is not in the registry"),
    "a run": (lambda r: read_run(r.connection, "nobody"), "run 'nobody' is not in the registry"),
    "a snapshot": (lambda r: read_recorded_snapshot(r.connection, "abc"), "snapshot 'abc' is not in the registry"),
    "the run of a task": (lambda r: record_tasks(r.connection, "nobody", [TASK]), NO_RUN),
    "the run of a finding": (lambda r: record_findings(r.connection, "nobody", "source", [TEXT], waived=False), NO_RUN),
    "the snapshot of a run": (lambda r: link_snapshot(r.connection, r.version.run_id, DatasetRole.TRAIN, "0" * 64), NO_SNAPSHOT),
    "the run of a version": (lambda r: register_version(r.connection, replace(r.make_version(), run_id="nobody")), NO_RUN),
    "the snapshot of a version": (lambda r: register_version(r.connection, replace(r.make_version(), snapshot_id="0" * 64)), NO_SNAPSHOT),
    "the version that a run read": (lambda r: link_run(r.connection, r.version.run_id, ModelRole.BASELINE, r.version.model, 9), NO_VERSION),
    "the version of an evaluation": (lambda r: record_evaluation(r.connection, evaluation_of(r.version, 9)), NO_VERSION),
    "the version of a verdict": (lambda r: record_blessing(r.connection, blessing_of(r.version, 9)), NO_VERSION),
    "the champion of a verdict": (lambda r: record_blessing(r.connection, blessing_of(r.version, 1, baseline_version=9)), NO_VERSION),
    "the version of a retirement": (lambda r: retire(r.connection, r.version.model, 9, actor="ann", reason="old"), NO_VERSION),
    "the model of a history": (lambda r: history(r.connection, "never"), "model 'never' is not in the registry"),
}


@pytest.mark.parametrize(("act", "message"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_referred_to_must_be_there(registry: Registry, act: Callable[[Registry], object], message: str) -> None:
    with pytest.raises(RegistryError, match=message):
        act(registry)


REFUSED: tuple[tuple[str, Mapping[str, Any], str], ...] = (
    *(("run", {"run_id": run_id}, r"runs\.insert") for run_id in ("", "a b", "r'; DROP TABLE registry.metric; --", "r" * 10_000)),
    *(("run", {"model": model}, r"runs\.insert") for model in ("Churn", "churn\n", "churn'; DROP TABLE registry.metric; --")),
    ("run", {"git_commit": "main"}, r"runs\.insert"),
    ("run", {"environment_digest": "b" * 64}, r"runs\.insert"),
    ("run", {"image_digest": "latest"}, r"runs\.insert"),
    ("run", {"host": "nul\0"}, r"runs\.insert"),
    ("run", {"parameters": {"nul": "\0"}}, r"runs\.insert"),
    ("run", {"trigger": "moon"}, r"runs\.insert"),
    ("snapshot", {"row_count": -1}, r"snapshots\.insert: .*row_count_check"),
    ("snapshot", {"source_table": "purchases"}, r"snapshots\.insert: .*source_table_check"),
    ("snapshot", {"partition_to": date(1998, 4, 1)}, r"snapshots\.insert: .*violates check constraint .* Failing row contains"),
    ("snapshot", {"query_sha256": "select 1"}, r"snapshots\.insert: .*domain sha256 violates .* query_sha256 'select 1'"),
    *(
        ("version", {"model": model}, r"versions\.(insert|lock)_model: .*")
        for model in ("", "Churn", "churn\0", "churn; DROP TABLE registry.model", "é", "c" * 10_000, "../churn")
    ),
    *(
        ("evaluation", {"metrics": [metric]}, r"evaluations\.insert_")
        for metric in (
            Metric("", {}, 0.5),
            Metric("m" * 10_000, {}, 0.5),
            Metric("auc", {"country": "D" * 10_000}, 0.5),
            Metric("nul\0", {}, 0.5),
            Metric("auc", {"country": "\0"}, 0.5),
            Metric("surrogate \udc80", {}, 0.5),
            Metric("auc", {}, 0.5, ci_low=0.6, ci_high=0.4),
            Metric("auc", {}, 0.5, example_count=-1),
        )
    ),
)


@pytest.mark.parametrize(("name", "changes", "message"), REFUSED, ids=range(len(REFUSED)))
def test_values_that_nothing_has_are_refused(registry: Registry, name: str, changes: Mapping[str, Any], message: str) -> None:
    writer = WRITERS[name]
    record = replace(writer.make(registry), **changes)
    before = rows(registry, writer.table), rows(registry, "metric")
    with pytest.raises(RegistryError, match=f"the registry refuses {message}"), registry.connection.begin_nested():
        writer.write(registry, record)
    assert (rows(registry, writer.table), rows(registry, "metric")) == before
