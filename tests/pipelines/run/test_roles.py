"""The whole pipeline with the roles that docs/security.md lists, and no other."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.cloud import Cloud
from components.errors import AccessError
from components.prediction_log.shipper import Shipper
from components.prediction_log.spool import Spool
from components.prediction_log.table import DATASET as PREDICTIONS
from components.serving.explanation import _logged_rows
from components.settings import REPOSITORY, Settings
from pipelines.local.accounts import service_accounts
from pipelines.local.command_lines import POLICY_FILE
from tests.components.prediction_log.test_shipping import log_table, record
from tests.pipelines.command_line import CommandLine, small_churn

ROW = re.compile(r"^\| (\w+) \| (roles/\S+) \| (.*) \|$", re.MULTILINE)
"""Of the table in docs/security.md: an account, a role of it, and on what."""


def bindings(settings: Settings, account: str = "trainer") -> list[dict[str, object]]:
    """The policy that the documentation asks for, for the account that the tests' commands have."""
    datasets = {"the source's dataset": "datasets/retail", "the dataset of the prediction log": f"datasets/{PREDICTIONS}"}
    places = {"the project": None, "the buckets": f"buckets/{settings.bucket}", **datasets}
    rows = ROW.findall((REPOSITORY / "docs" / "security.md").read_text())
    documented = [(role, place) for whose, role, place in rows if whose == account]
    assert len(documented) >= 4
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


def test_the_prediction_log_is_written_and_read_with_the_documented_roles(cloud: Settings, tmp_path: Path) -> None:
    policy = cloud.state_folder / "emulators" / POLICY_FILE
    client = Cloud(cloud).warehouse
    client.create_dataset(PREDICTIONS, exists_ok=True)
    (tmp_path / "house").mkdir()
    log = log_table(table=f"{cloud.project}.{PREDICTIONS}.house")
    log.write(tmp_path / "house" / "1.json")
    Spool(tmp_path / "house").append([record("r")], 2)
    policy.write_text(json.dumps({"bindings": bindings(cloud, "server")}))
    try:
        assert Shipper(Cloud(cloud), tmp_path).ship()
        policy.write_text(json.dumps({"bindings": (trainer := bindings(cloud))}))
        assert len(_logged_rows(Cloud(cloud), (f"{PREDICTIONS}.house", "event_date"), "r")) == 2
        policy.write_text(json.dumps({"bindings": [one for one in trainer if one["resource"] != f"datasets/{PREDICTIONS}"]}))
        with pytest.raises(AccessError, match=r"tables\.getData denied .* grant the account roles/bigquery\.dataViewer"):
            _logged_rows(Cloud(cloud), (f"{PREDICTIONS}.house", "event_date"), "r")
    finally:
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
    others = [binding for binding in limited if binding["role"] != "roles/bigquery.dataOwner"]
    policy.write_text(json.dumps({"bindings": [*others, limited[0] | {"role": "roles/bigquery.dataViewer"}]}))
    assert "Permission bigquery.tables.create denied" in (refusal := command_line.refused("train", "granted", "--force"))
    assert "grant the account roles/bigquery.dataEditor" in refusal
    policy.write_text(json.dumps({"bindings": [*others, limited[0] | {"role": "roles/bigquery.dataEditor"}]}))
    assert "Permission bigquery.tables.deleteSnapshot denied" in (refusal := command_line.refused("train", "granted", "--force"))
    assert "grant the account roles/bigquery.dataOwner" in refusal
