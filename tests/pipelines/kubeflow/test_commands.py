"""The commands about runs on Kubeflow, against its emulator."""

import re

import pytest

from components.runs.record import RunState
from infra.emulators.kubeflow.launcher import LaunchedTask
from infra.emulators.kubeflow.server import Backend
from tests.pipelines.kubeflow.conftest import IMAGE, KubeflowCommandLine
from tests.pipelines.kubeflow.steps import Steps

THROUGH = ("--through", "1998-05-31", "--on", "kubeflow")
REASON = "{{$.inputs.parameters['model']}} {{workflow.name}} [[RunUUID]] is what Ж wants"
ANOTHER = "def preprocessing_fn(inputs):\n    return inputs\n"
"""features.py of another folder than the image's."""


def test_a_submitted_run_has_an_experiment_a_name_and_its_links(
    perennial: KubeflowCommandLine, backend: Backend, steps: Steps, name: str
) -> None:
    submitted = perennial.json("train", name, *THROUGH, "--reason", REASON)
    backend.wait()
    (run,) = backend.state.runs.values()
    shown = run.shown
    assert submitted == {
        "run": shown["description"],
        "kubeflow_run": shown["run_id"],
        "address": f"{backend.url}/#/runs/details/{shown['run_id']}",
    }
    assert backend.state.experiments[shown["experiment_id"]]["display_name"] == name
    assert shown["display_name"] == f"{name} through 1998-05-31 · .inputs.parameters 'model' workflow.name RunUUID is what Ж wants"
    (recorded,) = perennial.runs(name)
    assert (recorded.run.run_id, recorded.run.reason) == (submitted["run"], REASON)
    (listed,) = perennial.json("runs", name)
    assert listed["address"] == submitted["address"]
    assert {task.image for task in steps.tasks} == {IMAGE}


def test_a_run_that_is_followed_shows_its_steps_and_ends_like_a_local_one(perennial: KubeflowCommandLine, name: str) -> None:
    done = perennial.run("train", name, *THROUGH, "--wait")
    assert done.returncode == 0, done.stderr
    shown = re.findall(r"✓ (\w+) +done", done.stderr)
    assert shown[:1] == ["start"]
    assert shown[-4:] == ["evaluate", "push", "record", "finish"]
    assert len(shown) == 13


def test_a_run_that_a_gate_refuses_ends_with_its_sentence_and_two(perennial: KubeflowCommandLine, steps: Steps, name: str) -> None:
    steps.refusal = "blocked: auc is 0.5, and the threshold wants at least 0.75"
    done = perennial.run("train", name, *THROUGH, "--wait")
    assert done.returncode == 2
    assert f"Error: {steps.refusal}" in done.stderr
    assert {"push", "record"} & set(steps.names()) == set()


def test_a_run_whose_step_fails_ends_with_its_sentence_and_one(perennial: KubeflowCommandLine, steps: Steps, name: str) -> None:
    steps.failures["read"] = "the disk is full: free some room"
    done = perennial.run("train", name, *THROUGH, "--wait")
    assert done.returncode == 1
    assert "Error: the disk is full: free some room" in done.stderr
    assert re.search(r"✗ read +failed", done.stderr)
    assert steps.names().count("read") == 1, "its end is recorded: another attempt could not change it"


def test_a_run_that_ends_before_it_is_recorded_says_where_to_look(perennial: KubeflowCommandLine, steps: Steps, name: str) -> None:
    (steps.settings.models_folder / name / "features.py").write_text(ANOTHER)
    steps.before = lambda task: (
        (steps.settings.models_folder / name / "model.toml").unlink(missing_ok=True) if task.name == "start" else None
    )
    done = perennial.run("train", name, *THROUGH, "--wait")
    assert done.returncode == 1
    assert re.search(r"Error: the run ended before it was recorded: `perennial logs \S+` says why", done.stderr)


