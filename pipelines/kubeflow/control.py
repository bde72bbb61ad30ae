"""Find a run on Kubeflow, read its logs, stop it, run it again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from components.database.engine import make_engine
from components.errors import PerennialError, RegistryError, TaskError
from components.model.folder import read_model
from components.reason import LONGEST_REASON
from components.runs.kubeflow import find_execution
from components.runs.record import RecordedRun, RunState, Trigger, finish_run, is_recorded, read_run
from components.settings import Settings
from pipelines.kubeflow.api import Kubeflow
from pipelines.kubeflow.nodes import TEMPLATES
from pipelines.kubeflow.remote import RemoteRun, RemoteTask
from pipelines.kubeflow.submission import submit
from pipelines.run.train import TrainingRequest

CANCELING = "CANCELING"
"""Kubeflow's word for a run that was stopped and whose pods have not ended."""


def find_run(kubeflow: Kubeflow, settings: Settings, run_id: str) -> RemoteRun:
    """The run of Kubeflow that executes a run, by the registry's id of it or Kubeflow's own.

    Raises:
        RegistryError: there is none.
        PerennialError: Kubeflow or the registry do not answer.
    """
    with make_engine(settings).connect() as connection:
        executed_by = find_execution(connection, run_id)
    if executed_by:
        return kubeflow.get_run(executed_by)
    found = kubeflow.find_run(None, run_id)
    return found or kubeflow.get_run(run_id)


def read_logs(kubeflow: Kubeflow, run: RemoteRun, step: str | None) -> Iterator[tuple[RemoteTask, str]]:
    """The logs of a run's steps that began, or of one: of each pod, the driver's first.

    Raises:
        RegistryError: the run has no such step.
        PerennialError: Kubeflow does not answer.
    """
    if step and step not in {task.step for task in run.tasks}:
        raise RegistryError(f"run {run.run_id} has no step {step!r} yet: it has {', '.join(task.step for task in run.tasks) or 'none'}")
    for task in run.tasks:
        if step in (None, task.step):
            named = [log for pod in task.named_pods if (log := _log_if_there(kubeflow, run, pod)) is not None]
            yield from ((task, log) for log in named or [_log(kubeflow, run, pod) for pod in task.pods])


def has_begun(kubeflow: Kubeflow, run: RemoteRun, task: RemoteTask) -> bool:
    """Whether the container of a step's last attempt has started, as far as is known: until then it has no log."""
    return any(_may_have_log(kubeflow, run, pod) for pod in task.named_pods[-len(TEMPLATES) :])


def _may_have_log(kubeflow: Kubeflow, run: RemoteRun, pod: str) -> bool:
    try:
        return kubeflow.has_log(run.kubeflow_run, pod)
    except RegistryError:
        return False
    except PerennialError:  # of a server that is busy, or lets nobody read logs: the run goes on
        return True


def _log(kubeflow: Kubeflow, run: RemoteRun, pod: str) -> str:
    try:
        return kubeflow.read_log(run.kubeflow_run, pod)
    except RegistryError as error:
        return f"{error}\n"


def _log_if_there(kubeflow: Kubeflow, run: RemoteRun, pod: str) -> str | None:
    """None where no pod has the name."""
    try:
        return kubeflow.read_log(run.kubeflow_run, pod)
    except RegistryError:
        return None


def cancel(kubeflow: Kubeflow, settings: Settings, run_id: str) -> RunState:
    """Stop a run, and end it in the registry: Argo starts no step any more, so no step would. Returns the state that stands.

    Of one that was deleted on Kubeflow there is nothing to stop.

    Raises:
        RegistryError: neither the registry nor Kubeflow knows it.
        PerennialError: Kubeflow or the registry do not answer.
    """
    with make_engine(settings).connect() as connection:
        executed_by = find_execution(connection, run_id)
    run = kubeflow.find_by_id(executed_by) if executed_by else find_run(kubeflow, settings, run_id)
    if run is not None and not run.has_ended and run.word != CANCELING:  # a second call would be refused
        what = f"to cancel run {run.run_id}"
        kubeflow.write(what, kubeflow.runs.run_service_terminate_run, run.kubeflow_run, absent="`perennial runs MODEL` lists them")
    recorded = run.run_id if run else run_id
    with make_engine(settings).begin() as connection:
        if not is_recorded(connection, recorded):
            return RunState.CANCELLED
        return finish_run(connection, recorded, RunState.CANCELLED, "cancelled by `perennial cancel`")


def retry(kubeflow: Kubeflow, settings: Settings, run: RemoteRun) -> RemoteRun:
    """Run a failed run again: where it failed, if the registry waits for its end; else anew, since an end is for good.

    Raises:
        TaskError: it has not failed.
        PerennialError: Kubeflow refuses it, or does not answer.
    """
    recorded = _recorded(settings, run.run_id)
    if not run.has_ended:
        raise TaskError(f"run {run.run_id} is {run.word} still: follow it at {run.address}, or stop it by `perennial cancel {run.run_id}`")
    if recorded is None or recorded.state is RunState.RUNNING:
        kubeflow.write(f"to retry run {run.run_id}", kubeflow.runs.run_service_retry_run, run.kubeflow_run)
        return kubeflow.get_run(run.kubeflow_run)
    if recorded.state is RunState.SUCCEEDED:
        raise TaskError(f"run {run.run_id} has SUCCEEDED: nothing is left to retry; `perennial train {recorded.run.model}` trains again")
    return submit(kubeflow, settings, _request(settings, recorded))


def _recorded(settings: Settings, run_id: str) -> RecordedRun | None:
    with make_engine(settings).connect() as connection:
        return read_run(connection, run_id) if is_recorded(connection, run_id) else None


def _request(settings: Settings, recorded: RecordedRun) -> TrainingRequest:
    """The same training again, with the reason for it."""
    run, model = recorded.run, read_model(settings.models_folder, recorded.run.model)
    reason = f"retry of {run.run_id}: {run.reason}"[:LONGEST_REASON]
    request = TrainingRequest(model, date.fromisoformat(str(run.parameters["through"])), Trigger.PERSON, reason)
    return replace(request, waive_gate=bool(run.parameters.get("waive_gate")))
