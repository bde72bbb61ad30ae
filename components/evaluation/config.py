"""model.toml's evaluation as a TFMA configuration.

How metrics are called, in model.toml, the registry and on every page (components/model/metric_names.py): those of a binary model as TFMA
calls them. Where there are several classes, `accuracy` and `macro_MEASURE` are over all of them, `MEASURE_of_CLASS` of one against the
rest; the measures are auc, precision, recall and f1. A row counts as of the class with the highest score. TFMA counts that as a
confusion matrix, and classes.py makes every measure of it but the areas: with a class of its own TFMA would ask for a score above 0.5,
and in its macro averages a class without rows counts as 0.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from components.model.folder import Model
from components.model.metric_names import PINBALL_LOSS, class_metric, coverage_of, pinball_of
from components.model.sections import Split
from components.model.task import TaskName

METRICS = {
    "example_count": "ExampleCount",
    "auc": "AUC",
    "binary_accuracy": "BinaryAccuracy",
    "precision": "Precision",
    "recall": "Recall",
    "calibration": "Calibration",
}
"""Of a binary model, by TFMA's name of the result. Each one more costs TFMA time per row and slice."""
REGRESSION_METRICS = {
    "example_count": "ExampleCount",
    "root_mean_squared_error": "RootMeanSquaredError",
    "mean_absolute_error": "MeanAbsoluteError",
    "mean_squared_error": "MeanSquaredError",
    "r_squared": "RSquared",
    "calibration": "Calibration",
    "mean_prediction": "MeanPrediction",
    "mean_label": "MeanLabel",
}
"""Of a regression, in the same way."""
MODULE = "components.measurement.regression_metrics"
OURS = {"RootMeanSquaredError", "RSquared", "OfQuantiles"}
"""Metrics that TFMA lacks: it finds them in the module that the configuration names."""
CONFUSION = "confusion_matrix_at_thresholds"
CLASS_CONFUSION = "multi_class_confusion_matrix_at_thresholds"
AREA = "auc"
ROC = {"className": "ConfusionMatrixPlot", "config": json.dumps({"num_thresholds": 100})}
HAS_ROWS = {"slicingSpecs": [{}], "threshold": {"valueThreshold": {"lowerBound": 1}}}
"""TFMA blesses nothing that has no threshold at all: an evaluation without a row is what it always refuses."""
PLOTS = (ROC, {"className": "CalibrationPlot", "config": json.dumps({"num_buckets": 20})})
NO_STOCK = "the stock Evaluator knows no models of quantiles"


def eval_config(model: Model) -> str:
    """The TFMA EvalConfig of a model, as JSON."""
    return json.dumps(
        {
            "modelSpecs": [{"labelKey": model.rows.label, "signatureName": "serving_default"}],
            "slicingSpecs": [{}, *({"featureKeys": list(slice_)} for slice_ in model.evaluation.slices)],
            "metricsSpecs": _METRICS_SPECS[model.task_name](model),
        }
    )


def without_plots(config: str) -> dict[str, Any]:
    """The same configuration without the plots, which take a third of the time."""
    document: dict[str, Any] = json.loads(config)
    for specification in document["metricsSpecs"]:
        specification["metrics"] = [metric for metric in specification["metrics"] if not metric["className"].endswith("Plot")]
    return document


def overall_config(model: Model) -> str:
    """The same metrics of all rows alone, without plots."""
    return json.dumps(without_plots(eval_config(model)) | {"slicingSpecs": [{}]})


def _with_thresholds(model: Model, names: Mapping[str, str], others: Sequence[dict[str, object]] = ()) -> list[dict[str, object]]:
    metrics: list[dict[str, object]] = [{"className": cls, **_thresholds(model, name)} for name, cls in names.items()]
    metrics += others
    if not any("perSliceThresholds" in metric for metric in metrics):  # all of model.toml's are on the newest spans
        metrics[0]["perSliceThresholds"] = [HAS_ROWS]
    return metrics


def _of_numbers(model: Model) -> list[dict[str, object]]:
    metrics = _with_thresholds(model, REGRESSION_METRICS, _of_quantiles(model))
    return [{"metrics": [metric | ({"module": MODULE} if metric["className"] in OURS else {}) for metric in metrics]}]


def _of_quantiles(model: Model) -> list[dict[str, object]]:
    quantiles = model.rows.quantiles
    meant: dict[str, dict[str, object]] = {PINBALL_LOSS: {}} if quantiles else {}
    meant |= {pinball_of(one): {"place": place} for place, one in enumerate(quantiles)}
    meant |= {coverage_of(one): {"place": place, "is_share": True} for place, one in enumerate(quantiles)}
    return [
        {"className": "OfQuantiles", "config": json.dumps({"name": name, "quantiles": quantiles} | which), **_thresholds(model, name)}
        for name, which in meant.items()
    ]


def _of_two(model: Model) -> list[dict[str, object]]:
    metrics = _with_thresholds(model, METRICS)
    metrics.append({"className": "ConfusionMatrixAtThresholds", "config": json.dumps({"thresholds": [0.5]})})
    metrics.extend(dict(plot) for plot in PLOTS)
    return [{"metrics": metrics}]


def _of_classes(model: Model) -> list[dict[str, object]]:
    """TFMA holds the thresholds of what it computes itself; results.py holds the others, and the model must keep both."""
    counted = _thresholds(model, "example_count")
    counted["perSliceThresholds"] = [HAS_ROWS, *counted.get("perSliceThresholds", [])]
    matrix = {"className": "MultiClassConfusionMatrixAtThresholds", "config": json.dumps({"thresholds": [0.0]})}
    specs: list[dict[str, object]] = [{"metrics": [{"className": "ExampleCount", **counted}, matrix]}]
    for place, name in enumerate(model.classes):
        area = {"className": "AUC", **_thresholds(model, class_metric(AREA, name))}
        specs.append({"binarize": {"classIds": {"values": [place]}}, "metrics": [area, dict(ROC)]})
    return specs


def _thresholds(model: Model, metric: str) -> dict[str, list[object]]:
    """Every threshold names its slice, the overall one too: TFMA would hold a plain `threshold` against all slices."""
    bounds: list[object] = []
    for threshold in model.evaluation.thresholds:
        if threshold.metric == metric and threshold.split == Split.EVAL:
            limits = {"lowerBound": threshold.at_least, "upperBound": threshold.at_most}
            value = {"valueThreshold": {name: limit for name, limit in limits.items() if limit is not None}}
            slice_ = {"featureValues": dict(threshold.slice)} if threshold.slice else {}
            bounds.append({"slicingSpecs": [slice_], "threshold": value})
    return {"perSliceThresholds": bounds} if bounds else {}


_METRICS_SPECS = {TaskName.BINARY: _of_two, TaskName.CLASSES: _of_classes, TaskName.REGRESSION: _of_numbers}
