"""Follow a run of Kubeflow to its end, and say of it what is said of a local one."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from components.checks.findings import Finding
from components.checks.record import read_recorded_findings
from components.database.engine import make_engine
from components.errors import TaskError
from components.registry.versions import find_version_of_run
from components.runs.record import RecordedRun, RunState, is_recorded, read_run
from components.runs.steps import TaskResult, TaskState
from components.settings import Settings
from pipelines.kubeflow.api import Kubeflow
from pipelines.kubeflow.control import has_begun
from pipelines.kubeflow.remote import RemoteRun, RemoteState

POLL_SECONDS = 2.0
STUCK_SECONDS = 30.0
"""After so long a pod that has not started is looked into."""
QUIET_SECONDS = 60.0
"""After so long without news, the watch says that it still waits."""
REPORTED = {RemoteState.SUCCEEDED: TaskState.DONE, RemoteState.FAILED: TaskState.FAILED}


@dataclass(frozen=True)
class Watch:
    """Whom to tell of a run's progress, and how long to wait."""

    on_start: Callable[[str], None]
    on_end: Callable[[TaskResult], None]
    on_quiet: Callable[[str], None]
    """Called with a sentence where nothing happens for a while."""
    why_stuck: Callable[[str], str]
    """Says why a pod of a run, by Kubeflow's id, does not start."""
    longest_seconds: float


@dataclass(frozen=True)
class RemoteTraining:
    """A training that Kubeflow ran."""

    remote: RemoteRun
    recorded: RecordedRun | None
    """None if the run ended before its first step could record it."""
    version: int | None
    findings: tuple[Finding, ...]

    @property
    def state(self) -> RunState:
        """How it ended: as the registry says, if that knows it at its end."""
        if self.recorded and self.recorded.state is not RunState.RUNNING:
            return self.recorded.state
        return RunState.SUCCEEDED if self.remote.state is RemoteState.SUCCEEDED else RunState.FAILED


def follow(kubeflow: Kubeflow, kubeflow_run: str, watch: Watch) -> RemoteRun:
    """Wait until a run has ended.

    Raises:
        TaskError: it takes longer than the watch allows; the run goes on.
        PerennialError: Kubeflow does not answer any more.
    """
    begun = last = time.monotonic()
    seen: dict[str, RemoteState] = {}
    stuck = _Stuck(watch, kubeflow)
    while True:
        run = kubeflow.get_run(kubeflow_run)
        for task in run.tasks:
            if seen.get(task.step) is not task.state:
                last = time.monotonic()
                _tell(watch, task.step, seen.get(task.step), task.state, task.seconds)
                seen[task.step] = task.state
        if run.has_ended:
            return run
        now = time.monotonic()
        stuck.look(run, now)
        if now - begun > watch.longest_seconds:
            raise TaskError(f"run {run.run_id} is {run.word} after {watch.longest_seconds / 60:.0f} minutes: it goes on at {run.address}")
        if now - last > QUIET_SECONDS:
            last = now
            watch.on_quiet(f"{run.word} since {(now - begun) / 60:.0f} minutes: {run.address}")
        time.sleep(POLL_SECONDS)


@dataclass
class _Stuck:
    """Since when which steps wait for a pod, and what was told of it."""

    watch: Watch
    kubeflow: Kubeflow
    steps: tuple[str, ...] = ()
    since: float = 0.0
    told: str = ""

    def look(self, run: RemoteRun, now: float) -> None:
        if run.pending != self.steps or not run.pending:
            self.steps, self.since = run.pending, now
            return
        if now - self.since < STUCK_SECONDS:
            return
        self.since = now
        steps = self._waiting(run)
        if not steps:
            return
        verb = "waits for its pod" if len(steps) == 1 else "wait for their pods"
        why = f"{', '.join(steps)} {verb} to start: {self.watch.why_stuck(run.kubeflow_run)}"
        if why != self.told:
            self.told = why
            self.watch.on_quiet(f"{why}; the run goes on once that is mended, or `perennial cancel {run.run_id}` ends it")

    def _waiting(self, run: RemoteRun) -> list[str]:
        """Of steps side by side the API does not tell whose container waits: what has a log runs."""
        tasks = {task.step: task for task in run.tasks}
        return [step for step in run.pending if step not in tasks or not has_begun(self.kubeflow, run, tasks[step])]


def _tell(watch: Watch, step: str, before: RemoteState | None, state: RemoteState, seconds: float) -> None:
    if state is RemoteState.RUNNING:
        watch.on_start(step)
    elif state in REPORTED:
        if before is None:
            watch.on_start(step)
        watch.on_end(TaskResult(step, REPORTED[state], seconds, Path()))


def read_training(settings: Settings, run: RemoteRun) -> RemoteTraining:
    """What the registry knows of a run that Kubeflow ended."""
    with make_engine(settings).connect() as connection:
        if not is_recorded(connection, run.run_id):
            return RemoteTraining(run, None, None, ())
        return RemoteTraining(
            run,
            read_run(connection, run.run_id),
            find_version_of_run(connection, run.run_id),
            read_recorded_findings(connection, run.run_id),
        )
