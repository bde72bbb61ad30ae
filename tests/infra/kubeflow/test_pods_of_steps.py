"""What a step's pod is given on kind and on Google Kubernetes Engine, held against what the step's code reads.

The pods are put together as Kubeflow's driver does it (infra/emulators/kubeflow/pods.py); what stands beside them comes of our layers.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.model.folder import read_model
from components.settings import PREFIX, Settings, read_settings
from infra.emulators.kubeflow.pods import Namespace, PodError, environment_of, pod_of_task
from pipelines.kubeflow.compiling import compile_look, compile_scheduled_training, compile_training
from pipelines.kubeflow.placement import FOLDERS, NOT_FOR_STEPS, SECRETS
from tests.infra.kubeflow.layers import INFRA, LAYERS, faults_of_schema, objects_of, settings_of
from tests.infra.kubeflow.rules import FROM_ELSEWHERE, name_of

IMAGES = {"kind": "localhost/perennial-training:kind", "gke": "example.test/perennial@sha256:" + "a" * 64}
COMPILERS = (compile_training, compile_scheduled_training)


def submitter(layer: str) -> Settings:
    """The settings of whoever submits: the layer's, and the image."""
    return settings_of(layer).model_copy(update={"image": IMAGES[layer]})


def pods_of(settings: Settings, compile_: Callable[..., str] = compile_training) -> dict[str, dict[str, Any]]:
    """The pods of a pipeline's tasks, by the label of their executors."""
    spec, platform = yaml.safe_load_all(compile_(settings, read_model(settings.models_folder, "churn")))
    configs = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    executors = spec["deploymentSpec"]["executors"]
    account = settings.kubeflow_steps_account or ""
    return {label: pod_of_task(executors[label]["container"], config, service_account=account) for label, config in configs.items()}


def namespace_of(layer: str) -> Namespace:
    maps = {manifest["metadata"]["name"]: manifest["data"] for manifest in objects_of(layer) if manifest["kind"] == "ConfigMap"}
    return Namespace(maps, {"perennial-credentials": {"writer.json": "{}"}})


def image_variables() -> dict[str, str]:
    """What the image `training` sets."""
    stage = (INFRA / "image" / "Dockerfile").read_text().partition("AS training\n")[2].partition("\nFROM ")[0]
    return dict(re.findall(r"(PERENNIAL_\w+|HOME)=(\S+)", stage))


