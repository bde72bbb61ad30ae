"""The commands of continuous training as a user meets them, with a real training."""

import pytest

from tests.pipelines.command_line import CommandLine, edit, small_churn

LAST = "latency_milliseconds = 50"
CONTINUOUS = '[continuous]\nsettle_days = 0\ntriggers = ["new_partition", "person"]\n\n[continuous.deploy]\nprod = "after approval"\n'
NEVER = "not looked at: its model.toml has no section [continuous]"


@pytest.mark.slow
def test_a_model_is_watched_trained_approved_and_left_alone(command_line: CommandLine) -> None:
    folder = small_churn(command_line.settings.models_folder, "watched")
    edit(folder / "model.toml", LAST, f"{LAST}\n\n{CONTINUOUS}")

    def told(*arguments: str) -> list[str]:
        done = command_line.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()

    words = "the labels of span 1998-05-31 are known, and there is no version yet"
    assert told("watch", "watched", "--dry-run") == [f"watched: would decide train (train): {words}"]
    assert told("decisions", "watched") == ["nothing was decided about watched: `perennial watch watched --once` looks at it"]
    assert told("pause", "watched", "--reason", "prices move") == ["watched is paused; go on with `perennial resume watched`"]
    (sentence,) = told("watch", "watched", "--once")
    assert sentence.startswith("watched: wait: watched is paused (")
    assert told("resume", "watched", "--reason", "done") == ["watched is watched again"]
    (decided, waits, ended) = told("watch", "watched", "--once")
    assert decided == f"watched: train: {words}"
    assert ended == "watched: version: version 1 passed both gates"
    assert told("watch", "watched", "--once") == []
    train, wait = command_line.json("decisions", "watched")
    assert (train["verdict"], train["trigger"], train["through"], wait["rule"]) == ("train", "partition", "1998-06-30", "paused")
    decision = str(train["decision_id"])
    assert waits == f"watched: version 1 waits for `perennial approve {decision} --target prod`"
    assert told("approve", decision, "--reason", "looked at") == ["watched: version 1 is live on prod"]
    assert command_line.json("history", "watched", "--target", "prod")[0]["version"] == 1
    (run,) = [one.run for one in command_line.runs("watched")]
    assert (run.run_id, run.trigger) == (f"watched-decision-{decision}-1", "partition")
    asked = ["request", "watched", "--reason", "again", "--source", "//shop", "--id", "1"]
    assert told(*asked) == ["a training of watched is asked for: `perennial watch` decides"]
    assert told(*asked) == ["a training of watched is already asked for: `perennial watch` decides"]
    assert told("watch", "watched", "--once")[-1] == "watched: known: version 1 was trained on the same data, code and environment"
    assert told("decisions", "watched")[-2:] == ["partition: 1 trained, 1 version", "person: 1 trained, 1 known"]


def test_what_is_not_watched_is_told(command_line: CommandLine) -> None:
    done = command_line.run("watch", "churn", "--once")
    assert (done.returncode, done.stdout) == (0, f"churn: {NEVER}\n")
    for how in ("--once", "--dry-run"):
        done = command_line.run("watch", "churn", "nowhere", how)
        assert done.returncode == 1
        assert done.stdout.splitlines()[1].startswith("nowhere: not looked at: model 'nowhere' is unknown: ")
    assert command_line.refused("approve", "999999", "--reason", "why not").startswith("there is no decision 999999: ")
    assert command_line.run("policy", "show", "churn").stdout.startswith("Churn is trained only when somebody runs")
    unheard = "no watcher would hear of it: model.toml of 'churn' has no section [continuous]; add it, or run `perennial train churn`"
    assert command_line.refused("request", "churn", "--reason", "now") == unheard


def test_a_policy_is_tried_on_the_past(command_line: CommandLine) -> None:
    folder = small_churn(command_line.settings.models_folder, "replayed")
    edit(folder / "model.toml", LAST, f"{LAST}\n\n{CONTINUOUS}")
    unmeasured = command_line.json("policy", "replay", "replayed", "--from", "1998-01-01", "--to", "1998-06-30")
    assert len(unmeasured["trainings"]) == 4, "0.003 a month is taken to be lost, and a training costs 0.1"
    edit(folder / "model.toml", "settle_days = 0\n", "settle_days = 0\ntraining_cost = 0\n")
    document = command_line.json("policy", "replay", "replayed", "--from", "1998-01-01", "--to", "1998-06-30")
    assert (document["days"], document["new_spans"], len(document["trainings"])) == (181, 27, 27)
    text = command_line.run("policy", "replay", "replayed", "--from", "1998-06-01", "--to", "1998-06-30").stdout.splitlines()
    assert text[0] == "replayed would have been trained 6 times in 30 days"
    refused = command_line.refused("policy", "replay", "replayed", "--from", "1998-06-01", "--to", "1998-06-30", "--ratio", "0.1")
    assert refused.startswith("model 'replayed' is not in the registry")
    assert command_line.refused("policy", "replay", "churn", "--from", "1998-06-01", "--to", "1998-06-30").startswith(
        "churn has no policy to try"
    )
