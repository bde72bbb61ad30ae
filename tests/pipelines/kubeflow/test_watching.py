"""A run that is followed: the log of a step while it runs, and a pod that does not start."""

import json
import threading
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from components.errors import AccessError, PerennialError, RegistryError, TaskError
from components.model.folder import read_model
from components.runs.record import Trigger
from components.settings import KubeflowAuthentication, Settings
from infra.emulators.kubeflow.execution import Node
from infra.emulators.kubeflow.launcher import LaunchedTask
from infra.emulators.kubeflow.pods import Namespace
from infra.emulators.kubeflow.server import Backend
from pipelines.kubeflow.api import connected
from pipelines.kubeflow.control import has_begun, read_logs
from pipelines.kubeflow.nodes import pods_of_step
from pipelines.kubeflow.remote import RemoteRun, RemoteState, RemoteTask
from pipelines.kubeflow.stuck import why_stuck
from pipelines.kubeflow.submission import submit
from pipelines.kubeflow.watching import Watch, follow
from pipelines.run.train import TrainingRequest
from tests.pipelines.kubeflow.conftest import namespace_of
from tests.pipelines.kubeflow.steps import Steps


def submitted(settings: Settings, name: str) -> RemoteRun:
    request = TrainingRequest(read_model(settings.models_folder, name), date(1998, 5, 31), Trigger.PERSON, "because")
    with connected(settings) as kubeflow:
        return submit(kubeflow, settings, request)


def test_the_log_of_a_step_is_read_while_it_runs(kubeflow_settings: Settings, backend: Backend, steps: Steps, name: str) -> None:
    """Until Argo has archived it, a log is found by its pod's own name alone, which the API does not tell."""
    begun, goes_on = threading.Event(), threading.Event()

    def wait_in_pin(task: LaunchedTask) -> None:
        if task.name == "pin":
            task.log.write_text("half of it\n")
            begun.set()
            assert goes_on.wait(60)

    steps.before = wait_in_pin
    run = submitted(kubeflow_settings, name)
    with connected(kubeflow_settings) as kubeflow:
        assert begun.wait(60)
        seen = kubeflow.get_run(run.kubeflow_run)
        assert has_begun(kubeflow, seen, next(task for task in seen.tasks if task.step == "pin"))
        assert not kubeflow.has_log(run.kubeflow_run, "wf-9")
        logs = [(task.state, log) for task, log in read_logs(kubeflow, seen, "pin")]
        goes_on.set()
        backend.wait()
        ended = list(read_logs(kubeflow, kubeflow.get_run(run.kubeflow_run), "pin"))
    assert logs == [(RemoteState.RUNNING, "half of it\n")]
    assert [log for _, log in ended] == [f"half of it\npin of {run.kubeflow_run}\n"]


def test_a_pod_that_does_not_start_is_told_with_its_step_and_the_run_goes_on_once_it_can(
    kubeflow_settings: Settings, backend: Backend, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.kubeflow.watching.POLL_SECONDS", 0.05)
    monkeypatch.setattr("pipelines.kubeflow.watching.STUCK_SECONDS", 0.1)
    backend.state.namespace = Namespace(patience_seconds=60)
    run, told = submitted(kubeflow_settings, name), []

    def mend(sentence: str) -> None:
        told.append(sentence)
        backend.state.runs[run.kubeflow_run].execution.namespace = namespace_of(kubeflow_settings)

    watch = Watch(
        on_start=lambda step: None,
        on_end=lambda result: None,
        on_quiet=mend,
        why_stuck=lambda kubeflow_run: why_stuck(kubeflow_settings, kubeflow_run),
        longest_seconds=60,
    )
    with connected(kubeflow_settings) as kubeflow:
        assert follow(kubeflow, run.kubeflow_run, watch).state is RemoteState.SUCCEEDED
    assert len(told) == 1
    assert told[0].startswith("start waits for its pod to start: it needs the ConfigMap perennial, the image, ")
    assert f"describe pod -l pipeline/runid={run.kubeflow_run}`" in told[0]


def test_where_kubectl_answers_the_cause_has_kubernetes_words(
    kubeflow_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = {"reason": "CreateContainerConfigError", "message": 'configmap "perennial" not found'}
    quiet = {"reason": "ContainerCreating"}
    pods = {"items": [{"status": {"containerStatuses": [{"state": {"waiting": waiting}}, {"state": {"waiting": quiet}}]}}] * 2}
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(pods)}\nEND\n")
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    settings = kubeflow_settings.model_copy(update={"kubeflow_authentication": KubeflowAuthentication.PORT_FORWARD})
    assert why_stuck(settings, "r1") == 'CreateContainerConfigError: configmap "perennial" not found'


def test_a_pod_is_named_as_argo_names_it() -> None:
    """By Argo's own rule: the name of the workflow, the template's, and the hash of the node's name."""
    display_names = {"wf", "wf(0)", "root", "root(0)", "pin", "pin(0)", "executor", "executor(0)", "executor(1)", "pin-driver"}
    children = {"wf-2130604158", *(f"wf-{number}" for number in NODES.values())}
    assert pods_of_step("pin", display_names, children) == (
        f"wf-retry-system-container-impl-{NODES['wf(0).root(0).pin(0).executor(0)']}",
        f"wf-system-container-impl-{NODES['wf(0).root(0).pin(0).executor(0)']}",
    )


def fnv_of(text: str) -> int:
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) % 2**32
    return value


