"""The commands about snapshots, on real services: a small model, its trainings, and a source that changes afterwards."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud import bigquery

from components.google import bigquery_client
from components.settings import Settings
from tests.pipelines.command_line import CommandLine, small_churn

pytestmark = pytest.mark.slow

EARLIER, LATER = "1998-06-20", "1998-06-30"
"""Of different weeks, so that their snapshots differ."""


@pytest.fixture(scope="module")
def model() -> str:
    return "kept"


@pytest.fixture(scope="module")
def table(shop: Settings) -> str:
    """The shop's purchases once more, for a test to change."""
    client, name = bigquery_client(shop), f"{shop.project}.retail.changing"
    copy = bigquery.CopyJobConfig(write_disposition="WRITE_TRUNCATE")
    client.copy_table(f"{shop.project}.retail.purchases", name, job_config=copy).result()
    return name


@pytest.fixture(scope="module")
def trained(command_line: CommandLine, table: str, model: str) -> list[dict[str, Any]]:
    """Two versions of a model that keeps what its last version was trained on, and anything else for a week."""
    folder = small_churn(command_line.settings.models_folder, model, table=table.partition(".")[2])
    with (folder / "model.toml").open("a") as file:
        file.write("\n[snapshots]\nkeep_versions = 1\nkeep_days = 7\n")
    for through in (EARLIER, LATER):
        command_line.json("train", model, "--through", through)
    found: list[dict[str, Any]] = command_line.json("snapshots", model)
    return found


def refused(command_line: CommandLine, *arguments: str) -> str:
    done = command_line.run(*arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr.strip().removeprefix("Error: ")


def test_the_list_is_newest_last_with_what_each_is_for(command_line: CommandLine, model: str, trained: list[dict[str, Any]]) -> None:
    assert [(one["last_partition"], one["versions"], len(one["spans"])) for one in trained] == [
        ("1998-06-16", [1], 3),
        (LATER, [2], 3),
    ]
    assert all(one["table_exists"] for one in trained)
    lines = command_line.run("snapshots", model).stdout.splitlines()
    assert [line.split()[:5] for line in lines[1:]] == [
        [one["snapshot_id"][:12], "1997-01-01", one["last_partition"], f"{one['row_count']:,}", "3"] for one in trained
    ]


def test_a_model_without_snapshots_is_named(command_line: CommandLine) -> None:
    assert refused(command_line, "snapshots", "never").startswith("model 'never' is not in the registry")
    assert refused(command_line, "snapshot", "expire", "never").startswith("model 'never' is not in the registry")


def test_versions_are_listed_with_the_last_day_of_their_data(command_line: CommandLine, model: str, trained: list[dict[str, Any]]) -> None:
    lines = command_line.run("versions", model).stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["1", trained[0]["last_partition"]], ["2", LATER]]


def test_an_id_must_be_the_beginning_of_one(command_line: CommandLine, trained: list[dict[str, Any]]) -> None:
    assert "give at least 6 of its hexadecimal digits" in refused(command_line, "snapshot", "show", trained[0]["snapshot_id"][:5])
    sentence = refused(command_line, "snapshot", "show", "0" * 20)
    assert sentence == f"snapshot '{'0' * 20}' is not in the registry: run `perennial snapshots MODEL` to see those of a model"


def test_a_snapshot_tells_what_was_pinned_and_what_used_it(
    command_line: CommandLine, model: str, table: str, trained: list[dict[str, Any]]
) -> None:
    snapshot_id = trained[-1]["snapshot_id"]
    told = command_line.json("snapshot", "show", snapshot_id[:6])
    assert (told["snapshot_id"], told["model"], told["source_table"]) == (snapshot_id, model, table)
    assert told["columns"] == {"customer_id": "INTEGER", "dollar_value": "NUMERIC", "number_of_cds": "INTEGER", "purchase_date": "DATE"}
    assert (len(told["partitions"]), told["partitions"][-1]["day"], told["partitions"][-1]["rows"]) == (546, LATER, 58)
    assert sum(partition["rows"] for partition in told["partitions"]) == told["row_count"] == 69_659
    assert told["spans"] == ["1998-05-17", "1998-05-24", "1998-05-31"]
    assert [(version["number"], version["is_trained_on_it"], version["live_on"]) for version in told["versions"]] == [
        (1, False, []),  # the champion was measured on its rows
        (2, True, []),
    ]
    assert [(run["role"], run["state"]) for run in told["runs"]] == [("train", "SUCCEEDED")]
    assert (told["source_changes"], told["source_error"]) == ({"partitions": [], "columns": []}, None)
    text = command_line.run("snapshot", "show", snapshot_id).stdout
    for part in (snapshot_id, told["snapshot_table"], told["query_sha256"], f"{model} 2: trained on it", told["runs"][0]["run_id"]):
        assert part in text
    assert "every pinned partition is as it was pinned" in text


