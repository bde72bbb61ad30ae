"""Whole runs with a champion: a worse candidate is measured on the same rows, kept, and never let through."""

import re
from pathlib import Path
from typing import Any

import pytest

from components.google import storage_client
from components.settings import REPOSITORY
from components.storage.objects import blobs_by_path
from tests.pipelines.command_line import CommandLine, edit, small_churn

pytestmark = pytest.mark.slow

MODEL = "rivals"
THROUGH = "1998-06-07"
BLIND = 'name="score")(hidden))', 'name="score")(hidden * 0.0))'
LENIENT = "at_least = 0.75", "at_least = 0.3"


@pytest.fixture(scope="module")
def champion(command_line: CommandLine) -> dict[str, Any]:
    """The first version, which has nobody to be held against."""
    folder = small_churn(command_line.settings.models_folder, MODEL)
    edit(folder / "model.toml", *LENIENT)
    edit(folder / "model.toml", "at_least = 0.60", "at_least = 0.3")
    edit(folder / "model.toml", "at_least = 0.9\nat_most = 1.1", "at_least = 0.1\nat_most = 10.0")
    document: dict[str, Any] = command_line.json("train", MODEL, "--through", THROUGH)
    return document


@pytest.fixture(scope="module")
def candidate(command_line: CommandLine, champion: dict[str, Any]) -> dict[str, Any]:
    """Made by a network that says the same of everybody."""
    assert champion["version"] == 1
    edit(command_line.settings.models_folder / MODEL / "network.py", *BLIND)
    document: dict[str, Any] = command_line.json("train", MODEL, "--through", "1998-06-14", exit_code=2)
    return document


def test_a_first_version_says_that_there_is_no_champion(command_line: CommandLine, champion: dict[str, Any]) -> None:
    story = command_line.json("show", MODEL, "1")
    assert {evaluation["split"] for evaluation in story["evaluations"]} == {"train", "eval", "newest"}
    assert story["blessings"][0]["notes"] == ["There is no champion yet: the thresholds of model.toml alone decide."]
    page = Path(champion["report"]).read_text()
    assert "There is no champion yet" in page


def test_a_candidate_that_loses_is_blocked_with_both_numbers(candidate: dict[str, Any]) -> None:
    assert (candidate["state"], candidate["version"]) == ("BLOCKED", 2)
    assert re.match(
        r"blocked: auc on the newest span 0\.\d+, champion version 1 has 0\.\d+ on the same [\d,]+ rows(, and \d+ more)?: worse by more "
        r"than chance \(p .+, by customer_id\); it is kept as a candidate, and the champion stays \(version 2\)",
        candidate["error"],
    )
    assert [task["name"] for task in candidate["tasks"]][-4:] == ["evaluate", "push", "record", "finish"]


def test_it_can_be_looked_at_and_nothing_serves_it(command_line: CommandLine, candidate: dict[str, Any]) -> None:
    assert [version["blessed"] for version in command_line.json("versions", MODEL)] == [True, False]
    story = command_line.json("show", MODEL, "2")
    (blessing,) = story["blessings"]
    assert (blessing["blessed"], blessing["baseline_version"]) == (False, 1)
    lost = [check for check in blessing["checks"] if not check["passed"]]
    assert ("auc", "newest", {}) in [(check["metric"], check["split"], check["slice"]) for check in lost]
    assert all(check["baseline"] is not None for check in lost)
    client = storage_client(command_line.settings)
    assert not blobs_by_path(client, command_line.settings.bucket, f"models/{MODEL}/2")
    assert "was refused by the gate" in command_line.refused("deploy", MODEL, "2", "--target", "local", "--reason", "why not")
    assert command_line.run("verify", MODEL).returncode == 0
    page = Path(candidate["report"]).read_text()
    for text in ("Held against the champion", "version 1", "not worse than version 1"):
        assert text in page


def test_the_champion_is_measured_by_the_run_of_the_candidate(command_line: CommandLine, candidate: dict[str, Any]) -> None:
    story = command_line.json("show", MODEL, "1")
    again = [evaluation for evaluation in story["evaluations"] if evaluation["run_id"] == candidate["run"]]
    assert sorted(evaluation["split"] for evaluation in again) == ["eval", "newest"]


def test_a_better_candidate_of_the_next_week_is_let_through(command_line: CommandLine, candidate: dict[str, Any]) -> None:
    edit(command_line.settings.models_folder / MODEL / "network.py", *reversed(BLIND))
    document = command_line.json("train", MODEL, "--through", "1998-06-14")
    assert (document["state"], document["version"]) == ("SUCCEEDED", 3)
    assert "the champion, version 1, is no better on the same rows" in Path(document["report"]).read_text()


def test_scores_that_are_no_probabilities_are_refused_by_name(command_line: CommandLine) -> None:
    folder = small_churn(command_line.settings.models_folder, "logits")
    edit(folder / "network.py", 'activation="sigmoid", ', "")
    document = command_line.json("train", "logits", "--through", THROUGH, exit_code=1)
    assert (document["state"], document["version"]) == ("FAILED", None)
    assert re.search(
        r"network\.py gives the score -?[\d.]+, which is no probability: let its last layer have activation=\"sigmoid\", and its loss not ",
        document["error"],
    )
    assert [task["name"] for task in document["tasks"] if task["state"] == "failed"] == ["train"]
    assert "push" not in [task["name"] for task in document["tasks"]]


def test_a_version_of_files_that_are_in_no_commit_is_marked(command_line: CommandLine, champion: dict[str, Any]) -> None:
    first = command_line.json("versions", MODEL)[0]
    assert not command_line.settings.models_folder.is_relative_to(REPOSITORY)
    assert first["marks"] == ["uncommitted"]
    assert "it was made from files that are not in commit" in Path(champion["report"]).read_text()
    toml = command_line.settings.models_folder / MODEL / "model.toml"
    toml.write_text(toml.read_text() + '\n[targets]\nrequire_clean = ["prod"]\n')
    sentence = command_line.refused("deploy", MODEL, "1", "--target", "prod", "--reason", "why not", "--force")
    assert re.match(
        rf"{MODEL} 1 may not go to prod, which takes clean versions only \(targets\.require_clean in model\.toml\): "
        r"it was made from files that are not in commit [0-9a-f]{7}; train a version from what is committed, and deploy that one",
        sentence,
    )
    assert command_line.run("deploy", MODEL, "1", "--target", "local", "--reason", "why not").returncode == 0
