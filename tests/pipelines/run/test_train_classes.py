"""A whole run of a model of several classes: nothing in the repository but its folder knows it."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.evaluation.results import Results, read_results
from components.examples.encode import encode_examples
from components.model.folder import model_names
from components.settings import REPOSITORY
from tests.pipelines.command_line import CommandLine, small_loyalty

CLASSES = ("newcomer", "occasional", "regular")
POINTS = ("cds_30_days", "cds_90_days", "cds_180_days", "cds_270_days", "cds_360_days", "largest_order", "large_orders")


@pytest.fixture(scope="module")
def trained(command_line: CommandLine) -> dict[str, Any]:
    """The first version of the small loyalty."""
    small_loyalty(command_line.settings.models_folder)
    document: dict[str, Any] = command_line.json("train", "loyalty")
    return document


@pytest.fixture(scope="module")
def run(command_line: CommandLine, trained: dict[str, Any]) -> Path:
    """The folder of its run."""
    return command_line.settings.state_folder / "runs" / str(trained["run"])


@pytest.fixture(scope="module")
def results(run: Path) -> Results:
    return read_results(next(run.glob("artifacts/*/evaluate/results")))


@pytest.mark.slow
def test_a_run_ends_in_a_version_with_metrics_of_every_class(command_line: CommandLine, trained: dict[str, Any]) -> None:
    assert (trained["state"], trained["version"], trained["error"]) == ("SUCCEEDED", 1, None)
    (version,) = command_line.json("versions", "loyalty")
    assert version["blessed"] is True
    assert set(version["metrics"]) == {
        *("example_count", "accuracy", "macro_auc", "macro_precision", "macro_recall", "macro_f1"),
        *(f"{measure}_of_{name}" for name in CLASSES for measure in ("auc", "precision", "recall", "f1")),
    }
    assert 0.7 < version["metrics"]["accuracy"] < 1
    assert all(0.75 < version["metrics"][f"auc_of_{name}"] < 1 for name in CLASSES)


@pytest.mark.slow
def test_slices_have_intervals_and_the_signature_a_score_for_each_class(command_line: CommandLine, trained: dict[str, Any]) -> None:
    story = command_line.json("show", "loyalty", str(trained["version"]))
    assert story["signature"]["outputs"] == {"score": "float32 [batch, 3]"}
    recalls = [metric for metric in story["evaluations"][0]["metrics"] if metric["name"] == "recall_of_newcomer"]
    assert [metric["slice"] for metric in recalls] == [{}, *({"recency_band": f"{band} days"} for band in ("0-30", "31-90", "91-270"))]
    assert all(metric["ci_low"] <= metric["value"] <= metric["ci_high"] for metric in recalls)
    assert [check["metric"] for check in story["blessings"][0]["checks"]] == ["accuracy", "macro_auc", "recall_of_regular", "accuracy"]
    listed = command_line.run("versions", "loyalty").stdout
    assert re.search(r" 0\.[89]\d+  yes ", listed), listed


@pytest.mark.slow
def test_predictions_are_as_the_levels_are(results: Results) -> None:
    whole = np.array(next(matrix.counts for matrix in results.matrices if not matrix.slice))
    actual, predicted = whole.sum(axis=1) / whole.sum(), whole.sum(axis=0) / whole.sum()
    assert (actual > 0.15).all()
    assert (abs(predicted - actual) < 0.12).all()


@pytest.mark.slow
def test_a_source_that_lost_its_points_makes_everybody_a_newcomer(run: Path) -> None:
    """What source.sql gives then is held in tests/pipelines/models/test_loyalty.py."""
    import tensorflow as tf

    (saved,) = run.glob("artifacts/*/train/trained/Format-Serving")
    bands = ["0-30 days", "31-90 days", "91-270 days"]
    lost = pa.RecordBatch.from_pydict({name: [0, 0, 0] for name in POINTS} | {"recency_band": bands})
    scores = tf.saved_model.load(str(saved)).signatures["serving_default"](examples=tf.constant(encode_examples(lost).to_pylist()))["score"]
    assert scores.shape == (3, 3)
    assert scores.numpy().argmax(axis=1).tolist() == [0, 0, 0]
    assert scores.numpy().sum(axis=1).tolist() == pytest.approx([1, 1, 1])


@pytest.mark.slow
def test_the_answers_that_are_kept_with_the_model_have_a_score_for_each_class(run: Path) -> None:
    (outputs,) = run.glob("artifacts/*/train/trained/Format-Serving/assets.extra/smoke/outputs.json")
    values = json.loads(outputs.read_text())["values"]
    assert {len(row) for row in values} == {3}
    assert [sum(row) for row in values] == pytest.approx([1] * len(values), abs=1e-5)


@pytest.mark.slow
def test_the_report_has_the_matrix_and_the_metrics_of_each_class(trained: dict[str, Any], results: Results) -> None:
    page = Path(trained["report"]).read_text()
    for text in ("Confusion matrix", "Metrics by class", "Share of each class by span", "each class against the rest", *CLASSES):
        assert text in page
    assert "Calibration" not in page
    whole = next(matrix.counts for matrix in results.matrices if not matrix.slice)
    cells = set(re.findall(r"<text[^>]*>([\d,]+)</text>", page))
    assert {f"{rows:,.0f}" for line in whole for rows in line} <= cells


def test_nothing_but_its_folder_knows_a_model() -> None:
    """Only the data that come along and the demos are of certain models; an error may point to a folder to look at."""
    code = [
        path
        for folder in ("components", "pipelines")
        for path in (REPOSITORY / folder).rglob("*")
        if path.suffix in {".py", ".sql", ".html"}
    ]
    models, demos = REPOSITORY / "pipelines" / "models", REPOSITORY / "pipelines" / "demos"
    for path in code:
        if path.name != "seed.py" and not path.is_relative_to(models) and not path.is_relative_to(demos):
            text = path.read_text().replace("pipelines/models/churn", "")
            assert not re.findall(rf"\b({'|'.join(model_names(models))})\b", text), path
