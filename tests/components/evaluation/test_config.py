"""model.toml's evaluation in TFMA's words."""

import json
from pathlib import Path
from typing import Any

from components.evaluation.config import METRICS, eval_config
from components.model.folder import read_model
from tests.components.visits import write_model

SLICED = """at_least = 0.6

[[evaluation.thresholds]]
metric = "auc"
slice = { device = "desk" }
at_least = 0.5
at_most = 0.9

[[evaluation.thresholds]]
metric = "calibration"
at_most = 1.1
"""


def config(folder: Path, **toml: str) -> Any:
    write_model(folder, toml={"at_least = 0.6": SLICED, **toml})
    return json.loads(eval_config(read_model(folder, "visits")))


def metric(document: Any, name: str) -> Any:
    return next(metric for metric in document["metricsSpecs"][0]["metrics"] if metric["className"] == name)


def test_every_metric_is_measured_on_all_rows_and_on_every_slice(tmp_path: Path) -> None:
    document = config(tmp_path)
    assert document["slicingSpecs"] == [{}, {"featureKeys": ["device"]}]
    assert {metric["className"] for metric in document["metricsSpecs"][0]["metrics"]} >= set(METRICS.values())


def test_a_threshold_is_held_against_its_own_slice_only(tmp_path: Path) -> None:
    """A plain `threshold` would be held against every slice."""
    document = config(tmp_path)
    assert all("threshold" not in metric for metric in document["metricsSpecs"][0]["metrics"])
    assert metric(document, "AUC")["perSliceThresholds"] == [
        {"slicingSpecs": [{}], "threshold": {"valueThreshold": {"lowerBound": 0.6}}},
        {
            "slicingSpecs": [{"featureValues": {"device": "desk"}}],
            "threshold": {"valueThreshold": {"lowerBound": 0.5, "upperBound": 0.9}},
        },
    ]
    assert metric(document, "Calibration")["perSliceThresholds"] == [
        {"slicingSpecs": [{}], "threshold": {"valueThreshold": {"upperBound": 1.1}}}
    ]


def test_a_metric_without_a_threshold_has_none(tmp_path: Path) -> None:
    assert set(metric(config(tmp_path), "Precision")) == {"className"}


def test_the_label_is_the_models(tmp_path: Path) -> None:
    assert config(tmp_path)["modelSpecs"] == [{"labelKey": "returned", "signatureName": "serving_default"}]


def test_slices_of_several_columns_are_crossed(tmp_path: Path) -> None:
    document = config(tmp_path, **{'[["device"]]': '[["device"], ["device", "country"]]'})
    assert document["slicingSpecs"][2] == {"featureKeys": ["device", "country"]}


SEVERAL = {
    'task = "binary_classification"': 'task = "multiclass_classification"',
    'label = "returned"': 'label = "returned"\nclasses = ["low", "middle", "high"]',
    'metric = "auc"': 'metric = "accuracy"\nat_least = 0.5\n\n[[evaluation.thresholds]]\nmetric = "auc_of_high"',
}


def of_classes(folder: Path, **toml: str) -> Any:
    write_model(folder, toml=SEVERAL | toml)
    return json.loads(eval_config(read_model(folder, "visits")))["metricsSpecs"]


def test_each_of_several_classes_is_measured_by_itself(tmp_path: Path) -> None:
    """Only the areas: the confusion matrix gives the rest, and each metric more costs time per row and slice."""
    whole, *each = of_classes(tmp_path)
    assert [metric["className"] for metric in whole["metrics"]] == ["ExampleCount", "MultiClassConfusionMatrixAtThresholds"]
    assert json.loads(whole["metrics"][1]["config"]) == {"thresholds": [0.0]}  # else TFMA leaves out rows that no score of is 0.5
    assert [spec["binarize"] for spec in each] == [{"classIds": {"values": [place]}} for place in range(3)]
    assert [[metric["className"] for metric in spec["metrics"]] for spec in each] == [["AUC", "ConfusionMatrixPlot"]] * 3


def test_a_threshold_on_a_class_is_held_against_that_class_only(tmp_path: Path) -> None:
    _, *each = of_classes(tmp_path)
    bounds = [{"slicingSpecs": [{}], "threshold": {"valueThreshold": {"lowerBound": 0.6}}}]
    assert [spec["metrics"][0].get("perSliceThresholds") for spec in each] == [None, None, bounds]


def test_tfma_always_has_a_threshold(tmp_path: Path) -> None:
    """It blesses nothing without one, and holds none of those on what is made of the confusion matrix."""
    whole, *_ = of_classes(tmp_path)
    assert whole["metrics"][0]["perSliceThresholds"] == [{"slicingSpecs": [{}], "threshold": {"valueThreshold": {"lowerBound": 1}}}]
