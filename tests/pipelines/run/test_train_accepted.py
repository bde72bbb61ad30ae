"""A run that the gate blocks, walked from the shell to a champion: its finding is accepted by name, with a reason and an end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.google import bigquery_client
from tests.pipelines.command_line import CommandLine, edit, small_churn

pytestmark = pytest.mark.slow

MODEL = "accepted"
FIRST, NEXT = "1998-06-21", "1998-06-28"
FINDING = "source/NULLs/dollar_value"
REASON = "the till lost amounts in June"
TABLE = """
CREATE TABLE retail.accepted_purchases PARTITION BY purchase_date AS
SELECT * REPLACE (IF(purchase_date >= '1998-06-15' AND MOD(customer_id, 3) = 0, NULL, dollar_value) AS dollar_value)
FROM retail.purchases
"""


@pytest.fixture(scope="module")
def blocked(command_line: CommandLine) -> dict[str, Any]:
    """A third of the amounts is NULL from 15 June on."""
    bigquery_client(command_line.settings).query_and_wait(TABLE)
    folder = small_churn(command_line.settings.models_folder, MODEL, table="retail.accepted_purchases")
    edit(folder / "model.toml", "at_least = 0.75", "at_least = 0.3")
    edit(folder / "model.toml", "at_least = 0.60", "at_least = 0.3")
    edit(folder / "model.toml", "at_least = 0.9\nat_most = 1.1", "at_least = 0.1\nat_most = 10.0")
    document: dict[str, Any] = command_line.json("train", MODEL, "--through", FIRST, exit_code=2)
    return document


@pytest.fixture(scope="module")
def champion(command_line: CommandLine, blocked: dict[str, Any]) -> dict[str, Any]:
    """The same run again, after its only finding is accepted."""
    assert blocked["state"] == "BLOCKED"
    until = str(datetime.now(UTC).date() + timedelta(days=7))
    done = command_line.run("gate", "accept", MODEL, FINDING, "--reason", REASON, "--until", until)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        f"{FINDING} of {MODEL} is accepted until {until}: column dollar_value of partition 1998-06-15 is NULL in "
    )
    document: dict[str, Any] = command_line.json("train", MODEL, "--through", FIRST)
    return document


def test_a_blocked_run_names_what_may_be_accepted(command_line: CommandLine, blocked: dict[str, Any]) -> None:
    assert (blocked["state"], blocked["version"]) == ("BLOCKED", None)
    assert "column dollar_value of partition 1998-06-15 is NULL in " in blocked["error"]
    listed = command_line.json("gate", "list", MODEL)
    assert [one["finding"] for one in listed["found"]] == [FINDING]
    refused = command_line.refused(
        "gate", "accept", MODEL, "source/NULLs/price", "--reason", REASON, "--until", str(datetime.now(UTC).date())
    )
    assert refused == f"no run of {MODEL} was blocked by 'source/NULLs/price': it was by {FINDING}; choose one of these"


def test_a_run_whose_findings_are_accepted_makes_a_version_that_is_let_through(command_line: CommandLine, champion: dict[str, Any]) -> None:
    assert (champion["state"], champion["version"]) == ("SUCCEEDED", 1)
    (version,) = command_line.json("versions", MODEL)
    assert (version["blessed"], version["marks"]) == (True, ["uncommitted"])
    (accepted,) = command_line.json("gate", "list", MODEL)["accepted"]
    assert (accepted["finding"], accepted["reason"]) == (FINDING, REASON)


def test_it_is_the_champion_that_the_next_run_is_held_against(command_line: CommandLine, champion: dict[str, Any]) -> None:
    document = command_line.json("train", MODEL, "--through", NEXT)
    assert document["version"] == champion["version"] + 1
    (blessing,) = command_line.json("show", MODEL, "2")["blessings"]
    assert blessing["baseline_version"] == 1
