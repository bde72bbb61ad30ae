"""Runs and their tasks as Kubeflow shows them, parsed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from components.runs.steps import STEPS
from pipelines.kubeflow.nodes import pods_of_step


class RemoteState(StrEnum):
    """How far a run or a task is."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


STATES = {
    "RUNNING": RemoteState.RUNNING,
    "CANCELING": RemoteState.RUNNING,
    "SUCCEEDED": RemoteState.SUCCEEDED,
    "CACHED": RemoteState.SUCCEEDED,
    "SKIPPED": RemoteState.SKIPPED,
    "OMITTED": RemoteState.SKIPPED,
    "FAILED": RemoteState.FAILED,
    "ERROR": RemoteState.FAILED,
    "CANCELED": RemoteState.FAILED,
}
"""Argo's and Kubeflow's words, in capitals; any other, and none, is waiting. A task that Argo omits has none."""
SHOWN = (*STEPS, "look")
"""Which of a workflow's nodes are steps: those of trainings, and the one of the watcher's runs (pipelines/look.py)."""
ENDED = (RemoteState.SUCCEEDED, RemoteState.FAILED, RemoteState.SKIPPED)


@dataclass(frozen=True)
class RemoteTask:
    """A step of a run."""

    step: str
    state: RemoteState
    seconds: float
    """How long it took; 0 while it is not at its end."""
    pods: tuple[str, ...]
    """Nodes whose logs are its logs, one for each attempt: the API finds the pods below them."""
    named_pods: tuple[str, ...] = ()
    """The names that its pods may have, the first attempt's first: each attempt's log is found by its pod's name, in the archive too. By
    `pods` only one attempt's is found, and none until Argo has archived it."""


@dataclass(frozen=True)
class RemoteRun:
    """A run of Kubeflow."""

    kubeflow_run: str
    run_id: str
    """Its id in the registry: its description, or for a scheduled run Kubeflow's own id."""
    name: str
    state: RemoteState
    word: str
    """The state as Kubeflow calls it."""
    created: datetime
    address: str
    tasks: tuple[RemoteTask, ...]
    pending: tuple[str, ...] = ()
    """The steps that have a pod which does not start, or has not yet."""

    @property
    def has_ended(self) -> bool:
        """Whether it is at its end."""
        return self.state in ENDED


def remote_run(shown: Any, pages: str) -> RemoteRun:
    """Parse a run of kfp-server-api."""
    details = shown.run_details.task_details if shown.run_details else None
    return RemoteRun(
        kubeflow_run=shown.run_id,
        run_id=shown.description or shown.run_id,
        name=shown.display_name or "",
        state=_state(shown.state),
        word=str(shown.state),
        created=shown.created_at or datetime.fromtimestamp(0, UTC),
        address=f"{pages}{shown.run_id}",
        tasks=tuple(_tasks(details or ())),
        pending=tuple(_pending(details or ())),
    )


def _state(word: Any) -> RemoteState:
    return STATES.get(str(word).upper(), RemoteState.WAITING)


def _pending(details: Any) -> Iterator[str]:
    """Whose pods wait to start: of a driver it has the step's name, of a container the steps that run have it."""
    waiting = {detail.display_name or "" for detail in details if str(detail.state).upper() == "PENDING"}
    yield from sorted({name.partition("-driver")[0] for name in waiting if "-driver" in name})
    if any(name.startswith("executor") for name in waiting):
        yield from (
            detail.display_name for detail in details if detail.display_name in SHOWN and _state(detail.state) is RemoteState.RUNNING
        )


def _tasks(details: Any) -> Iterator[RemoteTask]:
    """The steps among the nodes of a workflow. A step has a node of its name, with a child for each attempt; where its driver failed it
    has none, and the driver's are shown."""
    drivers = {detail.display_name: _attempts(detail) for detail in details if (detail.display_name or "").endswith("-driver")}
    for detail in sorted(details, key=lambda detail: (detail.start_time is None, detail.start_time)):
        if detail.display_name in SHOWN:
            state = _state(detail.state)
            took = (detail.end_time - detail.start_time).total_seconds() if state in ENDED and detail.start_time else 0.0
            pods = _attempts(detail) or drivers.get(f"{detail.display_name}-driver", ())
            yield RemoteTask(detail.display_name, state, max(took, 0.0), pods, _named_pods(detail.display_name, details))


def _named_pods(step: str, details: Any) -> tuple[str, ...]:
    children = {child.pod_name for detail in details for child in detail.child_tasks or () if child.pod_name}
    return pods_of_step(step, {detail.display_name for detail in details if detail.display_name}, children)


def _attempts(detail: Any) -> tuple[str, ...]:
    """The children of a node. They alone bear the names by which logs are asked for: a node does not tell its own."""
    return tuple(child.pod_name for child in detail.child_tasks or () if child.pod_name)
