"""Our layers for kind and for Google Kubernetes Engine, rendered by kustomize and held against Kubernetes' schemas and our rules."""

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from components.serving.remembering import END_SECONDS
from components.serving.server import STOP_SECONDS
from components.settings import PREFIX, Settings
from tests.infra.kubeflow.layers import FOLDERS, INFRA, LAYERS, TRAINING, WATCH, faults_of_schema, objects_of, rendered, settings_of
from tests.infra.kubeflow.rules import Manifest, faults, name_of, pod_of
from tests.pipelines.cli.test_documentation import find_command

EMULATORS = INFRA / "emulators" / ".venv" / "bin" / "python"


@pytest.mark.parametrize("layer", FOLDERS)
def test_every_object_has_the_schema_of_the_pinned_kubernetes(layer: str, tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(rendered(layer))
    assert faults_of_schema(tmp_path / "all.yaml") == ""


def test_a_misspelt_field_is_not_in_the_schema(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(rendered("kind").replace("readOnlyRootFilesystem", "readonlyRootFilesystem"))
    assert "'readonlyRootFilesystem' was unexpected" in faults_of_schema(tmp_path / "all.yaml")


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_keeps_the_rules(layer: str) -> None:
    assert faults(objects_of(layer)) == []


def test_the_training_keeps_the_rules_beside_the_layer_of_kind() -> None:
    assert faults(objects_of(TRAINING), beside=objects_of("kind")) == []
    assert faults(objects_of(TRAINING)) == ["Job/perennial-train names ServiceAccount/perennial-trainer, which is not there"]


def test_the_watcher_keeps_the_rules_beside_the_layer_of_gke_and_its_steps_run_its_image() -> None:
    assert faults(objects_of(WATCH), beside=objects_of("gke")) == []
    assert faults(objects_of(WATCH)) == ["CronJob/perennial-watch names ServiceAccount/perennial-trainer, which is not there"]
    (pod,) = filter(None, map(pod_of, objects_of(WATCH)))
    (container,) = pod["containers"]
    values = {one["name"]: one["value"] for one in container["env"]}
    assert values["PERENNIAL_IMAGE"] == container["image"]
    command, words = find_command(container["command"][1:])
    assert command is not None
    assert command.make_context(command.name, words).params == {
        "models": (),
        "once": True,
        "dry_run": False,
        "on": "kubeflow",
        "every": 300,
    }


def change_container(**changes: Any) -> Callable[[Manifest], None]:
    return lambda pod: pod["containers"][0].update(changes)


def change_security(**changes: Any) -> Callable[[Manifest], None]:
    return lambda pod: pod["containers"][0]["securityContext"].update(changes)


MIGRATE = "container migrate of Job/perennial-migrate"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (change_security(privileged=True), f"{MIGRATE} is privileged"),
        (change_security(runAsUser=0), f"{MIGRATE} may run as root"),
        (change_security(readOnlyRootFilesystem=False), f"{MIGRATE} can write to its root"),
        (change_security(allowPrivilegeEscalation=True), f"{MIGRATE} may gain rights"),
        (change_security(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}), f"{MIGRATE} keeps capabilities"),
        (change_security(capabilities={}), f"{MIGRATE} keeps capabilities"),
        (change_container(resources={"requests": {"cpu": 1, "memory": 1}}), f"{MIGRATE} has no limits of cpu and memory"),
        (change_container(resources={}), f"{MIGRATE} has no requests and no limits of cpu and memory"),
        (change_container(image="a/b:latest"), f"{MIGRATE} has an image that is not pinned: a/b:latest"),
        (change_container(image="localhost:5000/b"), f"{MIGRATE} has an image that is not pinned: localhost:5000/b"),
        (lambda pod: pod["securityContext"].update(runAsUser=0), "Job/perennial-migrate may run as root"),
        (lambda pod: pod["securityContext"].pop("runAsNonRoot"), "Job/perennial-migrate may run as root"),
        (lambda pod: pod["securityContext"].pop("seccompProfile"), "Job/perennial-migrate has no seccomp profile RuntimeDefault"),
        (lambda pod: pod.update(hostNetwork=True), "Job/perennial-migrate reaches into its host"),
        (
            lambda pod: pod.update(serviceAccountName="perennial"),
            "Job/perennial-migrate names ServiceAccount/perennial, which is not there",
        ),
        (
            lambda pod: pod["volumes"].append({"name": "x", "secret": {"secretName": "x"}}),
            "Job/perennial-migrate names Secret/x, which is not there",
        ),
        (
            change_container(envFrom=[{"configMapRef": {"name": "settings"}}]),
            "Job/perennial-migrate names ConfigMap/settings, which is not there",
        ),
        (
            change_container(envFrom=[{"secretRef": {"name": "passwords"}}]),
            "Job/perennial-migrate names Secret/passwords, which is not there",
        ),
        (
            change_container(volumeMounts=[{"name": "tmp", "mountPath": "/tmp"}]),  # noqa: S108 - in the container
            "Job/perennial-migrate names volume tmp, which is not there",
        ),
    ],
)
def test_what_breaks_a_rule_is_named(change: Callable[[Manifest], object], sentence: str) -> None:
    objects = copy.deepcopy(objects_of("kind"))
    (job,) = [manifest for manifest in objects if manifest["kind"] == "Job"]
    change(pod_of(job) or {})
    assert faults(objects) == [sentence]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda spec: spec["ports"].append({"port": 1}), "Service/emulators leads to port 1, which no container has"),
        (lambda spec: spec["selector"].update(x="y"), "Service/emulators selects no pod"),
    ],
)
def test_a_service_that_leads_nowhere_is_named(change: Callable[[Manifest], object], sentence: str) -> None:
    objects = copy.deepcopy(objects_of("kind"))
    (service,) = [manifest for manifest in objects if name_of(manifest) == "Service/emulators"]
    change(service["spec"])
    assert faults(objects) == [sentence]


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        (
            "HorizontalPodAutoscaler/perennial-serving",
            lambda spec: spec["scaleTargetRef"].update(name="x"),
            "HorizontalPodAutoscaler/perennial-serving names Deployment/x, which is not there",
        ),
        (
            "PodDisruptionBudget/perennial-serving",
            lambda spec: spec["selector"]["matchLabels"].update(x="y"),
            "PodDisruptionBudget/perennial-serving selects no pod",
        ),
        (
            "Deployment/perennial-serving",
            lambda spec: spec["template"]["spec"]["containers"][0]["livenessProbe"]["httpGet"].update(port="x"),
            "Deployment/perennial-serving is asked on port x, which container serve has not",
        ),
    ],
)
def test_what_belongs_to_nothing_is_named(name: str, change: Callable[[Manifest], object], sentence: str) -> None:
    objects = copy.deepcopy(objects_of("kind"))
    (found,) = [manifest for manifest in objects if name_of(manifest) == name]
    change(found["spec"])
    assert faults(objects) == [sentence]


