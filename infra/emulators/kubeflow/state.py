"""What the server knows: experiments, pipelines, their versions, runs and recurring runs. Everything is gone with the process."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from infra.emulators.kubeflow.execution import Execution, stamp
from infra.emulators.kubeflow.launcher import RunTask
from infra.emulators.kubeflow.listing import Json
from infra.emulators.kubeflow.pods import Namespace

ENDED = ("SUCCEEDED", "FAILED")


@dataclass
class StoredRun:
    """A run: what the API shows, and its workflow."""

    shown: Json
    execution: Execution
    parameters: Json
    thread: threading.Thread | None = None

    @property
    def has_ended(self) -> bool:
        """Whether its workflow is at its end."""
        return self.shown["state"] in ENDED

    def to_json(self) -> Json:
        """As the API shows it now: a field without a value is left out."""
        details = [node.to_json(self.shown["run_id"]) for node in list(self.execution.nodes)]
        return self.shown | ({"run_details": {"task_details": details}} if details else {})


@dataclass
class StoredSchedule:
    """A recurring run: what the API shows, and what the controller remembers of it."""

    shown: Json
    resource_name: str
    spec: Json
    """{} where each run takes the pipeline's newest version."""
    created: datetime
    last_triggered: datetime | None = None
    last_index: int = 0


@dataclass
class State:
    """All of it, and what runs tasks. Whoever reads or changes it holds the lock."""

    folder: Path
    run_task: RunTask
    clock: Callable[[], datetime]
    namespace: Namespace
    lock: threading.RLock = field(default_factory=threading.RLock)
    experiments: dict[str, Json] = field(default_factory=dict)
    pipelines: dict[str, Json] = field(default_factory=dict)
    versions: dict[str, Json] = field(default_factory=dict)
    """By id: what the API shows, and under `_spec` what `parse_spec` read."""
    runs: dict[str, StoredRun] = field(default_factory=dict)
    schedules: dict[str, StoredSchedule] = field(default_factory=dict)

    def now(self) -> str:
        """The time of the clock as the API writes it."""
        return stamp(self.clock())


def new_id() -> str:
    """An id that nothing else has."""
    return str(uuid.uuid4())
