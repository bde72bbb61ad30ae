"""Services that take connections and never answer: every command ends soon, and says which of them it is."""

import re
import time
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
"""What each command asks first, or as soon as it has what the others tell."""


@pytest.fixture(scope="module")
def perennial(command_line: CommandLine) -> CommandLine:
    """With a model that has a version, and a policy."""
    folder = quick_churn(command_line.settings.models_folder, MODEL)
    (folder / "model.toml").write_text((folder / "model.toml").read_text() + POLICY)
    command_line.json("train", MODEL)
    return command_line


@pytest.mark.parametrize(("command", "service"), [(command, service) for command, services in USED.items() for service in services])
def test_a_command_ends_soon_and_names_the_service_that_is_silent(
    perennial: CommandLine, command: str, service: str, tmp_path: Path
) -> None:
    endpoint = str(getattr(perennial.settings, f"{service}_endpoint"))
    with proxy(endpoint if "//" in endpoint else f"http://{endpoint}") as silent:
        silent.silent.set()
        address = silent.endpoint.removeprefix("http://") if service == "bigquery_storage" else silent.endpoint
        settings = perennial.settings.model_copy(update={"models_folder": tmp_path}) if command == "new" else perennial.settings
        behind = CommandLine(settings, HASTY | {f"PERENNIAL_{service.upper()}_ENDPOINT": address})
        words = [*COMMANDS[command].format(model=MODEL).split(), *([QUERY] if command == "predict" else [])]
        began = time.monotonic()
        done = behind.run(*words)
    said = done.stdout + done.stderr
    assert time.monotonic() - began < LONGEST_SECONDS
    assert done.returncode == 1, said
    assert "Traceback" not in said
    name = f"Cloud SQL instance {settings.cloudsql_instance}" if service == "cloudsql" else address
    assert re.search(rf"{re.escape(name)} (?:cannot be used as .*: no answer within|does not answer)", said), said
