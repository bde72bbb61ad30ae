"""A registry, a model, Kubeflow's emulator, and `perennial` pointed at it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from components.settings import KubeflowAuthentication, Settings
from infra.emulators.kubeflow.pods import Namespace
from infra.emulators.kubeflow.server import Backend, serving
from pipelines.kubeflow.placement import setting_variables
from pipelines.local.services import prepare
from tests.pipelines.command_line import CommandLine, small_churn
from tests.pipelines.kubeflow.steps import Steps

IMAGE = "example.test/perennial@sha256:" + "a" * 64
TOKEN = "a-token-of-the-cluster"


@dataclass
class Clock:
    """A clock that a test sets."""

    now: datetime = datetime(2026, 11, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def namespace_of(settings: Settings) -> Namespace:
    """What the pods of a cluster are told: the settings as its ConfigMap. The key lies where the settings say."""
    secret = settings.kubeflow_credentials_secret
    return Namespace({settings.kubeflow_config_map: setting_variables(settings)}, {secret: {}} if secret else {})


@dataclass(frozen=True)
class KubeflowCommandLine(CommandLine):
    """`perennial` whose settings name a Kubeflow."""

    @property
    def environment(self) -> dict[str, str]:
        names = ("kubeflow_endpoint", "kubeflow_authentication", "kubeflow_token_file", "image", "pipeline_root", "answer_timeout_seconds")
        return super().environment | {f"PERENNIAL_{name.upper()}": str(getattr(self.settings, name)) for name in names} | self.path

    @property
    def path(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"]}


@pytest.fixture(scope="session")
def registry(warm: Settings) -> Settings:
    prepare(warm)
    return warm


@pytest.fixture
def name() -> str:
    """Of a model that no other test has."""
    return f"churn_{uuid4().hex[:8]}"


@pytest.fixture
def settings(registry: Settings, tmp_path: Path, name: str) -> Settings:
    small_churn(tmp_path / "models", name)
    token = tmp_path / "token"
    token.write_text(TOKEN)
    changes = {
        "models_folder": tmp_path / "models",
        "kubeflow_authentication": KubeflowAuthentication.CLUSTER,
        "kubeflow_token_file": token,
    }
    return registry.model_copy(update={**changes, "image": IMAGE, "pipeline_root": "gs://bucket/root"})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def steps(settings: Settings) -> Steps:
    return Steps(settings)


@pytest.fixture
def backend(tmp_path: Path, steps: Steps, clock: Clock) -> Iterator[Backend]:
    with serving(tmp_path / "backend", steps, clock=clock, token=TOKEN, namespace=namespace_of(steps.settings)) as backend:
        yield backend


@pytest.fixture
def kubeflow_settings(settings: Settings, backend: Backend) -> Settings:
    return settings.model_copy(update={"kubeflow_endpoint": backend.url})


@pytest.fixture
def perennial(kubeflow_settings: Settings) -> KubeflowCommandLine:
    return KubeflowCommandLine(kubeflow_settings)
