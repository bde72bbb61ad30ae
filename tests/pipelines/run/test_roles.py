"""The whole pipeline with the roles that docs/security.md lists, and no other."""

import json
import re
from collections.abc import Iterator

import pytest

from components.prediction_log.table import DATASET as PREDICTIONS
from components.settings import REPOSITORY, Settings
from pipelines.local.accounts import service_accounts
from pipelines.local.emulators import POLICY_FILE
from tests.pipelines.command_line import CommandLine, small_churn

ROW = re.compile(r"^\| trainer \| (roles/\S+) \| (.*) \|$", re.MULTILINE)
"""Of the table in docs/security.md: a role of the account that runs the steps, and on what."""


def bindings(settings: Settings) -> list[dict[str, object]]:
    """The policy that the documentation asks for."""
    datasets = {"the source's dataset": "datasets/retail", "the dataset of the prediction log": f"datasets/{PREDICTIONS}"}
    places = {"the project": None, "the buckets": f"buckets/{settings.bucket}", **datasets}
    documented = ROW.findall((REPOSITORY / "docs" / "security.md").read_text())
    assert len(documented) >= 5
    member = f"serviceAccount:{service_accounts(settings)['writer']}"
    return [{"role": role, "members": [member], "resource": places[place]} for role, place in documented]


@pytest.fixture
def limited(command_line: CommandLine) -> Iterator[list[dict[str, object]]]:
    """The account that runs the steps has the documented roles only."""
    policy = command_line.settings.state_folder / "emulators" / POLICY_FILE
    granted = bindings(command_line.settings)
    policy.write_text(json.dumps({"bindings": granted}))
    yield granted
    policy.unlink()


@pytest.mark.slow
def test_a_pipeline_needs_no_role_but_the_documented_ones(command_line: CommandLine, limited: list[dict[str, object]]) -> None:
    small_churn(command_line.settings.models_folder, "granted")
    document = command_line.json("train", "granted")
    assert (document["state"], document["version"], document["error"]) == ("SUCCEEDED", 1, None)
    assert command_line.json("deploy", "granted", "1", "--target", "staging", "--reason", "roles")["version"] == 1
    assert command_line.run("verify", "granted").returncode == 0
    assert command_line.run("gc").returncode == 0

    policy = command_line.settings.state_folder / "emulators" / POLICY_FILE
    others = [binding for binding in limited if binding["role"] != "roles/bigquery.dataEditor"]
    policy.write_text(json.dumps({"bindings": [*others, limited[0] | {"role": "roles/bigquery.dataViewer"}]}))
    assert "Permission bigquery.tables.create denied" in (refusal := command_line.refused("train", "granted", "--force"))
    assert "grant the account roles/bigquery.dataEditor" in refusal
