"""Every pipeline as it is compiled, whole: but for the bodies of the components, which tests of their own hold."""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf.json_format import ParseDict
from kfp import components
from kfp.kubernetes.kubernetes_executor_config_pb2 import KubernetesExecutorConfig
from kfp.pipeline_spec import pipeline_spec_pb2

from components.model.folder import read_model
from components.runs.steps import PipelineName
from components.settings import REPOSITORY, Settings
from infra.emulators.kubeflow.specs import parse_spec
from pipelines.kubeflow.compiling import compile_look, compile_scheduled_training, compile_training
from pipelines.run.kfp_internals import parse_command
from pipelines.run.launch import compile_pipeline

LOOK = "look"
"""The watcher's pipeline, whose runs the registry does not record."""
NAMES = (*PipelineName, LOOK)
GOLDENS = REPOSITORY / "tests" / "goldens" / "pipelines"
SIGNATURE = re.compile(r"^def \w+\((?:[^()]|\([^()]*\))*\)[^:]*:", re.MULTILINE)


@pytest.fixture
def settings() -> Settings:
    return Settings(
        environment="cluster",
        project="my-project",
        bucket="my-models",
        cloudsql_instance="my-project:europe-west1:registry",
        database_user="trainer@my-project.iam",
        credentials_file=Path("/var/run/perennial/writer.json"),
        image="example.test/perennial@sha256:" + "a" * 64,
        pipeline_root="gs://my-bucket/pipelines",
        kubeflow_credentials_secret="perennial-credentials",
    )


def compiled(name: str, settings: Settings, folder: Path) -> str:
    churn = read_model(settings.models_folder, "churn")
    if name is PipelineName.TRAINING:
        return compile_training(settings, churn)
    if name is PipelineName.SCHEDULED_TRAINING:
        return compile_scheduled_training(settings, churn)
    if name == LOOK:
        return compile_look(settings)
    pipeline = getattr(import_module(f"pipelines.{name}"), name)
    compile_pipeline(pipeline, folder / "pipeline.yaml", image=settings.image)
    return (folder / "pipeline.yaml").read_text()


def shortened(documents: list[Any]) -> list[Any]:
    """The documents, of each component's source only what it is called with, and what Kubernetes is told only where it differs."""
    for platform in documents[1:]:
        executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        first: dict[str, str] = {}
        for label, config in list(executors.items()):
            before = first.setdefault(json.dumps(config), label)
            if before != label:
                executors[label] = f"as {before}"
    for executor in documents[0]["deploymentSpec"]["executors"].values():
        container = executor["container"]
        words = container["command"]
        if "args" not in container:
            continue
        source = parse_command([*words, *container["args"]]).source
        signature = SIGNATURE.search(source)
        assert signature is not None, source
        words[words.index(source)] = signature[0]
    return documents


@pytest.mark.parametrize("name", NAMES)
def test_a_pipeline_is_compiled_as_ever(name: str, settings: Settings, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    found = yaml.safe_dump_all(shortened(list(yaml.safe_load_all(compiled(name, settings, tmp_path)))), width=120, allow_unicode=True)
    path = GOLDENS / f"{name}.yaml"
    if request.config.getoption("--renew-goldens"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(found)
    assert path.is_file() and found == path.read_text(), f"{path} is stale; run: make goldens"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_compiled_is_accepted_by_kfp_and_by_strict_protobuf(name: str, settings: Settings, tmp_path: Path) -> None:
    text = compiled(name, settings, tmp_path)
    assert components.load_component_from_text(text) is not None
    spec, *others = yaml.safe_load_all(text)
    ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    for platform in others:
        ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
        executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        assert executors.keys() == spec["deploymentSpec"]["executors"].keys()
        for config in executors.values():
            ParseDict(config, KubernetesExecutorConfig())
        assert parse_spec(text)["platform_spec"] == platform


def test_a_changed_body_is_the_same_pipeline_and_a_changed_signature_is_another(settings: Settings, tmp_path: Path) -> None:
    text = compiled(PipelineName.TRAINING, settings, tmp_path)
    golden = shortened(list(yaml.safe_load_all(text)))
    assert shortened(list(yaml.safe_load_all(text.replace("import", "import  ")))) == golden
    assert shortened(list(yaml.safe_load_all(text.replace("def pin(", "def pin(more: int, ")))) != golden
