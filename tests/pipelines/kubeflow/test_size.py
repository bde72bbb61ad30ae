"""What Argo keeps of a run: a workflow of more than 1 MiB has its nodes packed, and then the API shows none of its tasks."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from components.model.folder import Model, read_model
from components.settings import Settings
from infra.emulators.kubeflow.pods import pod_of_task
from pipelines.kubeflow.compiling import compile_scheduled_training, compile_training

LARGEST = 1024 * 1024
SPARE = 60_000
"""For what is not in the sum: texts of errors, and attempts of steps that were lost."""
EXECUTOR_NODES, DRIVER_NODES = 4, 2
"""A step's node, its attempt, the container's node and its attempt each have the pod's patch; the driver's and its attempt give it."""
PATCH, INPUT, OUTPUT, TASK, NODE, DAG = 2_000, 1_000, 450, 800, 600, 39_000
"""Bytes, as measured with Argo 4.0.5 and Kubeflow's own driver: a patch without what is in the sum; an artifact in an executor's input; a
task's specification; a node without its parameters; all drivers of DAGs, whose parameters are DAGs."""


def length(value: object) -> int:
    return len(json.dumps(json.dumps(value)))


def kept_of_a_task(spec: Any, config: Any, component: Any) -> int:
    """The bytes that Argo keeps of a task: of its own nodes and its driver's, and in the workflow's arguments."""
    container = spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
    pod = pod_of_task(container, config)["containers"][0]
    inputs, outputs = (len(component.get(f"{end}Definitions", {}).get("artifacts", {})) for end in ("input", "output"))
    patch = length([container["command"], container["args"], pod["env"], component]) + PATCH + inputs * INPUT + outputs * OUTPUT
    given = length([container, config, component]) + TASK
    nodes = EXECUTOR_NODES + DRIVER_NODES
    return nodes * (patch + NODE) + (DRIVER_NODES + 1) * given


@pytest.mark.parametrize("compile_", [compile_training, compile_scheduled_training])
def test_a_run_is_not_too_large_for_argo(compile_: Callable[[Settings, Model], str]) -> None:
    settings = Settings(
        project="my-project",
        bucket="my-models",
        cloudsql_instance="my-project:europe-west1:registry",
        database_user="trainer@my-project.iam",
        image="europe-west1-docker.pkg.dev/my-project/perennial/perennial-training@sha256:" + "a" * 64,
        pipeline_root="gs://my-bucket/pipelines",
        kubeflow_credentials_secret="perennial-credentials",
    )
    spec, platform = yaml.safe_load_all(compile_(settings, read_model(settings.models_folder, "churn")))
    configs = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    components = [component for component in spec["components"].values() if "executorLabel" in component]
    kept = sum(kept_of_a_task(spec, configs[component["executorLabel"]], component) for component in components)
    dags = 1 + sum("dag" in component for component in spec["components"].values())
    assert kept + dags * DAG < LARGEST - SPARE