NODES = {
    name: fnv_of(name)
    for name in (
        "wf(0)",
        "wf(0).root",
        "wf(0).root(0)",
        "wf(0).root(0).pin",
        "wf(0).root(0).pin(0)",
        "wf(0).root(0).pin(0).executor",
        "wf(0).root(0).pin(0).executor(0)",
    )
}


@dataclass
class TwoSteps:
    """A run two of whose steps run side by side. Only some pods have a log."""

    logs: dict[str, str]
    pages: str = ""

    def get_run(self, kubeflow_run: str) -> RemoteRun:
        names = {"read": ("wf-a-1",), "schema": ("wf-a-2",)}
        tasks = tuple(RemoteTask(step, RemoteState.RUNNING, 0.0, (), pods) for step, pods in names.items())
        return RemoteRun(
            kubeflow_run, "churn-1", "churn", RemoteState.RUNNING, "RUNNING", datetime(2026, 11, 1, tzinfo=UTC), "", tasks, tuple(names)
        )

    def read_log(self, kubeflow_run: str, pod: str) -> str:
        if pod not in self.logs:
            raise RegistryError(f"{pod} of {kubeflow_run} is waiting to start")
        return self.logs[pod]

    def has_log(self, kubeflow_run: str, pod: str) -> bool:
        self.read_log(kubeflow_run, pod)
        return True


@pytest.mark.parametrize(
    ("logs", "told"),
    [
        ({"wf-a-1": ""}, ["schema waits for its pod to start: why"]),
        ({}, ["read, schema wait for their pods to start: why"]),
        ({"wf-a-1": "", "wf-a-2": "x"}, []),
    ],
)
def test_of_steps_side_by_side_only_those_without_a_log_wait(
    logs: dict[str, str], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.kubeflow.watching.POLL_SECONDS", 0.01)
    monkeypatch.setattr("pipelines.kubeflow.watching.STUCK_SECONDS", 0.05)
    said: list[str] = []
    watch = Watch(lambda step: None, lambda result: None, said.append, lambda kubeflow_run: "why", longest_seconds=0.5)
    with pytest.raises(TaskError, match="is RUNNING after"):
        follow(TwoSteps(logs), "r1", watch)  # type: ignore[arg-type]
    assert [sentence.partition("; the run goes on")[0] for sentence in said] == told


@pytest.mark.parametrize("error", [TaskError("503"), AccessError("403")])
def test_a_log_that_nobody_may_read_now_does_not_end_the_wait(error: PerennialError, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bool:
        raise error

    monkeypatch.setattr(TwoSteps, "has_log", refuse)
    test_of_steps_side_by_side_only_those_without_a_log_wait({}, [], monkeypatch)


@dataclass
class Archive(TwoSteps):
    """Logs of all attempts, by the names of their pods; by a node's id only the first one's."""

    def read_log(self, kubeflow_run: str, pod: str) -> str:
        return "first\n" if pod == "wf-9" else super().read_log(kubeflow_run, pod)


def test_each_attempt_of_a_step_that_has_ended_has_its_log() -> None:
    task = RemoteTask("read", RemoteState.SUCCEEDED, 1.0, ("wf-9",), ("wf-a-1", "wf-b-1", "wf-a-2", "wf-b-2"))
    run = replace(TwoSteps({}).get_run("r1"), tasks=(task,))
    archive = Archive({"wf-a-1": "first\n", "wf-a-2": "second\n"})
    assert [log for _, log in read_logs(archive, run, "read")] == ["first\n", "second\n"]  # type: ignore[arg-type]
    assert [log for _, log in read_logs(Archive({}), run, "read")] == ["first\n"]  # type: ignore[arg-type]


def test_a_task_that_argo_omits_has_no_state_in_the_api() -> None:
    shown = {
        state: Node("read", "wf.read", "wf-1", state, datetime(2026, 11, 1, tzinfo=UTC)).to_json("r1") for state in ("OMITTED", "SKIPPED")
    }
    assert ("state" in shown["OMITTED"], shown["SKIPPED"]["state"]) == (False, "SKIPPED")
