"""Versions that are trained again on real services: what comes out equal, what does not, and why."""

import fcntl
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.database.engine import make_engine
from components.google import bigquery_client, storage_client
from components.registry.evaluations import record_evaluation
from components.registry.history import VersionStory, read_version
from components.registry.versions import NewVersion, register_version
from components.runs.record import RunState, finish_run, record_tasks, start_run
from components.settings import Settings
from components.storage.manifest import CODE
from components.storage.objects import pull_folder, push_folder
from tests.pipelines.command_line import CommandLine, edit, quick_churn

pytestmark = pytest.mark.slow

WEIGHTS = Path("variables", "variables.data-00000-of-00001")


@pytest.fixture(scope="module")
def first(command_line: CommandLine) -> VersionStory:
    """A version whose model was changed since: what is trained again is the code that is kept with the version."""
    folder = quick_churn(command_line.settings.models_folder, "again", spans=3)
    command_line.json("train", "again", "--through", "1998-05-31")
    edit(folder / "model.toml", "epochs = 1", "epochs = 2")
    return story(command_line.settings, 1)


def test_a_version_comes_out_equal_whatever_the_model_is_now(command_line: CommandLine, first: VersionStory) -> None:
    done = command_line.run("reproduce", "again", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    title, *lines = done.stdout.strip().splitlines()
    assert title == f"again version 1, trained again with its own code from {first.snapshot.snapshot_table}"
    assert [line.split() for line in lines[:3]] == [
        ["examples", "equal", "(sha256", f"{first.examples_sha256})"],
        ["weights", "equal", "(2", "files)"],
        ["metrics", "equal", "(48", "values)"],
    ]
    assert "why" not in done.stdout
    assert len(command_line.json("versions", "again")) == 1


def test_it_is_a_run_in_the_registry_that_names_the_version(command_line: CommandLine, first: VersionStory) -> None:
    last = command_line.runs("again")[0]
    with make_engine(command_line.settings).connect() as connection:
        linked = connection.exec_driver_sql(
            "SELECT run_model.role, version, run_dataset.role, run_dataset.snapshot_id "
            "FROM registry.run_model JOIN registry.model_version USING (model_version_id) "
            "JOIN registry.run_dataset ON run_dataset.run_id = run_model.run_id WHERE run_model.run_id = %s",
            (last.run.run_id,),
        ).all()
    assert (last.state, last.error, last.run.pipeline_name) == (RunState.SUCCEEDED, None, "reproduction")
    assert last.run.reason == "reproduction of again version 1"
    assert last.run.parameters["version"] == 1
    assert [tuple(row) for row in linked] == [("baseline", 1, "train", first.snapshot.snapshot_id)]


def test_no_example_comes_from_the_cache(command_line: CommandLine, first: VersionStory) -> None:
    state = command_line.settings.state_folder
    run = command_line.runs("again")[0].run.run_id
    read = {path.stat().st_ino for path in (state / "runs" / run).glob("artifacts/*/read/examples/Split-*/*.gz")}
    assert len(read) == 6
    assert not read & {path.stat().st_ino for path in (state / "cache").rglob("*.gz")}


def test_a_version_of_other_packages_and_weights_says_so(command_line: CommandLine, first: VersionStory, tmp_path: Path) -> None:
    def change(model: Path) -> None:
        (model / WEIGHTS).write_bytes((model / WEIGHTS).read_bytes()[::-1])

    number = forged(command_line.settings, first, tmp_path / "model", change)
    document = command_line.json("reproduce", "again", str(number), exit_code=3)
    parts = {name: (part["verdict"], part["detail"]) for name, part in document["parts"].items()}
    assert parts["examples"] == ("equal", f"sha256 {first.examples_sha256}")
    assert parts["weights"] == ("different", WEIGHTS.as_posix())
    assert parts["metrics"][0] == "different"
    assert re.fullmatch(r"2 of 48 values, the most: auc on all rows was nan, is 0\.\d+", parts["metrics"][1])
    reasons = {reason.partition(":")[0]: reason for reason in document["reasons"]}
    assert reasons["uv.lock"].startswith("uv.lock: 000000000000 then, ")
    assert "tensorflow 2.20.0 → 2.21" in reasons["packages"]
    assert reasons["machine"].startswith("machine: an abacus then, Python 3.")
    assert "in what the steps train import" in reasons["Perennial's components"]
    assert document["state"] == "BLOCKED"
    assert document["error"].startswith(f"again version {number} is not reproduced: weights, metrics came out different; uv.lock: ")


def test_a_version_that_was_pushed_without_its_code_is_refused(command_line: CommandLine, first: VersionStory, tmp_path: Path) -> None:
    number = forged(command_line.settings, first, tmp_path / "model", lambda model: shutil.rmtree(model / CODE))
    sentence = command_line.refused("reproduce", "again", str(number))
    assert sentence.startswith(f"again version {number} was pushed without its code (gs://")
    last = command_line.runs("again")[0]
    assert (last.state, last.error) == (RunState.FAILED, sentence)


def test_two_runs_of_a_model_at_once_are_refused(command_line: CommandLine, first: VersionStory) -> None:
    with (command_line.settings.state_folder / "locks" / "train-again").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sentence = command_line.refused("reproduce", "again", "1")
    assert sentence == "another run of again is in progress on this machine: wait for it, or stop it"


def test_models_and_versions_that_do_not_exist_are_named(command_line: CommandLine, first: VersionStory) -> None:
    assert command_line.refused("reproduce", "never", "1").startswith("model 'never' is not in the registry: ")
    assert command_line.refused("reproduce", "again", "99").startswith("model 'again' has no version 99: it has 1 to ")


def test_without_emulators_the_command_to_start_them_is_named(command_line: CommandLine, tmp_path: Path) -> None:
    away = CommandLine(command_line.settings.model_copy(update={"state_folder": tmp_path}))
    assert away.refused("reproduce", "again", "1") == "the emulators are not up: run `perennial up`"


def test_other_rows_in_the_pinned_table_are_named_by_day_span_and_split(command_line: CommandLine, first: VersionStory) -> None:
    client, table = bigquery_client(command_line.settings), first.snapshot.snapshot_table
    client.delete_table(table)
    more = "IF(purchase_date BETWEEN '1998-04-01' AND '1998-04-02', number_of_cds + 1, number_of_cds) AS number_of_cds"
    source = first.snapshot.source_table
    client.query(f"CREATE TABLE `{table}` PARTITION BY purchase_date AS SELECT * REPLACE ({more}) FROM `{source}`").result()
    done = command_line.run("reproduce", "again", "1")
    assert done.returncode == 3, done.stdout + done.stderr
    assert re.search(rf"examples +different  \(sha256 {first.examples_sha256} then, [0-9a-f]{{64}} now\)", done.stdout)
    assert "why                  files of examples that differ: eval 1998-04-" in done.stdout
    assert re.search(rf"{table} does not hold the rows that were pinned in 2 of \d+ partitions \(1998-04-01, 1998-04-02\)", done.stdout)


def test_a_pinned_table_that_is_gone_is_named(command_line: CommandLine, first: VersionStory) -> None:
    bigquery_client(command_line.settings).delete_table(first.snapshot.snapshot_table, not_found_ok=True)
    sentence = (
        f"the pinned table {first.snapshot.snapshot_table} of again version 1 has expired or was deleted: "
        f"without it the version cannot be trained again; `perennial train again` makes a new one"
    )
    assert command_line.refused("reproduce", "again", "1") == sentence
    document = command_line.json("reproduce", "again", "1", exit_code=1)
    assert (document["state"], document["error"], document["parts"]) == ("FAILED", sentence, {})


def story(settings: Settings, number: int) -> VersionStory:
    with make_engine(settings).connect() as connection:
        return read_version(connection, "again", number)


def forged(settings: Settings, of: VersionStory, folder: Path, change: Callable[[Path], Any]) -> int:
    """A version with other bytes, as if other packages on another machine had made it, and other metrics. Returns its number."""
    client = storage_client(settings)
    pull_folder(client, of.manifest.uri, folder)
    change(folder)
    manifest = push_folder(client, settings.bucket, model="again", folder=folder, metadata={})
    packages = {**of.run.run.package_versions, "tensorflow": "2.20.0"}
    run_id = f"forged-{manifest.sha256[:8]}"
    run = replace(of.run.run, run_id=run_id, package_versions=packages, environment_digest=f"sha256:{'0' * 64}", pipeline_version="0")
    auc, *others = sorted(of.evaluations[0].metrics, key=lambda metric: (metric.name != "auc", len(metric.slice)))
    metrics = [replace(auc, value=float("nan")), replace(others[0], value=0.5), *others[1:]]
    new = NewVersion(
        model="again",
        run_id=run_id,
        snapshot_id=of.snapshot.snapshot_id,
        code_sha256=of.code_sha256,
        training_sha256=of.training_sha256,
        manifest=manifest,
        framework=of.framework,
        examples_sha256=of.examples_sha256,
        training_machine="an abacus",
    )
    with make_engine(settings).begin() as connection:
        start_run(connection, run)
        record_tasks(connection, run_id, [replace(task, component_version="0") for task in of.tasks if task.task_name == "train"])
        number = register_version(connection, new)
        record_evaluation(connection, replace(of.evaluations[0], version=number, run_id=run_id, metrics=metrics))
        finish_run(connection, run_id, RunState.SUCCEEDED)
    return number