def test_an_object_without_our_label_is_named() -> None:
    objects = copy.deepcopy(objects_of("gke"))
    del objects[0]["metadata"]["labels"]
    assert faults(objects) == [f"{name_of(objects[0])} is not labelled app.kubernetes.io/part-of: perennial"]


def test_the_settings_of_kind_lead_to_the_emulators_ports_and_identities() -> None:
    settings = settings_of("kind")
    objects = {name_of(manifest): manifest for manifest in objects_of("kind")}
    ports = {port["name"]: port["port"] for port in objects["Service/emulators"]["spec"]["ports"]}
    assert settings.cloudsql_endpoint == f"http://emulators:{ports['sql-api']}"
    assert settings.storage_endpoint == f"http://emulators:{ports['storage']}"
    assert settings.bigquery_endpoint == f"http://emulators:{ports['bigquery']}"
    assert settings.bigquery_storage_endpoint == f"emulators:{ports['bigquery-grpc']}"
    assert ports["sql"] == 3307
    pod = pod_of(objects["Deployment/emulators"]) or {}
    words = {container["name"]: container["args"] for container in pod["containers"]}
    assert words["cloud-sql"][0] == settings.cloudsql_instance
    assert f"--service-account={settings.database_user}.gserviceaccount.com=/state/writer.json" in words["cloud-sql"]
    assert f"--database={settings.database}" in words["cloud-sql"]
    assert f"--project={settings.project}" in words["bigquery"]


