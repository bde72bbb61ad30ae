"""Whole runs of `perennial train` on real services, and what they leave behind."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.database.engine import make_engine
from components.files import OTHERS
from components.google import storage_client
from components.registry.history import read_version
from components.settings import Settings
from components.storage.objects import blobs_by_path, pull_folder
from components.training.session import open_session
from components.training.signatures import read_signatures
from components.training.smoke import _signature_inputs
from tests.components.storage.whole import assert_whole
from tests.pipelines.command_line import CommandLine, edit, small_churn

pytestmark = pytest.mark.slow

REASON = "{{$.inputs.parameters['model']}} {{$}} {{workflow.name}} is what the tests' team wants: 100%, \\u007b Ж"
"""Full of what Kubeflow and its local runner would replace."""


@pytest.fixture(scope="module")
def trained(command_line: CommandLine) -> dict[str, Any]:
    """The first version of the small churn."""
    document: dict[str, Any] = command_line.json("train", "churn", "--reason", REASON)
    return document


def test_a_run_ends_in_a_version_whose_bytes_are_in_cloud_storage(command_line: CommandLine, trained: dict[str, Any]) -> None:
    assert (trained["state"], trained["version"], trained["error"]) == ("SUCCEEDED", 1, None)
    names = [task["name"] for task in trained["tasks"]]
    assert names[0] == "start"
    assert names[-4:] == ["evaluate", "push", "record", "finish"]
    assert sorted(names[1:-4]) == ["inspect", "pin", "read", "schema", "statistics", "train", "transform", "validate"]
    (version,) = command_line.json("versions", "churn")
    assert version["version"] == 1
    assert re.fullmatch("[0-9a-f]{64}", version["snapshot_id"])
    assert version["uri"].startswith(f"gs://{command_line.settings.bucket}/content/churn/")
    assert 0.7 < version["metrics"]["auc"] < 1
    client = storage_client(command_line.settings)
    assert_whole(client, version["uri"])
    published = blobs_by_path(client, command_line.settings.bucket, "models/churn/1")
    assert {"manifest.json", "saved_model.pb"} < published.keys()
    assert {blob.metadata["run"] for blob in published.values()} == {trained["run"]}


def test_a_run_leaves_nothing_that_others_may_read(command_line: CommandLine, trained: dict[str, Any]) -> None:
    folder = command_line.settings.state_folder
    paths = [path for path in folder.rglob("*") if not path.is_symlink()]
    assert {"runs", "reports", "cache", "locks", "emulators"} <= {path.name for path in folder.iterdir()}
    assert [str(path) for path in paths if path.lstat().st_mode & OTHERS] == []


def test_a_version_tells_all_that_made_it(command_line: CommandLine, trained: dict[str, Any]) -> None:
    story = command_line.json("show", "churn", "1")
    run = story["run"]["run"]
    assert run["run_id"] == trained["run"]
    assert run["reason"] == REASON
    assert run["package_versions"]["tensorflow"].startswith("2.21")
    assert re.fullmatch("sha256:[0-9a-f]{64}", run["environment_digest"])
    assert {task["task_name"] for task in story["tasks"]} >= {"pin", "read", "transform", "train", "evaluate", "push", "record"}
    assert story["snapshot"]["row_count"] == 69_659
    assert story["snapshot"]["document"]["spans"] == ["1998-05-17", "1998-05-24", "1998-05-31"]
    slices = {tuple(metric["slice"].items()) for metric in story["evaluations"][0]["metrics"]}
    assert {(), (("segment", "regular"),), (("recency_band", "over a year"),)} <= slices
    auc = next(m for m in story["evaluations"][0]["metrics"] if m["name"] == "auc" and not m["slice"])
    assert auc["ci_low"] < auc["value"] < auc["ci_high"]
    assert story["blessings"][0]["blessed"] is True
    assert [check["rule"] for check in story["blessings"][0]["checks"]] == [">= 0.75", ">= 0.6", ">= 0.9 and <= 1.1"]


def test_show_prints_it_for_a_person(command_line: CommandLine, trained: dict[str, Any]) -> None:
    done = command_line.run("show", "churn", "1")
    assert done.returncode == 0
    assert trained["run"] in done.stdout
    assert "kept    auc on segment regular" in done.stdout


def test_the_pushed_model_scores_raw_examples(command_line: CommandLine, trained: dict[str, Any], tmp_path: Path) -> None:
    import tensorflow as tf

    (version,) = command_line.json("versions", "churn")
    pull_folder(storage_client(command_line.settings), version["uri"], tmp_path / "model")
    (examples,) = run_folder(command_line.settings, trained).glob("artifacts/*/read/examples/Split-eval/*19980524.gz")
    rows = [row.numpy() for row in tf.data.TFRecordDataset(str(examples), compression_type="GZIP").take(50)]
    scores = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"](examples=tf.constant(rows))["score"].numpy()
    assert scores.shape == (50, 1)
    signatures = read_signatures(tmp_path / "model", "it")
    assert list(signatures.packed) == ["int64", "float32", "string"]
    with open_session(tmp_path / "model") as ask:
        answers = {name: ask(name, inputs) for name, inputs in _signature_inputs(rows, signatures).items()}
    assert list(answers) == ["serving_default", "raw", "packed"]
    assert all((answer == answers["serving_default"]).all() for answer in answers.values())
    assert np.abs(answers["raw"] - scores).max() < 1e-6
    assert ((scores > 0) & (scores < 1)).all()
    assert scores.std() > 0.001


def test_the_code_of_the_model_is_kept_with_its_bytes(command_line: CommandLine, trained: dict[str, Any], tmp_path: Path) -> None:
    assert trained["version"] == 1
    with make_engine(command_line.settings).connect() as connection:
        manifest = read_version(connection, "churn", 1).manifest
    pull_folder(storage_client(command_line.settings), manifest.uri, tmp_path / "model")
    own = command_line.settings.models_folder / "churn"
    for file in ("model.toml", "source.sql", "schema.pbtxt", "features.py", "network.py"):
        assert (tmp_path / "model" / "assets.extra" / "model" / file).read_text() == (own / file).read_text()


def test_the_report_opens_offline_and_says_what_happened(trained: dict[str, Any]) -> None:
    page = Path(trained["report"]).read_text()
    assert "Pushed as version 1" in page
    assert "<script" not in page
    assert not re.search(r"""(src|href)=["']https?:""", page)
    for text in ("days_since_purchase", "segment regular", "ROC", "Calibration", trained["run"]):
        assert text in page


