"""The watcher as a recurring run: its pod runs `perennial watch` with what the ConfigMap says, however often it fires."""

from datetime import timedelta

import pytest

from components.schedules.declared import WATCHER, DeclaredRuns, WatchSchedule
from components.settings import Settings
from infra.emulators.kubeflow.launcher import LaunchedTask
from infra.emulators.kubeflow.server import Backend
from pipelines.kubeflow import applying
from pipelines.kubeflow.api import connected
from pipelines.look import COMMAND
from tests.pipelines.command_line import CommandLine, edit
from tests.pipelines.kubeflow.conftest import Clock, KubeflowCommandLine
from tests.pipelines.kubeflow.steps import Steps

LAST = "latency_milliseconds = 50"
OF_THE_IMAGE = ("state_folder", "models_folder")
OF_THE_LAYER = ("kubeflow_endpoint", "kubeflow_authentication", "kubeflow_token_file")


@pytest.fixture
def looks(shop: Settings, kubeflow_settings: Settings, backend: Backend, steps: Steps, name: str) -> list[str]:
    """What each look printed. A look is the pod's own command, with the pod's own variables and the image's folders."""
    folder = kubeflow_settings.models_folder / name
    edit(folder / "model.toml", LAST, f'{LAST}\n\n[continuous]\nsettle_days = 0\ntriggers = ["new_partition"]\n')
    of_the_layer = {f"PERENNIAL_{one.upper()}": str(getattr(kubeflow_settings, one)) for one in OF_THE_LAYER}
    vars(backend.state.namespace)["config_maps"] = {
        maps: {**values, **of_the_layer} for maps, values in backend.state.namespace.config_maps.items()
    }
    printed: list[str] = []

    def look(task: LaunchedTask) -> int:
        assert task.command == list(COMMAND)
        own = {key: value for key, value in task.environment.items() if key.startswith("PERENNIAL_")}
        own |= {f"PERENNIAL_{one.upper()}": str(getattr(kubeflow_settings, one)) for one in OF_THE_IMAGE}
        done = CommandLine(kubeflow_settings, own).run(*task.command[1:])
        printed.append(done.stdout + done.stderr)
        return done.returncode

    steps.look = look
    return printed


def test_the_watcher_that_fires_twice_at_once_and_every_day_submits_a_training_once(
    looks: list[str], kubeflow_settings: Settings, backend: Backend, steps: Steps, clock: Clock, name: str
) -> None:
    declared = DeclaredRuns(watch=WatchSchedule(cron="0 0 6 * * *"))
    with connected(kubeflow_settings) as kubeflow:
        applying.apply(kubeflow, kubeflow_settings, declared, dry_run=False, on_change=lambda _: None)
    (schedule_id,) = backend.state.schedules
    steps.refusal = "blocked: for a test"
    for _ in range(2):
        clock.now += timedelta(days=1)
        while backend.fire_due():
            pass
        backend.fire(schedule_id)  # by a second controller
        backend.wait()
    shown = [run.shown for run in backend.state.runs.values()]
    assert {run["state"] for run in shown if run["display_name"].startswith(WATCHER)} == {"SUCCEEDED"}, looks
    (training,) = [run for run in shown if not run["display_name"].startswith(WATCHER)]
    (decision,) = KubeflowCommandLine(kubeflow_settings).json("decisions", name)
    assert training["description"] == decision["claims"][0]["run_id"]
    assert [one["result"] for one in decision["outcomes"]] == ["refused"]


def test_a_look_that_fails_is_a_failed_run_and_the_next_one_goes_on(
    looks: list[str], kubeflow_settings: Settings, backend: Backend, clock: Clock, name: str
) -> None:
    declared = DeclaredRuns(watch=WatchSchedule(cron="0 0 6 * * *"))
    with connected(kubeflow_settings) as kubeflow:
        applying.apply(kubeflow, kubeflow_settings, declared, dry_run=False, on_change=lambda _: None)
    model = kubeflow_settings.models_folder / name / "model.toml"
    text = model.read_text()
    model.write_text("[")
    for _ in range(2):
        clock.now += timedelta(days=1)
        while backend.fire_due():
            pass
        model.write_text(text)
    logged = KubeflowCommandLine(kubeflow_settings).run("logs", next(iter(backend.state.runs)), "look")
    assert (logged.returncode, "has no step" in logged.stderr) == (0, False), logged.stderr
    states = [run.shown["state"] for run in backend.state.runs.values() if run.shown["display_name"].startswith(WATCHER)]
    assert states == ["FAILED", "SUCCEEDED"], looks
    assert f"{name}: not looked at: " in looks[0]