@pytest.mark.services
def test_the_emulators_have_the_options_that_their_pods_give() -> None:
    (deployment,) = [manifest for manifest in objects_of("kind") if name_of(manifest) == "Deployment/emulators"]
    for container in (pod_of(deployment) or {})["containers"]:
        module = container["command"][-1]
        helped = subprocess.run([str(EMULATORS), "-P", "-m", module, "--help"], capture_output=True, text=True, check=True).stdout
        options = {word.partition("=")[0] for word in container["args"] if word.startswith("--")}
        assert {option for option in options if not re.search(rf"{option}\b", helped)} == set(), module


def test_on_google_cloud_every_role_acts_as_an_account_of_the_same_project() -> None:
    settings = settings_of("gke")
    accounts = {
        manifest["metadata"]["name"]: manifest["metadata"]["annotations"]["iam.gke.io/gcp-service-account"]
        for manifest in objects_of("gke")
        if manifest["kind"] == "ServiceAccount"
    }
    names = ("perennial-owner", "perennial-server", "perennial-trainer")
    assert accounts == {name: f"{name}@{settings.project}.iam.gserviceaccount.com" for name in names}
    assert settings.database_user == accounts["perennial-trainer"].removesuffix(".gserviceaccount.com")
    (job,) = [manifest for manifest in objects_of("gke") if manifest["kind"] == "Job"]
    (container,) = (pod_of(job) or {})["containers"]
    owner = accounts["perennial-owner"].removesuffix(".gserviceaccount.com")
    assert container["env"] == [{"name": "PERENNIAL_DATABASE_USER", "value": owner}]
    assert settings.credentials_file is None
    assert "Secret" not in json.dumps(objects_of("gke"))


@pytest.mark.parametrize("layer", LAYERS)
def test_the_prediction_service_asks_the_registry_as_who_may_only_read(layer: str) -> None:
    (deployment,) = [manifest for manifest in objects_of(layer) if name_of(manifest) == "Deployment/perennial-serving"]
    pod = pod_of(deployment) or {}
    (container,) = pod["containers"]
    own = {item["name"].removeprefix(PREFIX).lower(): item["value"] for item in container["env"]}
    settings = Settings(**(settings_of(layer).model_dump(exclude_defaults=True) | own))
    assert settings.database_user == {"gke": "perennial-server@my-project.iam", "kind": "console@perennial-kind.iam"}[layer]
    options = dict(word.removeprefix("--").split("=") for word in container["args"])
    assert options["target"] in settings.targets
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": int(options["port"]), "grpc": int(options["grpc-port"])}
    folders = {mount["mountPath"] for mount in container["volumeMounts"]}
    files = [options["token-file"], *([str(settings.credentials_file)] if settings.credentials_file else [])]
    assert {str(Path(file).parent) for file in files} == folders - {"/tmp"}  # noqa: S108 - in the container
    parser = subprocess.run([sys.executable, *container["command"][1:], "--help"], capture_output=True, text=True, check=True).stdout
    assert {option for option in options if f"--{option}" not in parser} == set()
    grace = pod["terminationGracePeriodSeconds"] - container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert grace > STOP_SECONDS + END_SECONDS


def test_the_links_to_runs_on_kind_lead_where_up_says_that_kubeflows_page_is() -> None:
    assert f"open {settings_of('kind').kubeflow_ui}" in (INFRA / "kind" / "up").read_text()


def test_kubeflow_pipelines_comes_by_one_commit() -> None:
    layers = (INFRA / "kind" / "pipelines").glob("*/kustomization.yaml")
    sources = [source for layer in layers for source in yaml.safe_load(layer.read_text())["resources"]]
    assert len(sources) == 2
    (commit,) = {re.fullmatch(r"https://github\.com/kubeflow/pipelines//[\w/-]+\?ref=([0-9a-f]{40})", source)[1] for source in sources}  # type: ignore[index]
    assert commit == "4a3592cb2dd0a91a4652ab93893ec8beda1f3158"  # the tag 2.17.0


@pytest.mark.parametrize("layer", LAYERS)
def test_every_line_of_the_settings_is_a_setting(layer: str) -> None:
    file = LAYERS[layer] / "settings.env"
    assert len(dotenv_values(file)) == len([line for line in file.read_text().splitlines() if line and not line.startswith("#")])
    assert settings_of(layer).pipeline_root is not None
