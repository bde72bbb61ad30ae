"""A model of a test's own, with versions that can be deployed to a target of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from google.cloud import storage

from components.cloud import Cloud
from components.deployment.deploy import DeploymentResult, deploy, rollback
from components.deployment.request import new_request
from components.deployment.target import _read_config, target_problem
from components.errors import PerennialError, RegistryError
from components.registry.deployments import Action, history
from components.registry.versions import NewVersion
from components.settings import Settings
from tests.components.served_model import changed, push_version

MakeVersion = Callable[..., NewVersion]


@dataclass(frozen=True)
class Shop:
    """A model of a test's own, a target of its own, and a place to take versions from."""

    cloud: Cloud
    model: str
    target: str
    make: Callable[..., int]

    def deploy(self, version: int | None, *, force: bool = False, **changes: Any) -> DeploymentResult:
        return self._do(deploy, Action.DEPLOY, version, force, changes)

    def rollback(self, version: int | None = None, *, force: bool = False, **changes: Any) -> DeploymentResult:
        return self._do(rollback, Action.ROLLBACK, version, force, changes)

    def _do(
        self, do: Callable[..., DeploymentResult], action: Action, version: int | None, force: bool, changes: dict[str, Any]
    ) -> DeploymentResult:
        given = {"model": self.model, "target": self.target, "reason": "a test", **changes}
        return do(self.cloud, new_request(self.cloud.settings, action, version=version, **given), force=force)

    def live(self) -> tuple[int | None, dict[str, int]]:
        """The version that the log says is live, and what TensorFlow Serving is told."""
        with self.cloud.engine.connect() as connection:
            events = history(connection, self.model, self.target)
        return events[0].version if events else None, _read_config(self.cloud.storage, self.cloud.settings, self.target).served

    @property
    def story(self) -> list[tuple[int, str, int | None, int | None]]:
        with self.cloud.engine.connect() as connection:
            return [(e.seq, str(e.action), e.version, e.rolls_back_to) for e in history(connection, self.model, self.target)]

    @property
    def problem(self) -> str | None:
        with self.cloud.engine.connect() as connection:
            return target_problem(connection, self.cloud.storage, self.cloud.settings, self.target)


@pytest.fixture
def shop(
    cloud: Settings,
    engine: sa.Engine,
    client: storage.Client,
    bucket: str,
    name: str,
    new_version: MakeVersion,
    saved_model: Path,
    tmp_path: Path,
) -> Shop:
    def make(blessed: bool | None = True, **files: str | bytes | None) -> int:
        folder = changed(
            saved_model, tmp_path / f"version-{len(list(tmp_path.iterdir()))}", {PATHS[file]: text for file, text in files.items()}
        )
        with engine.begin() as connection:
            return push_version(connection, new_version, client, bucket, folder, blessed=blessed)

    target = f"target-{uuid4().hex[:8]}"
    return Shop(Cloud(cloud.model_copy(update={"bucket": bucket, "targets": (target,)})), name, target, make)


PATHS = {
    "outputs": "assets.extra/smoke/outputs.json",
    "smoke": "assets.extra/smoke",
    "toml": "assets.extra/model/model.toml",
    "signatures": "assets.extra/signatures.json",
}
SLOW = "[serving]\nlatency_milliseconds = 0.001\n"


def refusal(do: Callable[[], object], error: type[PerennialError] = RegistryError) -> str:
    with pytest.raises(error) as caught:
        do()
    return str(caught.value)
