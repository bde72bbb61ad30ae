"""What every test may ask for: the services, as emulators on this machine."""

import os
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from dotenv import dotenv_values

from components.files import OTHERS
from components.settings import ENDPOINTS_FILE, REPOSITORY, Settings
from pipelines.local import emulators
from pipelines.local.emulators import EmulatorState
from pipelines.local.interpreter import interpreter_status, start_interpreter, stop_interpreter
from tests.environment import ENVIRONMENT
from tests.waiting import wait_until

WARMING_SECONDS = 180.0
SERVICES = {"cloud", "breakable", "breakable_storage", "fresh_instance", "mlflow_uri"}
"""The fixtures that start an emulator or a server. What asks for one of them, also by other fixtures, is marked `services`."""
ABOUT_SERVICES = [REPOSITORY / "tests" / "infra" / name for name in ("emulators", "image", "userland")]

hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")  # a machine that has much else to do is no fault of an example
os.umask(OTHERS)  # as `perennial` and every step do: tests share a state folder with the commands that they run


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """BigQuery, Cloud Storage and Cloud SQL, empty and running, in settings that name a bucket which is still to be made."""
    folder = tmp_path_factory.mktemp("perennial")
    given: dict[str, Any] = {
        "project": "perennial-test",
        "bucket": f"perennial-test-{uuid.uuid4().hex}",
        "cloudsql_instance": "perennial-test:europe-west1:registry",
        "cloudsql_ip_type": "PUBLIC",
        "database_user": "trainer@perennial-test.iam",
        "state_folder": folder,
    }
    emulators.start(Settings(**given), progress=lambda _: None)
    endpoints = {name.removeprefix("PERENNIAL_").lower(): value for name, value in dotenv_values(folder / ENDPOINTS_FILE).items()}
    yield Settings(**(given | endpoints))
    emulators.stop(folder, progress=lambda _: None)


@pytest.fixture(scope="session")
def warm(cloud: Settings) -> Iterator[Settings]:
    """The services, and a warm interpreter, as after `perennial up`: for tests that run many commands."""
    if sys.platform == "linux":
        with pytest.MonkeyPatch.context() as patch:
            for name in os.environ.keys() - ENVIRONMENT.keys():
                patch.delenv(name)
            start_interpreter(cloud.state_folder)
        wait_until(lambda: interpreter_status(cloud.state_folder).state is EmulatorState.UP, "it is not warm", seconds=WARMING_SECONDS)
    yield cloud
    stop_interpreter(cloud.state_folder)


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark what needs a service, so that `make check` can run all the rest, and what needs MLflow, which `make test` leaves out."""
    for item in items:
        if SERVICES & set(item.fixturenames) or any(item.path.is_relative_to(folder) for folder in ABOUT_SERVICES):
            item.add_marker("services")
        if "mlflow_uri" in item.fixturenames:
            item.add_marker("mlflow")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make goldens` renews the expected outputs."""
    parser.addoption("--renew-goldens", action="store_true", help="write the outputs of today as the expected ones")
