"""The compiled pipeline: what Kubeflow is given."""

from pathlib import Path
from typing import Any

import yaml

from components.settings import IMAGE
from pipelines.run.launch import compile_pipeline
from pipelines.training import training

DIGEST = "example.test/perennial@sha256:" + "a" * 64
STEPS = {
    "start": ((), ()),
    "pin": (("start",), ()),
    "inspect": (("pin", "start"), ("reference of start", "snapshot of pin")),
    "read": (("inspect", "pin"), ("snapshot of pin",)),
    "schema": (("start",), ()),
    "statistics": (("read",), ("examples of read",)),
    "validate": (
        ("pin", "read", "schema", "start", "statistics"),
        ("profile of read", "reference of start", "schema of schema", "snapshot of pin", "statistics of statistics"),
    ),
    "transform": (("read", "schema"), ("examples of read", "schema of schema")),
    "train": (("read", "schema", "transform", "validate"), ("examples of read", "graph of transform", "schema of schema")),
    "evaluate": (("read", "start", "train"), ("examples of read", "reference of start", "trained of train")),
    "push": ((), ("snapshot of pin", "trained of train")),
    "record": (("push",), ("counts of read", "pushed of push", "results of evaluate", "snapshot of pin")),
}
"""Each step of the pipeline, what it waits for within its group, and the artifacts it is given."""


def compiled(folder: Path) -> dict[str, Any]:
    compile_pipeline(training, folder / "churn.yaml", image=DIGEST, defaults={"model": "churn"})
    document: dict[str, Any] = next(yaml.safe_load_all((folder / "churn.yaml").read_text()))
    return document


def group_tasks(document: dict[str, Any], group: str) -> dict[str, Any]:
    tasks: dict[str, Any] = document["components"][f"comp-{group}"]["dag"]["tasks"]
    return tasks


def given_artifacts(task: dict[str, Any]) -> tuple[str, ...]:
    """`OUTPUT of STEP` for each artifact; one that comes from outside the task's group bears both in its name."""
    names = []
    for source in task.get("inputs", {}).get("artifacts", {}).values():
        if "taskOutputArtifact" in source:
            names.append(f"{source['taskOutputArtifact']['outputArtifactKey']} of {source['taskOutputArtifact']['producerTask']}")
        else:
            step, output = source["componentInputArtifact"].removeprefix("pipelinechannel--").split("-")
            names.append(f"{output} of {step}")
    return tuple(sorted(names))


def test_the_steps_wait_for_one_another_and_hand_on_their_artifacts(tmp_path: Path) -> None:
    document = compiled(tmp_path)
    tasks = group_tasks(document, "exit-handler-1") | group_tasks(document, "condition-2")
    blessed = tasks.pop("condition-2")
    assert {name: (tuple(sorted(task.get("dependentTasks", ()))), given_artifacts(task)) for name, task in tasks.items()} == STEPS
    assert blessed["triggerPolicy"]["condition"] == "inputs.parameter_values['pipelinechannel--evaluate-Output'] == true"
    assert set(group_tasks(document, "condition-2")) == {"push", "record"}


def test_the_run_is_finished_however_it_ends(tmp_path: Path) -> None:
    tasks = compiled(tmp_path)["root"]["dag"]["tasks"]
    assert set(tasks) == {"exit-handler-1", "finish"}
    assert tasks["finish"]["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert tasks["finish"]["inputs"]["parameters"]["status"] == {"taskFinalStatus": {"producerTask": "exit-handler-1"}}


def test_every_step_is_told_its_run_and_its_model(tmp_path: Path) -> None:
    document = compiled(tmp_path)
    for name, component in document["components"].items():
        if "executorLabel" in component and name != "comp-finish":
            assert {"run_id", "model"} <= set(component["inputDefinitions"]["parameters"]), name


def test_kfp_accepts_the_compiled_pipeline(tmp_path: Path) -> None:
    from kfp import components

    compile_pipeline(training, tmp_path / "churn.yaml", defaults={"model": "churn"})
    loaded = components.load_component_from_file(str(tmp_path / "churn.yaml"))
    assert set(loaded.component_spec.inputs) == {"run_id", "model", "through", "launch"}
    assert loaded.component_spec.inputs["model"].default == "churn"


def test_every_step_runs_the_image_of_the_submission(tmp_path: Path) -> None:
    images = [executor["container"]["image"] for executor in compiled(tmp_path)["deploymentSpec"]["executors"].values()]
    assert len(images) == 13
    assert set(images) == {DIGEST}


def test_no_step_installs_packages_at_run_time(tmp_path: Path) -> None:
    compile_pipeline(training, tmp_path / "churn.yaml")
    assert "pip install" not in (tmp_path / "churn.yaml").read_text()


def test_the_image_of_a_submission_takes_the_place_of_the_placeholder(tmp_path: Path) -> None:
    compiled(tmp_path)
    assert IMAGE not in (tmp_path / "churn.yaml").read_text()