def test_the_same_snapshot_is_not_trained_twice(command_line: CommandLine, trained: dict[str, Any]) -> None:
    again = command_line.json("train", "churn")
    assert (again["state"], again["version"]) == ("ALREADY_TRAINED", trained["version"])
    assert len(command_line.json("versions", "churn")) == 1


def test_training_again_gives_the_same_examples_and_weights_to_the_bit(command_line: CommandLine, trained: dict[str, Any]) -> None:
    shutil.rmtree(command_line.settings.state_folder / "cache")  # or the examples would be the very same files
    again = command_line.json("train", "churn", "--force")
    assert (again["state"], again["version"]) == ("SUCCEEDED", 2)
    first, second = run_folder(command_line.settings, trained), run_folder(command_line.settings, again)
    saved = "artifacts/*/train/trained/Format-Serving"
    for pattern in ("artifacts/*/read/examples/Split-*/*.gz", f"{saved}/variables/*", f"{saved}/assets.extra/smoke/*"):
        ours, theirs = bytes_by_name(first, pattern), bytes_by_name(second, pattern)
        assert len(ours) >= 2
        assert ours == theirs
    results = [json.loads(next(folder.glob("artifacts/*/evaluate/results")).read_text()) for folder in (first, second)]
    own = [{name: value for name, value in result.items() if name not in ("checks", "others", "champion")} for result in results]
    assert own[0] == own[1]  # the second was also held against the first


@pytest.mark.parametrize("road", [(), ("--stock",)], ids=["ours", "stock"])
def test_a_model_below_its_threshold_is_blocked_and_not_pushed(command_line: CommandLine, road: tuple[str, ...]) -> None:
    folder = command_line.settings.models_folder / "strict"
    if not folder.exists():
        small_churn(folder.parent, folder.name)
        edit(folder / "model.toml", "at_least = 0.75", "at_least = 0.999")
    document = command_line.json("train", "strict", *road, exit_code=2)
    (run,) = run_folder(command_line.settings, document).glob("artifacts/*/evaluate/blessing")
    assert [path.name for path in run.iterdir()] == ["NOT_BLESSED"]
    (log,) = run_folder(command_line.settings, document).glob("logs/evaluate.log")
    assert ("Evaluation complete. Results written to" in log.read_text()) == bool(road)  # what TFX's executor says
    assert document["state"] == "BLOCKED"
    assert document["version"] is None
    assert re.match(r"blocked: auc on all rows is 0\.[78]\d+, model\.toml of strict wants >= 0\.999; ", document["error"])
    assert "push" not in [task["name"] for task in document["tasks"]]
    assert "Blocked" in Path(document["report"]).read_text()
    assert "model 'strict' is not in the registry" in command_line.run("versions", "strict").stderr


def test_data_that_break_the_pinned_schema_are_blocked_before_training(command_line: CommandLine) -> None:
    folder = small_churn(command_line.settings.models_folder, "surprised")
    edit(folder / "schema.pbtxt", '  value: "regular"\n', "")
    document = command_line.json("train", "surprised", exit_code=2)
    assert document["state"] == "BLOCKED"
    assert document["error"].startswith("blocked: column segment of split train breaks schema.pbtxt: ")
    assert "train" not in [task["name"] for task in document["tasks"]]
    assert "segment" in Path(document["report"]).read_text()


def test_a_network_that_cannot_be_built_fails_the_run_with_its_reason(command_line: CommandLine) -> None:
    folder = small_churn(command_line.settings.models_folder, "broken")
    edit(folder / "network.py", "    parts = []\n", "    parts = []\n    raise ValueError('no such layer')\n")
    document = command_line.json("train", "broken", exit_code=1)
    assert (document["state"], document["version"]) == ("FAILED", None)
    line = (folder / "network.py").read_text().splitlines().index("    raise ValueError('no such layer')") + 1
    assert document["error"] == (
        f"{folder / 'network.py'} (line {line}: raise ValueError('no such layer')) fails: ValueError: no such layer; correct it"
    )


def run_folder(settings: Settings, document: dict[str, Any]) -> Path:
    return settings.state_folder / "runs" / str(document["run"])


def bytes_by_name(folder: Path, pattern: str) -> dict[str, bytes]:
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in folder.glob(pattern)}
