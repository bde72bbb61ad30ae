"""Watching with trainings on Kubeflow, against its emulator: submitted once, and followed by later looks."""

from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from components.model.folder import read_model
from components.settings import Settings
from infra.emulators.kubeflow.server import Backend
from pipelines.kubeflow.api import connected
from pipelines.run.train import AlreadyTrained
from pipelines.watch.remote import KubeflowTrainer
from pipelines.watch.watcher import TrainingOrder, already_trained
from tests.pipelines.command_line import edit
from tests.pipelines.kubeflow.conftest import (  # noqa: F401
    KubeflowCommandLine,
    backend,
    clock,
    kubeflow_settings,
    perennial,
    registry,
    settings,
    steps,
)
from tests.pipelines.kubeflow.steps import Steps

CONTINUOUS = '[continuous]\nsettle_days = 0\ntriggers = ["new_partition"]\n'
LAST = "latency_milliseconds = 50"
WORDS = "the labels of span 1998-05-31 are known, and there is no version yet"


@pytest.fixture
def name() -> str:
    """Of a model that no other test has."""
    return f"churn_{uuid4().hex[:8]}"


@pytest.fixture
def watching(shop: Settings, perennial: KubeflowCommandLine, name: str) -> KubeflowCommandLine:  # noqa: F811
    """`perennial`, and a model with a policy."""
    folder: Path = perennial.settings.models_folder / name
    edit(folder / "model.toml", LAST, f"{LAST}\n\n{CONTINUOUS}")
    return perennial


def watch(command_line: KubeflowCommandLine, name: str) -> list[str]:
    done = command_line.run("watch", name, "--once", "--on", "kubeflow")
    assert done.returncode == 0, done.stdout + done.stderr
    return [line.removeprefix(f"{name}: ") for line in done.stdout.splitlines()]


def decisions(command_line: KubeflowCommandLine, name: str) -> list[dict[str, Any]]:
    return command_line.json("decisions", name)  # type: ignore[no-any-return]


def test_a_run_is_submitted_once_and_a_later_look_sees_how_it_ended(
    watching: KubeflowCommandLine,
    backend: Backend,  # noqa: F811
    steps: Steps,  # noqa: F811
    name: str,
) -> None:
    steps.refusal = "blocked: auc is 0.5, and the threshold wants at least 0.75"
    assert watch(watching, name) == [f"train: {WORDS}"]
    backend.wait()
    assert watch(watching, name) == [f"refused: {steps.refusal}"]
    assert watch(watching, name) == []
    (run,) = backend.state.runs.values()
    (decision,) = decisions(watching, name)
    assert run.shown["description"] == decision["claims"][0]["run_id"] == f"{name}-decision-{decision['decision_id']}-1"
    assert [one["result"] for one in decision["outcomes"]] == ["refused"]


def test_a_run_that_ended_before_it_was_recorded_is_followed_by_another(
    watching: KubeflowCommandLine,
    backend: Backend,  # noqa: F811
    steps: Steps,  # noqa: F811
    name: str,
) -> None:
    steps.lost.add("start")
    assert watch(watching, name) == [f"train: {WORDS}"]
    backend.wait()
    steps.lost.clear()
    steps.refusal = "blocked: for a test"
    assert watch(watching, name) == []
    backend.wait()
    assert watch(watching, name) == ["refused: blocked: for a test"]
    (decision,) = decisions(watching, name)
    assert [claim["attempt"] for claim in decision["claims"]] == [1, 2]
    assert len(backend.state.runs) == 2


def test_a_look_that_meets_no_kubeflow_fails_and_says_why(
    watching: KubeflowCommandLine,
    backend: Backend,  # noqa: F811
    name: str,
) -> None:
    token = watching.settings.kubeflow_token_file.read_text()
    watching.settings.kubeflow_token_file.write_text("another token")
    done = watching.run("watch", name, "--once", "--on", "kubeflow")
    assert (done.returncode, len(backend.state.runs)) == (1, 0), done.stdout
    assert done.stdout.splitlines()[1].startswith(f"{name}: not looked at to the end: ")
    watching.settings.kubeflow_token_file.write_text(token)
    assert watch(watching, name) == []
    (decision,) = decisions(watching, name)
    assert [claim["run_id"] for claim in decision["claims"]] == [run.shown["description"] for run in backend.state.runs.values()]


def test_a_run_that_somebody_ended_on_kubeflow_is_not_waited_for_without_end(
    watching: KubeflowCommandLine,
    backend: Backend,  # noqa: F811
    steps: Steps,  # noqa: F811
    name: str,
) -> None:
    steps.lost |= {"pin", "finish"}
    assert watch(watching, name) == [f"train: {WORDS}"]
    backend.wait()
    assert watch(watching, name)[0] == "failed: it was ended on Kubeflow before its last step, which would have recorded why"


def test_a_run_that_was_deleted_on_kubeflow_has_ended(
    watching: KubeflowCommandLine,
    backend: Backend,  # noqa: F811
    steps: Steps,  # noqa: F811
    name: str,
) -> None:
    steps.lost |= {"pin", "finish"}
    watch(watching, name)
    backend.wait()
    backend.state.runs.clear()
    assert watch(watching, name)[0] == "failed: it was ended on Kubeflow before its last step, which would have recorded why"


def test_what_was_trained_before_is_not_submitted(
    watching: KubeflowCommandLine,
    monkeypatch: pytest.MonkeyPatch,
    backend: Backend,  # noqa: F811
    name: str,
) -> None:
    model, through = read_model(watching.settings.models_folder, name), date(1998, 5, 31)
    monkeypatch.setattr("pipelines.watch.remote.find_already_trained", lambda *_: AlreadyTrained(3, "snapshot", through))
    with connected(watching.settings) as kubeflow:
        trainer = KubeflowTrainer(kubeflow, watching.settings)
        assert trainer.submit(TrainingOrder(model, f"{name}-1", through, "code", "back", force=False)) == already_trained(3)
        assert backend.state.runs == {}
