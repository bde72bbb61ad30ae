"""Our layers for kind and for Google Kubernetes Engine, as kustomize renders them."""

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import yaml

from components.settings import PREFIX, REPOSITORY, Settings
from tests.infra.kubeflow.rules import Manifest, name_of

INFRA = REPOSITORY / "infra"
LAYERS = {"kind": INFRA / "kind", "gke": INFRA / "kubeflow" / "overlays" / "gke"}
TRAINING = "kind's training"
WATCH = "the watcher"
FOLDERS = LAYERS | {TRAINING: INFRA / "kind" / "training", WATCH: INFRA / "kubeflow" / "watch"}


@cache
def rendered(layer: str) -> str:
    kustomize = [["kustomize", "build"], ["kubectl", "kustomize"]]
    command = next((command for command in kustomize if shutil.which(command[0])), None)
    assert command is not None, "install kustomize: it renders infra/kind and infra/kubeflow"
    done = subprocess.run([*command, str(FOLDERS[layer])], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects_of(layer: str) -> list[Manifest]:
    return list(yaml.safe_load_all(rendered(layer)))


def kubernetes_version() -> str:
    """The minor version of kind's node."""
    (node,) = yaml.safe_load((INFRA / "kind" / "cluster.yaml").read_text())["nodes"]
    match = re.fullmatch(r"kindest/node:v(1\.\d+)\.\d+@sha256:[0-9a-f]{64}", node["image"])
    assert match, node["image"]
    return match[1]


def settings_of(layer: str) -> Settings:
    (values,) = [manifest["data"] for manifest in objects_of(layer) if name_of(manifest) == "ConfigMap/perennial"]
    assert {name.removeprefix(PREFIX).lower() for name in values} <= Settings.model_fields.keys()
    assert (INFRA / "environments" / f"{values['PERENNIAL_ENVIRONMENT']}.env").is_file()
    return Settings(**{name.removeprefix(PREFIX).lower(): value for name, value in values.items()})


def faults_of_schema(file: Path) -> str:
    """What the schemas of the pinned Kubernetes say against the objects of a file; nothing is empty."""
    command = [str(Path(sys.executable).parent / "kubernetes-validate"), "--strict", "--quiet", "-k", kubernetes_version()]
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""
