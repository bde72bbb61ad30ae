"""What the compiled pipelines say to a cluster, and to Vertex AI."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import yaml
from google.protobuf.json_format import ParseDict
from kfp.pipeline_spec import pipeline_spec_pb2

from components.errors import ModelFolderError, SettingsError
from components.model.folder import Model, read_model
from components.runs.record import Trigger
from components.runs.steps import STEPS
from components.settings import Settings
from pipelines.kubeflow.compiling import compile_training
from pipelines.kubeflow.placement import FOLDERS
from pipelines.kubeflow.vertex import _pipeline_job
from pipelines.run.train import TrainingRequest
from tests.pipelines.command_line import small_churn

IMAGE = "example.test/perennial@sha256:" + "a" * 64
RESOURCES = """
[resources]
memory = "2G"

[resources.steps.train]
memory = "8G"
cpu = "2"
gpu = 1
retries = 1
timeout_minutes = 30
node_selector = { "cloud.google.com/gke-accelerator" = "nvidia-l4" }
tolerations = [{ key = "nvidia.com/gpu" }]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        environment="production",
        project="shop",
        bucket="models",
        cloudsql_instance="shop:europe-west1:registry",
        database_user="trainer@shop.iam",
        database_password="hidden",
        image=IMAGE,
        pipeline_root="gs://bucket/root",
        models_folder=tmp_path,
        targets=("blue", "green"),
        state_folder=tmp_path / "state",
    )


@pytest.fixture
def model(tmp_path: Path) -> Model:
    folder = small_churn(tmp_path)
    (folder / "model.toml").write_text((folder / "model.toml").read_text() + RESOURCES)
    return read_model(tmp_path, "churn")


def test_each_step_says_what_it_asks_for(settings: Settings, model: Model) -> None:
    spec, platform = yaml.safe_load_all(compile_training(settings, model))
    containers = spec["deploymentSpec"]["executors"]
    configs = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert containers["exec-pin"]["container"]["resources"]["resourceMemoryLimit"] == "2G"
    train = containers["exec-train"]["container"]["resources"]
    assert (train["resourceMemoryLimit"], train["resourceCpuRequest"], train["accelerator"]["resourceCount"]) == ("8G", "2", "1")
    assert configs["exec-train"]["nodeSelector"] == {"labels": {"cloud.google.com/gke-accelerator": "nvidia-l4"}}
    assert configs["exec-train"]["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert (configs["exec-train"]["activeDeadlineSeconds"], configs["exec-pin"]["activeDeadlineSeconds"]) == ("1800", "10800")
    assert {config["securityContext"]["runAsNonRoot"] for config in configs.values()} == {True}
    assert {config["emptyDirMounts"][0]["mountPath"] for config in configs.values()} == {"/tmp"}  # noqa: S108
    assert {container["container"]["image"] for container in containers.values()} == {IMAGE}
    tasks = [task for component in spec["components"].values() for task in component.get("dag", {}).get("tasks", {}).values()]
    retries = {task["taskInfo"]["name"]: task["retryPolicy"]["maxRetryCount"] for task in tasks if "retryPolicy" in task}
    assert (retries[STEPS["train"].title], retries[STEPS["pin"].title]) == (1, 2)
    assert not any(task.get("cachingOptions", {}).get("enableCache") for task in tasks)


def test_settings_are_a_config_map_and_secrets_a_secret(settings: Settings, model: Model) -> None:
    text = compile_training(settings, model)
    assert "hidden" not in text
    config = list(yaml.safe_load_all(text))[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-pin"]
    (needed,), (folder,), (secret,) = config["configMapAsEnv"], config["configMapAsVolume"], config["secretAsVolume"]
    assert (needed["configMapName"], needed["optional"], len(needed["keyToEnv"])) == ("perennial", False, 1)
    assert (folder["configMapName"], folder["optional"], folder["mountPath"]) == ("perennial", True, FOLDERS[0])
    assert (secret["secretName"], secret["optional"], secret["mountPath"]) == ("perennial-secrets", True, FOLDERS[1])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("perennial", "name 'perennial', and Kubeflow calls a volume after each: give them different names"),
        ("scratch", "name 'scratch', or one of them and the volume 'scratch' of each pod, and Kubeflow calls a volume after each"),
    ],
)
def test_two_volumes_of_one_name_are_refused(settings: Settings, model: Model, name: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        compile_training(settings.model_copy(update={"kubeflow_secret": name}), model)


def test_a_step_that_is_lost_late_may_still_be_tried_again(settings: Settings, model: Model) -> None:
    spec = next(yaml.safe_load_all(compile_training(settings, model)))
    tasks = [task for component in spec["components"].values() for task in component.get("dag", {}).get("tasks", {}).values()]
    policies = {task["taskInfo"]["name"]: task["retryPolicy"] for task in tasks if "retryPolicy" in task}
    assert policies[STEPS["train"].title]["backoffMaxDuration"] == f"{2 * 30 * 60 + 30}s"  # Argo counts from the first attempt's start
    assert policies[STEPS["pin"].title]["backoffMaxDuration"] == f"{3 * 180 * 60 + 90}s"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('memory = "2G"', 'memory = "1.5G"'),
        ('memory = "2G"', 'memory = "500K"'),
        ('cpu = "2"', 'cpu = "2G"'),
        ('memory = "2G"', 'memory = "much"'),
        ("gpu = 1", "gpu = -1"),
        ("retries = 1", "retries = 99"),
        ('memory = "2G"', "ram = 2"),
    ],
)
def test_resources_that_no_cluster_has_are_refused(tmp_path: Path, old: str, new: str) -> None:
    folder = small_churn(tmp_path)
    (folder / "model.toml").write_text((folder / "model.toml").read_text() + RESOURCES.replace(old, new))
    with pytest.raises(ModelFolderError, match="resources"):
        read_model(tmp_path, "churn")


def test_a_job_of_vertex_ai_is_built_of_its_own_types(settings: Settings, model: Model) -> None:
    settings = settings.model_copy(update={"kubeflow_service_account": "trainer@shop.iam.gserviceaccount.com"})
    request = TrainingRequest(model, date(1998, 5, 31), Trigger.PERSON, "because {{$}}")
    job = _pipeline_job(settings, replace(request, waive_gate=False), run_id="churn-1", through=date(1998, 5, 31))
    message = type(job).pb(job)
    assert job.display_name == "churn through 1998-05-31 · because"
    assert dict(job.labels) == {"perennial-model": "churn", "perennial-trigger": "person"}
    assert job.runtime_config.gcs_output_directory == "gs://bucket/root"
    assert job.runtime_config.parameter_values["run_id"] == "churn-1"
    assert "{{" not in job.runtime_config.parameter_values["launch"]
    spec = pipeline_spec_pb2.PipelineSpec()
    from google.protobuf.json_format import MessageToDict

    ParseDict(MessageToDict(message.pipeline_spec), spec)
    assert spec.schema_version == "2.1.0"
    container = spec.deployment_spec["executors"]["exec-train"]["container"]
    variables = {item["name"]: item["value"] for item in container["env"]}
    assert (variables["PERENNIAL_PROJECT"], variables["PERENNIAL_IMAGE"]) == ("shop", IMAGE)
    assert variables["PERENNIAL_TARGETS"] == '["blue", "green"]'
    assert "PERENNIAL_DATABASE_PASSWORD" not in variables