def test_an_image_with_another_folder_of_the_model_is_refused_by_the_first_step(
    perennial: KubeflowCommandLine, steps: Steps, name: str
) -> None:
    features = steps.settings.models_folder / name / "features.py"
    steps.before = lambda task: features.write_text(ANOTHER) if task.name == "start" else None  # type: ignore[assignment]
    done = perennial.run("train", name, *THROUGH, "--wait")
    assert done.returncode == 1
    assert steps.names()[-1] == "finish"
    assert "pin" not in steps.names()


def test_the_logs_of_a_run_are_read_by_step(perennial: KubeflowCommandLine, backend: Backend, name: str) -> None:
    submitted = perennial.json("train", name, *THROUGH)
    backend.wait()
    assert perennial.run("logs", submitted["run"], "pin").stdout == f"== pin\npin of {submitted['kubeflow_run']}\n"
    assert perennial.run("logs", submitted["kubeflow_run"]).stdout.startswith("== start\n")
    assert perennial.refused("logs", submitted["run"], "nothing").startswith(
        f"run {submitted['run']} has no step 'nothing' yet: it has start"
    )
    pod = next(node for node in backend.state.runs[submitted["kubeflow_run"]].execution.nodes if node.display_name == "executor(0)")
    pod.log = None
    assert "its pod is gone" in perennial.run("logs", submitted["run"], "start").stdout


def test_a_run_is_cancelled_and_recorded_as_such(perennial: KubeflowCommandLine, backend: Backend, steps: Steps, name: str) -> None:
    codes: list[int] = []

    def stop_twice(task: LaunchedTask) -> None:
        if task.name == "pin":
            codes.extend(perennial.run("cancel", task.run_id).returncode for _ in range(2))

    steps.before = stop_twice
    done = perennial.run("train", name, *THROUGH, "--wait")
    assert done.returncode == 1
    (recorded,) = perennial.runs(name)
    assert (recorded.state, recorded.error) == (RunState.CANCELLED, "cancelled by `perennial cancel`")
    assert codes == [0, 0]
    assert "finish" not in steps.names()


def test_a_run_that_was_deleted_on_kubeflow_is_cancelled_in_the_registry(
    perennial: KubeflowCommandLine, backend: Backend, steps: Steps, name: str
) -> None:
    steps.lost = {"pin", "finish"}
    submitted = perennial.json("train", name, *THROUGH)
    backend.wait()
    backend.state.runs.clear()
    assert perennial.run("cancel", submitted["run"]).returncode == 0
    assert perennial.runs(name)[0].state is RunState.CANCELLED
    assert " 404 to show run " in perennial.refused("cancel", submitted["kubeflow_run"])


def test_a_run_that_succeeded_is_not_cancelled(perennial: KubeflowCommandLine, backend: Backend, name: str) -> None:
    submitted = perennial.json("train", name, *THROUGH)
    backend.wait()
    sentence = f"run {submitted['run']} had ended as SUCCEEDED already: nothing was cancelled"
    assert perennial.refused("cancel", submitted["run"]) == sentence


def test_a_failed_run_is_retried_as_another_run_of_the_same_window(
    perennial: KubeflowCommandLine, backend: Backend, steps: Steps, name: str
) -> None:
    steps.failures["read"] = "no room"
    failed = perennial.json("train", name, *THROUGH, "--reason", "because")
    backend.wait()
    steps.failures.clear()
    assert perennial.run("retry", failed["run"]).stdout.startswith("submitted: ")
    backend.wait()
    second, first = perennial.runs(name)
    assert (first.state, second.state) == (RunState.FAILED, RunState.SUCCEEDED)
    assert second.run.reason == f"retry of {failed['run']}: because"
    assert second.run.parameters["through"] == "1998-05-31"
    assert "has SUCCEEDED: nothing is left to retry" in perennial.refused("retry", second.run.run_id)


