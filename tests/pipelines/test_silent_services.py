"""Services that take connections and never answer: every command ends soon, and says which of them it is."""

import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.pipelines.command_line import CommandLine, quick_churn
from tests.proxy import proxy

pytestmark = pytest.mark.slow
MODEL = "hushed"
HASTY = {"PERENNIAL_ANSWER_TIMEOUT_SECONDS": "2", "PERENNIAL_CONNECT_TIMEOUT_SECONDS": "15"}
LONGEST_SECONDS = 120.0
"""On a busy machine; what is waited for takes 15 seconds at most."""
POLICY = '\n[continuous]\ntriggers = ["person"]\n'
COMMANDS = {
    "new": "new shop --table retail.purchases --key customer_id --label amount --yes",
    "predict": "predict {model} --query",
    "explain": "explain {model} 0123456789",
    "monitor": "monitor {model} --through 1997-10-31",
    "staleness": "staleness {model}",
    "watch": "watch --once {model}",
    "serve": "serve --target local --port 0",
}
QUERY = "SELECT 1 AS segment"
USED = {
    "new": ("bigquery", "bigquery_storage"),
    "predict": ("cloudsql", "storage", "bigquery"),
    "explain": ("bigquery",),
    "monitor": ("cloudsql",),
    "staleness": ("cloudsql",),
    "watch": ("cloudsql", "bigquery"),
    "serve": ("cloudsql",),
}
"""What each command asks first, or as soon as it has what the others tell. A version that `predict` has pulled is kept: it comes after."""


@dataclass(frozen=True)
class Ended:
    """A command that asked a service which is silent."""

    done: subprocess.CompletedProcess[str]
    seconds: float
    address: str
    """Of the service."""


@pytest.fixture(scope="module")
def perennial(command_line: CommandLine) -> CommandLine:
    """With a model that has a version, and a policy."""
    folder = quick_churn(command_line.settings.models_folder, MODEL)
    (folder / "model.toml").write_text((folder / "model.toml").read_text() + POLICY)
    command_line.json("train", MODEL)
    return command_line


@pytest.fixture(scope="module")
def ended(perennial: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[dict[str, Ended]]]]:
    """By command and service. The commands run side by side, as each does little but wait."""
    folder = tmp_path_factory.mktemp("models")

    def run_all(command: str) -> dict[str, Ended]:
        return {service: run(perennial, command, service, folder) for service in USED[command]}

    with ThreadPoolExecutor(len(USED)) as pool:
        yield {command: pool.submit(run_all, command) for command in USED}


def run(perennial: CommandLine, command: str, service: str, models_folder: Path) -> Ended:
    """Run a command to its end while a service is silent."""
    endpoint = str(getattr(perennial.settings, f"{service}_endpoint"))
    with proxy(endpoint if "//" in endpoint else f"http://{endpoint}") as silent:
        silent.silent.set()
        address = silent.endpoint.removeprefix("http://") if service == "bigquery_storage" else silent.endpoint
        settings = perennial.settings.model_copy(update={"models_folder": models_folder}) if command == "new" else perennial.settings
        behind = CommandLine(settings, HASTY | {f"PERENNIAL_{service.upper()}_ENDPOINT": address})
        words = [*COMMANDS[command].format(model=MODEL).split(), *([QUERY] if command == "predict" else [])]
        began = time.monotonic()
        return Ended(behind.run(*words), time.monotonic() - began, address)


@pytest.mark.parametrize(("command", "service"), [(command, service) for command, services in USED.items() for service in services])
def test_a_command_ends_soon_and_names_the_service_that_is_silent(
    perennial: CommandLine, ended: Mapping[str, Future[dict[str, Ended]]], command: str, service: str
) -> None:
    one = ended[command].result()[service]
    said = one.done.stdout + one.done.stderr
    assert one.seconds < LONGEST_SECONDS
    assert one.done.returncode == 1, said
    assert "Traceback" not in said
    name = f"Cloud SQL instance {perennial.settings.cloudsql_instance}" if service == "cloudsql" else one.address
    assert re.search(rf"{re.escape(name)} (?:cannot be used as .*: no answer within|does not answer)", said), said
