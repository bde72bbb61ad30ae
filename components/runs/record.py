"""Runs of pipelines: what started, from which code and environment, through which tasks, and how it ended."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from components.database.idempotency import require_same
from components.database.statements import execute, shown, storable
from components.errors import ConflictError, RegistryError
from components.runs.provenance import component_version
from components.runs.steps import STEPS, Duty, PipelineName

MAIN_PACKAGES = ("tensorflow", "tfx", "kfp")


class RunState(StrEnum):
    """A run is RUNNING until it ends, once, in one of the others."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    BLOCKED = "BLOCKED"
    """A gate refused the data or the model."""
    CANCELLED = "CANCELLED"


class Trigger(StrEnum):
    """Who or what asked for a run."""

    PERSON = "person"
    SCHEDULE = "schedule"
    PARTITION = "partition"
    ALARM = "alarm"
    CODE = "code"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is known of a run when it starts."""

    run_id: str
    model: str
    pipeline_name: str
    pipeline_version: str
    pipeline_sha256: str
    """The SHA-256 of the compiled pipeline."""
    parameters: Mapping[str, object]
    trigger: Trigger
    reason: str
    environment_digest: str
    """`sha256:` and the SHA-256 of uv.lock."""
    package_versions: Mapping[str, str]
    """The version of every installed distribution, by name."""
    host: str
    git_commit: str | None = None
    """The commit; None when the run does not come from a repository."""
    git_dirty: bool = False
    image_digest: str | None = None
    service_account: str | None = None

    @property
    def commit(self) -> str | None:
        """The commit, and whether tracked files differed from it; None when the run does not come from a repository."""
        return f"{self.git_commit}{' with local changes' if self.git_dirty else ''}" if self.git_commit else None

    @property
    def main_packages(self) -> Mapping[str, str]:
        """The versions of the packages that decide most, by name."""
        return {name: self.package_versions[name] for name in MAIN_PACKAGES if name in self.package_versions}


@dataclass(frozen=True)
class RecordedRun:
    """A run as the registry has it."""

    run: Run
    state: RunState
    error: str | None
    started_at: datetime
    finished_at: datetime | None
    address: str | None = None
    """Its page on Kubeflow; None where it ran on a machine."""


@dataclass(frozen=True)
class Task:
    """One step of a run: the component that did it, in seconds, or None where the time is not known."""

    task_name: str
    component_name: str
    component_version: str
    cached: bool = False
    seconds: float | None = None


def start_run(connection: sa.Connection, run: Run) -> None:
    """Record that a run starts. Recording it again changes nothing, from whichever host the step is tried again.

    Raises:
        RegistryError: the run is recorded with other content, or a value is not acceptable.
    """
    run = _as_stored(run)
    values = {**asdict(run), "parameters": json.dumps(run.parameters), "package_versions": json.dumps(run.package_versions)}
    if not execute(connection, "runs.insert", **values).rowcount:
        require_same(f"run {run.run_id}", vars(read_run(connection, run.run_id).run), vars(run), except_for=("host",))


def _as_stored(run: Run) -> Run:
    """The run as it comes back from the database: tuples as lists, and no text that PostgreSQL cannot store."""
    return replace(
        run,
        parameters=json.loads(json.dumps(dict(run.parameters))),
        package_versions=dict(run.package_versions),
        reason=storable(run.reason),
    )


def pipeline_tasks(pipeline: PipelineName) -> list[Task]:
    """The steps of a pipeline that do its work, each with the version of its component in this environment."""
    return [
        Task(name, name, component_version(facts.room))
        for name, facts in STEPS.items()
        if pipeline in facts.pipelines and facts.duty is Duty.WORK
    ]


def record_tasks(connection: sa.Connection, run_id: str, tasks: Sequence[Task]) -> None:
    """Record the steps of a run. If a step is recorded already, its first times stand.

    Raises:
        RegistryError: the run is unknown, or a task is recorded with another component.
    """
    execute(connection, "runs.insert_tasks", run_id=run_id, tasks=json.dumps([asdict(task) for task in tasks]))
    first = {task.task_name: task for task in read_tasks(connection, run_id)}
    for task in tasks:
        what = f"task {task.task_name} of run {run_id}"
        require_same(what, vars(first[task.task_name]), vars(task), except_for=("cached", "seconds"))


def require_running(connection: sa.Connection, run_id: str) -> None:
    """Let a run not end before this transaction does, which is to record its version.

    Raises:
        ConflictError: the run has ended without a version, such as by Ctrl-C while its last step was still at work.
    """
    state = execute(connection, "runs.lock", run_id=run_id).scalar()
    if state not in (None, RunState.RUNNING, RunState.SUCCEEDED):  # an unknown one is refused by the rows that refer to it
        raise ConflictError(f"run {run_id} has ended as {state} meanwhile: its version is not recorded; train again")


def finish_run(connection: sa.Connection, run_id: str, state: RunState, error: str | None = None) -> RunState:
    """End a run that is still RUNNING. A run whose version is recorded has SUCCEEDED, whatever became of it afterwards,
    unless the version was refused, and only kept to be looked at.

    Returns the state that stands: this one, SUCCEEDED, or the one in which it had already ended.

    Raises:
        RegistryError: the run is unknown, or a run that did not fail is given an error.
    """
    execute(connection, "runs.lock", run_id=run_id)  # wait for a version that is being recorded; the next statement then sees it
    execute(connection, "runs.finish", run_id=run_id, state=state, error=None if error is None else storable(error))
    return read_run(connection, run_id).state


def close_interrupted(connection: sa.Connection, model: str, host: str) -> list[str]:
    """End the runs of a model that are RUNNING on a host where, as the caller knows, no process of them lives.

    A run that got as far as its version SUCCEEDED, any other FAILED as `interrupted`. Returns their ids.
    """
    held = execute(connection, "runs.lock_interrupted", model=model, host=host).scalars().all()  # as finish_run does, and why
    return sorted(execute(connection, "runs.close_interrupted", run_ids=list(held)).scalars())


def read_run(connection: sa.Connection, run_id: str) -> RecordedRun:
    """The run of that id.

    Raises:
        RegistryError: there is none.
    """
    row = execute(connection, "runs.read", run_id=run_id).mappings().first()
    if row is None:
        raise RegistryError(f"run {shown(run_id)} is not in the registry")
    return recorded(row)


def is_recorded(connection: sa.Connection, run_id: str) -> bool:
    """Whether the registry has the run."""
    return execute(connection, "runs.read", run_id=run_id).first() is not None


def read_tasks(connection: sa.Connection, run_id: str) -> tuple[Task, ...]:
    """The tasks of a run, by name."""
    return tuple(Task(**row) for row in execute(connection, "runs.read_tasks", run_id=run_id).mappings())


def recorded(row: sa.RowMapping) -> RecordedRun:
    """A row of registry.pipeline_run, with the address of its page on Kubeflow."""
    values = {field.name: row[field.name] for field in fields(Run)}
    run = Run(**values | {"trigger": Trigger(row["trigger"])})
    return RecordedRun(run, RunState(row["state"]), row["error"], row["started_at"], row["finished_at"], row["address"])