def test_a_run_whose_end_nobody_recorded_is_retried_where_it_failed(
    perennial: KubeflowCommandLine, backend: Backend, steps: Steps, name: str
) -> None:
    steps.lost = {"pin", "finish"}  # the node went away under their pods
    submitted = perennial.json("train", name, *THROUGH)
    backend.wait()
    assert perennial.runs(name)[0].state is RunState.RUNNING
    steps.lost = set()
    steps.tasks.clear()
    assert submitted["address"] in perennial.run("retry", submitted["run"]).stdout
    backend.wait()
    assert "start" not in steps.names()
    (recorded,) = perennial.runs(name)
    assert recorded.state is RunState.SUCCEEDED


def test_a_backfill_trains_each_window_once_and_goes_on_where_it_stopped(
    perennial: KubeflowCommandLine, backend: Backend, steps: Steps, name: str
) -> None:
    wanted = ("backfill", name, "--from", "1998-05-01", "--to", "1998-05-05", "--every", "1", "--parallel", "2", "--on", "kubeflow")
    steps.before = lambda task: (
        steps.failures.update(read="no room") if str(task.parameter("run_id")).endswith("0503-1") else steps.failures.clear()
    )
    assert perennial.run(*wanted).returncode == 1
    again = perennial.run(*wanted)
    assert again.returncode == 0, again.stdout + again.stderr
    assert [line.split()[1] for line in again.stdout.splitlines()] == ["trained", "trained", "submitted", "trained", "trained", "SUCCEEDED"]
    runs = [(recorded.run.parameters["through"], recorded.state) for recorded in perennial.runs(name)]
    assert sorted(runs) == sorted([(f"1998-05-0{day}", RunState.SUCCEEDED) for day in range(1, 6)] + [("1998-05-03", RunState.FAILED)])


def test_a_backfill_of_what_is_due_asks_the_schedules_of_the_model(perennial: KubeflowCommandLine, backend: Backend, name: str) -> None:
    done = perennial.run("backfill", name, "--due", "--on", "kubeflow")
    assert (done.returncode, done.stdout) == (0, f"{name}: no enabled schedule has a window that is due\n")
    assert backend.writes == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--due", "--from", "1998-05-01"), "--due asks the schedules: leave --from, --to and --every out"),
        (("--from", "1998-05-01"), "say which windows: --from and --to, or --due"),
    ],
)
def test_a_backfill_is_told_which_windows(perennial: KubeflowCommandLine, name: str, arguments: tuple[str, ...], sentence: str) -> None:
    done = perennial.run("backfill", name, *arguments)
    assert done.returncode == 64
    assert sentence in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--from", "1998-05-02", "--to", "1998-05-01"), "from 1998-05-02 to 1998-05-01, every 7 days, are 0 windows: ask for 1 to 1,000"),
        (("--from", "1900-01-01", "--to", "1998-05-01", "--every", "1"), "are 35,915 windows: ask for 1 to 1,000"),
    ],
)
def test_a_backfill_of_no_windows_or_too_many_is_refused(
    perennial: KubeflowCommandLine, backend: Backend, name: str, arguments: tuple[str, ...], sentence: str
) -> None:
    assert sentence in perennial.refused("backfill", name, *arguments, "--on", "kubeflow")
    assert backend.writes == []


def test_the_exit_handler_is_told_of_a_run_whose_last_group_was_not_triggered_that_it_runs(
    perennial: KubeflowCommandLine, steps: Steps, name: str
) -> None:
    """MLMD has a group of tasks as running until a launcher ends it, and a group that is not triggered has none."""
    steps.refusal = "blocked: auc is 0.5, and the threshold wants at least 0.75"
    assert perennial.run("train", name, *THROUGH, "--wait").returncode == 2
    (finish,) = [task for task in steps.tasks if task.name == "finish"]
    status = finish.parameter("status")
    assert isinstance(status, dict)
    assert status["state"] == "RUNNING"