def settings_in(pod: dict[str, Any], namespace: Namespace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that the code in a pod reads."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in (image_variables() | environment_of(pod, namespace, folder)).items():
        monkeypatch.setenv(name, value)
    return read_settings()


@pytest.mark.parametrize("compile_", COMPILERS)
@pytest.mark.parametrize("layer", LAYERS)
def test_the_code_of_every_step_reads_the_settings_of_the_layer(
    layer: str, compile_: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = submitter(layer)
    told = {name for name in Settings.model_fields if not name.startswith("kubeflow_")} - {*NOT_FOR_STEPS, *SECRETS}
    for label, pod in pods_of(wanted, compile_).items():
        found = settings_in(pod, namespace_of(layer), tmp_path, monkeypatch)
        assert found.model_dump(include=told) == wanted.model_dump(include=told), label
        assert found.credentials_file == wanted.credentials_file, label
        assert (found.image, found.state_folder) == (wanted.image, Path("/tmp/perennial")), label  # noqa: S108 - in the pod
        assert found.models_folder == Settings.model_fields["models_folder"].default, label


@pytest.mark.parametrize("layer", LAYERS)
def test_the_watcher_reads_the_settings_of_the_layer_and_where_kubeflow_is(
    layer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = submitter(layer)
    (pod,) = pods_of(wanted, lambda settings, _: compile_look(settings)).values()
    assert pod["containers"][0]["resources"]["requests"]["cpu"] == "250m"
    found = settings_in(pod, namespace_of(layer), tmp_path, monkeypatch)
    own = {"state_folder", *NOT_FOR_STEPS, *SECRETS}
    assert found.model_dump(exclude=own) == wanted.model_dump(exclude=own)
    assert (found.image, found.credentials_file) == (wanted.image, wanted.credentials_file)


def test_a_password_reaches_the_steps_by_the_secret_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"perennial-secrets": {"PERENNIAL_DATABASE_PASSWORD": "hidden"}}
    pods = pods_of(submitter("gke"))
    namespace = Namespace(namespace_of("gke").config_maps, secrets)
    for pod in pods.values():
        password = settings_in(pod, namespace, tmp_path, monkeypatch).database_password
        assert password is not None
        assert password.get_secret_value() == "hidden"


@pytest.mark.parametrize("layer", LAYERS)
def test_a_key_is_a_mounted_secret_that_the_layer_makes(layer: str) -> None:
    settings = submitter(layer)
    made = {name: f"{key}.json" for key, name in re.findall(r"(\w+):(perennial-[a-z]+)", (INFRA / "kind" / "up").read_text())}
    for pod in pods_of(settings).values():
        secrets = {
            volume["name"]: volume["secret"]["secretName"]
            for volume in pod["volumes"]
            if "secret" in volume and volume["name"] != "perennial-secrets"
        }
        paths = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
        if settings.credentials_file is None:
            assert not secrets
            continue
        secret = secrets[paths[str(settings.credentials_file.parent)]]
        assert made[secret] == settings.credentials_file.name
        assert f"Secret/{secret}" in FROM_ELSEWHERE


@pytest.mark.parametrize("layer", LAYERS)
def test_a_pod_writes_into_its_own_volumes_and_has_no_rights(layer: str) -> None:
    assert image_variables()["HOME"] == "/tmp"  # noqa: S108 - in the pod
    for label, pod in pods_of(submitter(layer)).items():
        (main,) = pod["containers"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        mounts = {mount["mountPath"]: mount["name"] for mount in main["volumeMounts"]}
        assert len(mounts) == len(main["volumeMounts"]), label
        written = mounts.keys() - {"/var/run/perennial", *FOLDERS}
        assert written >= {"/tmp", "/gcs", "/minio", "/kfp-launcher", "/.cache", "/.config"}, label  # noqa: S108
        assert all("emptyDir" in volumes[mounts[path]] for path in written), label
        security = main["securityContext"]
        assert (security["runAsUser"], security["runAsNonRoot"], security["allowPrivilegeEscalation"]) == (65532, True, False), label
        assert security["capabilities"] == {"drop": ["ALL"]}, label
        assert main["resources"] == {"requests": {"cpu": "1", "memory": "3G"}, "limits": {"memory": "3G"}}, label
        assert "imagePullPolicy" not in main  # a tag other than latest and a digest: pulled where the node has it not


@pytest.mark.parametrize("layer", LAYERS)
def test_kubernetes_takes_the_pods_and_the_layer_has_their_account(layer: str, tmp_path: Path) -> None:
    pods = pods_of(submitter(layer))
    manifests = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": label}, "spec": pod} for label, pod in pods.items()]
    (tmp_path / "pods.yaml").write_text(yaml.safe_dump_all(manifests))
    assert faults_of_schema(tmp_path / "pods.yaml") == ""
    objects = {name_of(manifest): manifest for manifest in objects_of(layer)}
    (account,) = {pod["serviceAccountName"] for pod in pods.values()}
    assert objects[f"ServiceAccount/{account}"].get("automountServiceAccountToken", True)  # the launcher asks the cluster
    assert objects[f"RoleBinding/{account}"]["roleRef"]["name"] == "pipeline-runner"
    assert objects[f"RoleBinding/{account}"]["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": "kubeflow"}]


@pytest.mark.parametrize(
    ("config_map", "sentence"),
    [
        (None, 'configmap "perennial" not found'),
        ({"PERENNIAL_PROJECT": "mine"}, "couldn't find key PERENNIAL_ENVIRONMENT in ConfigMap kubeflow/perennial"),
    ],
)
def test_a_pod_without_what_every_step_needs_does_not_start(config_map: dict[str, str] | None, sentence: str, tmp_path: Path) -> None:
    maps = {} if config_map is None else {"perennial": config_map}
    with pytest.raises(PodError) as refusal:
        environment_of(pods_of(submitter("gke"))["exec-pin"], Namespace(maps), tmp_path)
    assert str(refusal.value) == sentence


def test_a_pod_without_a_secret_that_is_not_optional_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(PodError) as refusal:
        environment_of(pods_of(submitter("kind"))["exec-pin"], Namespace(namespace_of("kind").config_maps), tmp_path)
    assert str(refusal.value) == ('MountVolume.SetUp failed for volume "perennial-credentials" : secret "perennial-credentials" not found')


def test_what_is_compiled_does_not_depend_on_the_settings_of_who_compiles(tmp_path: Path) -> None:
    settings = submitter("gke")
    other = settings.model_copy(update={"answer_timeout_seconds": 5.0, "project": "another", "state_folder": tmp_path})
    model = read_model(settings.models_folder, "churn")
    assert compile_training(settings, model) == compile_training(other, model)