def test_what_no_late_version_needs_is_given_an_end(
    command_line: CommandLine, shop: Settings, model: str, trained: list[dict[str, Any]]
) -> None:
    old, new = (one["snapshot_table"] for one in trained)
    assert [one["table_expires"] is None for one in trained] == [False, True]  # the run that made the later version saw to it
    client = bigquery_client(shop)
    table = client.get_table(old)
    table.expires = None
    client.update_table(table, ["expires"])
    forgotten = command_line.json("snapshots", model)
    dry = command_line.json("snapshot", "expire", model, "--dry-run")
    assert [(table["table"], table["change"]) for table in dry["tables"]] == [(old, "set"), (new, "unchanged")]
    assert "would set" in command_line.run("snapshot", "expire", model, "--dry-run").stdout
    assert command_line.json("snapshots", model) == forgotten

    done = command_line.json("snapshot", "expire", model)
    assert (done["dry_run"], done["tables"]) == (False, dry["tables"])
    again = command_line.json("snapshot", "expire", model)
    assert [table["change"] for table in again["tables"]] == ["unchanged", "unchanged"]

    first, second = command_line.json("snapshots", model)
    left = datetime.fromisoformat(first["table_expires"]) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left < timedelta(days=7)
    assert second["table_expires"] is None
    assert f"until {first['table_expires'][:10]}" in command_line.run("snapshots", model).stdout


def test_what_came_late_or_was_deleted_is_named(
    command_line: CommandLine, shop: Settings, table: str, trained: list[dict[str, Any]]
) -> None:
    client = bigquery_client(shop)
    late = "SELECT DATE '1998-06-29', 1, 1, NUMERIC '9.99'"
    client.query(f"INSERT INTO `{table}` (purchase_date, customer_id, number_of_cds, dollar_value) {late}").result()
    client.query(f"DELETE FROM `{table}` WHERE purchase_date = '{LATER}'").result()
    told = command_line.json("snapshot", "show", trained[-1]["snapshot_id"])
    assert told["source_changes"]["partitions"] == [
        {"day": "1998-06-29", "pinned_rows": 62, "rows": 63},
        {"day": LATER, "pinned_rows": 58, "rows": 0},
    ]
    text = command_line.run("snapshot", "show", trained[-1]["snapshot_id"]).stdout
    assert "2 of 546 pinned partitions are not as they were pinned" in text
    assert "1998-06-29          62 rows pinned, REWRITTEN, 63 now" in text
    assert "1998-06-30          58 rows pinned, VANISHED" in text
    earlier = command_line.json("snapshot", "show", trained[0]["snapshot_id"])
    assert earlier["source_changes"]["partitions"] == []


def test_a_snapshot_outlives_its_tables_in_the_list(
    command_line: CommandLine, shop: Settings, model: str, table: str, trained: list[dict[str, Any]]
) -> None:
    client = bigquery_client(shop)
    client.delete_table(trained[0]["snapshot_table"])
    client.delete_table(table)
    assert [one["table_exists"] for one in command_line.json("snapshots", model)] == [False, True]
    told = command_line.json("snapshot", "show", trained[0]["snapshot_id"])
    assert (told["table_exists"], told["source_changes"]) == (False, None)
    assert told["source_error"].startswith(f"partitions of {table}: Not found")
    assert "  gone  " in command_line.run("snapshot", "expire", model).stdout
