"""The commands about deployments, on versions of a small model with 50 MB of bytes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from components.database.engine import make_engine
from components.google import storage_client
from components.registry.versions import NewVersion
from components.runs.record import Run
from components.settings import Settings
from pipelines.cli.main import main
from pipelines.local.services import prepare
from tests.components.registered import new_run, new_snapshot, new_version
from tests.components.served_model import changed, push_version, saved_model
from tests.pipelines.command_line import CommandLine

__all__ = ["new_run", "new_snapshot", "new_version", "saved_model"]

NAME = "deployed"
FIFTY_MEGABYTES = bytes(50_000_000)


@pytest.fixture(scope="module")
def services(warm: Settings) -> CommandLine:
    prepare(warm)
    return CommandLine(warm)


@pytest.fixture
def name() -> str:
    return NAME


@pytest.fixture
def versions(
    services: CommandLine, saved_model: Path, tmp_path: Path, new_version: Callable[..., NewVersion], new_run: Callable[..., Run]
) -> None:
    """Two versions of 50 MB each, once."""
    engine, client = make_engine(services.settings), storage_client(services.settings)
    with engine.begin() as connection:
        if connection.execute(sa.text("SELECT 1 FROM registry.model WHERE name = :name"), {"name": NAME}).first() is None:
            for number in (1, 2):
                folder = changed(saved_model, tmp_path / str(number), {"padding.bin": FIFTY_MEGABYTES, "number.txt": str(number)})
                push_version(connection, new_version, client, services.settings.bucket, folder)
    engine.dispose()


def run(services: CommandLine, *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env=services.environment)


def told(services: CommandLine, *arguments: str) -> Any:
    done = run(services, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(services: CommandLine, *arguments: str) -> str:
    done = run(services, *arguments)
    assert done.exit_code == 1, done.output
    return done.stderr.removeprefix("Error: ").strip()


@pytest.mark.usefixtures("versions")
def test_a_version_is_deployed_rolled_back_and_told_of(services: CommandLine) -> None:
    bucket = services.settings.bucket
    first: dict[str, Any] = told(services, "deploy", NAME, "1", "--target", "prod", "--reason", "the first", "--request-id", "ci/1")
    assert (first["version"], first["seq"], first["changed"], first["forced"], first["smoke"]["rows"]) == (1, 1, True, False, 32)
    assert (first["uri"], first["config"]) == (f"gs://{bucket}/models/{NAME}/1", f"gs://{bucket}/serving/prod/models.config")

    done = services.run("deploy", NAME, "2", "--target", "prod", "--reason", "more data")
    assert (done.returncode, done.stderr) == (0, ""), "TensorFlow says nothing either"
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert done.stdout.startswith(f"{NAME} 2 is live on prod (deploy, seq 2)\n")
    assert [line[0] for line in lines[1:]] == ["bytes", "smoke", "switch", "request", "seconds"]

    back = told(services, "rollback", NAME, "--target", "prod", "--reason", "everybody is a beginner")
    assert (back["action"], back["version"], back["rolls_back_to"]) == ("rollback", 1, 1)
    assert sum(back["seconds"].values()) < 10

    again = run(services, "deploy", NAME, "1", "--target", "prod", "--reason", "the first", "--request-id", "ci/1")
    assert again.stdout.startswith(f"{NAME} on prod: this request was carried out on ")
    assert run(services, "deploy", NAME, "1", "--target", "prod", "--reason", "again").stdout.startswith(
        f"{NAME} on prod: already: version 1 is live"
    )

    events = told(services, "history", NAME, "--target", "prod")
    assert [(event["action"], event["replaced"], event["version"]) for event in events] == [
        ("deploy", None, 1),
        ("deploy", 1, 2),
        ("rollback", 2, 1),
    ]
    assert [line.split()[4:7] for line in run(services, "history", NAME).stdout.splitlines()[2:]] == [
        ["deploy", "1", "→"],
        ["rollback", "2", "→"],
    ]
    (model,) = [model for model in told(services, "models") if model["name"] == NAME]
    assert (model["versions"], model["live"]) == (2, {"prod": 1})
    assert [line.split()[-1] for line in run(services, "versions", NAME).stdout.splitlines()[1:]] == ["prod", "-"]
    shown = run(services, "show", NAME, "1")
    assert shown.stdout.startswith(f"{NAME} version 1, live on prod\n"), shown.output

    assert "cannot be retired: it is live on prod" in refused(services, "retire", NAME, "1", "--reason", "old")
    assert told(services, "retire", NAME, "2", "--reason", "half a day was missing")["reason"] == "half a day was missing"
    assert refused(services, "deploy", NAME, "2", "--target", "prod", "--reason", "try").startswith(f"{NAME} 2 was retired on ")

    way = told(services, "lineage", NAME, "1")
    assert [event["seq"] for event in way["deployments"]] == [1, 3]
    assert (way["live_on"], way["blessings"][0]["blessed"], way["bytes"]["published_uri"]) == (["prod"], True, first["uri"])
    assert way["data"]["source_table"] == "shop.sales.purchases"
    text = run(services, "lineage", NAME, "2").stdout
    assert "retired" in text and "half a day was missing" in text and "live on      nothing" in text


def test_what_nobody_can_mean_is_refused(services: CommandLine) -> None:
    assert (
        refused(services, "history", "no/model") == "'no/model' is not the name of a model: use a-z, 0-9 and _, at most 63, a letter first"
    )
    assert "is not in the registry" in refused(services, "history", "never", "--target", "prod")
    assert "Missing option '--reason'" in run(services, "deploy", NAME, "1", "--target", "prod").stderr
