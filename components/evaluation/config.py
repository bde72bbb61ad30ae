"""model.toml's evaluation as a TFMA configuration."""

import json

from components.model import MetricName, Model

METRICS: dict[MetricName, str] = {
    "example_count": "ExampleCount",
    "auc": "AUC",
    "binary_accuracy": "BinaryAccuracy",
    "precision": "Precision",
    "recall": "Recall",
    "calibration": "Calibration",
}
"""What is measured on every slice, by TFMA's name of the result. Each one more costs TFMA time per row and slice."""
CONFUSION = "confusion_matrix_at_thresholds"
PLOTS = (
    {"className": "ConfusionMatrixPlot", "config": json.dumps({"num_thresholds": 100})},
    {"className": "CalibrationPlot", "config": json.dumps({"num_buckets": 20})},
)


def eval_config(model: Model) -> str:
    """The TFMA EvalConfig of a model, as JSON."""
    metrics: list[dict[str, object]] = [{"className": cls, **_thresholds(model, name)} for name, cls in METRICS.items()]
    metrics.append({"className": "ConfusionMatrixAtThresholds", "config": json.dumps({"thresholds": [0.5]})})
    metrics.extend(dict(plot) for plot in PLOTS)
    return json.dumps(
        {
            "modelSpecs": [{"labelKey": model.rows.label, "signatureName": "serving_default"}],
            "slicingSpecs": [{}, *({"featureKeys": list(slice_)} for slice_ in model.evaluation.slices)],
            "metricsSpecs": [{"metrics": metrics}],
        }
    )


def _thresholds(model: Model, metric: MetricName) -> dict[str, object]:
    """Every threshold names its slice, the overall one too: TFMA would hold a plain `threshold` against all slices."""
    bounds = []
    for threshold in model.evaluation.thresholds:
        if threshold.metric == metric:
            limits = {"lowerBound": threshold.at_least, "upperBound": threshold.at_most}
            value = {"valueThreshold": {name: limit for name, limit in limits.items() if limit is not None}}
            slice_ = {"featureValues": dict(threshold.slice)} if threshold.slice else {}
            bounds.append({"slicingSpecs": [slice_], "threshold": value})
    return {"perSliceThresholds": bounds} if bounds else {}
