"""What an evaluation found, in one small JSON document: recording and reporting need neither TFX nor TFMA."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components.evaluation.config import CONFUSION, METRICS
from components.evaluation.intervals import Confusion, interval
from components.model import Model, Threshold


@dataclass(frozen=True)
class Metric:
    """A metric on a slice ({} is all rows). NaN and infinity are legal values."""

    name: str
    slice: dict[str, str]
    value: float
    low: float | None
    high: float | None
    example_count: int


@dataclass(frozen=True)
class Check:
    """A threshold, and whether it was kept; the value is None where the slice had no rows."""

    metric: str
    slice: dict[str, str]
    rule: str
    value: float | None
    passed: bool


@dataclass(frozen=True)
class RocPoint:
    """Rates on all rows at a threshold."""

    threshold: float
    false_positive_rate: float
    true_positive_rate: float


@dataclass(frozen=True)
class CalibrationBucket:
    """Rows whose predictions fall into one bucket."""

    mean_prediction: float
    mean_label: float
    count: float


@dataclass(frozen=True)
class Results:
    """All of it."""

    blessed: bool
    metrics: tuple[Metric, ...]
    checks: tuple[Check, ...]
    roc: tuple[RocPoint, ...]
    calibration: tuple[CalibrationBucket, ...]

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self)))


def read_results(path: Path) -> Results:
    """What `Results.write` wrote."""
    document = json.loads(path.read_text())
    return Results(
        blessed=document["blessed"],
        metrics=tuple(Metric(**item) for item in document["metrics"]),
        checks=tuple(Check(**item) for item in document["checks"]),
        roc=tuple(RocPoint(**item) for item in document["roc"]),
        calibration=tuple(CalibrationBucket(**item) for item in document["calibration"]),
    )


def load_results(model: Model, folder: Path, *, blessed: bool) -> Results:
    """The results that TFMA wrote into `folder`."""
    import tensorflow_model_analysis as tfma

    evaluated = tfma.load_eval_result(str(folder))
    metrics = tuple(metric for slice_key, found in evaluated.slicing_metrics for metric in _metrics(dict(slice_key), found[""][""]))
    metrics = tuple(sorted(metrics, key=lambda metric: (metric.name, sorted(metric.slice.items()))))
    plots: dict[str, Any] = next((found[""][""] for slice_key, found in evaluated.plots if not slice_key), {})
    return Results(
        blessed=blessed,
        metrics=metrics,
        checks=tuple(_check(threshold, metrics) for threshold in model.evaluation.thresholds),
        roc=_roc(plots.get("confusionMatrixAtThresholds", {}).get("matrices", [])),
        calibration=_calibration(plots.get("calibrationHistogramBuckets", {}).get("buckets", [])),
    )


def _metrics(slice_: dict[str, Any], found: dict[str, dict[str, Any]]) -> list[Metric]:
    features = {str(name): str(value) for name, value in slice_.items()}
    matrix = found[CONFUSION]["confusionMatrixAtThresholds"]["matrices"][0]
    names = ("truePositives", "falsePositives", "trueNegatives", "falseNegatives")
    counts = Confusion(*(float(matrix.get(name, 0.0)) for name in names))
    rows = int(found["example_count"]["doubleValue"])
    metrics = []
    for name in METRICS:
        is_defined = name != "auc" or (counts.positives > 0 and counts.negatives > 0)  # TFMA says 0 where there is one class
        value = float(found[name].get("doubleValue", "nan")) if is_defined else math.nan
        low, high = interval(name, value, counts) or (None, None)
        metrics.append(Metric(name, features, value, low, high, rows))
    return metrics


def _check(threshold: Threshold, metrics: tuple[Metric, ...]) -> Check:
    rule = " and ".join(f"{sign} {bound:g}" for sign, bound in ((">=", threshold.at_least), ("<=", threshold.at_most)) if bound is not None)
    value = next((m.value for m in metrics if m.name == threshold.metric and m.slice == threshold.slice), None)
    passed = (
        value is not None
        and (threshold.at_least is None or value >= threshold.at_least)
        and (threshold.at_most is None or value <= threshold.at_most)
    )
    return Check(threshold.metric, dict(threshold.slice), rule, value, passed)


def _roc(matrices: list[dict[str, Any]]) -> tuple[RocPoint, ...]:
    points = []
    for matrix in matrices:
        positives = float(matrix.get("truePositives", 0)) + float(matrix.get("falseNegatives", 0))
        negatives = float(matrix.get("falsePositives", 0)) + float(matrix.get("trueNegatives", 0))
        if positives and negatives:
            rates = float(matrix.get("falsePositives", 0)) / negatives, float(matrix.get("truePositives", 0)) / positives
            points.append(RocPoint(float(matrix.get("threshold", 0)), *rates))
    return tuple(points)


def _calibration(buckets: list[dict[str, Any]]) -> tuple[CalibrationBucket, ...]:
    return tuple(
        CalibrationBucket(
            mean_prediction=float(bucket.get("totalWeightedRefinedPrediction", 0)) / count,
            mean_label=float(bucket.get("totalWeightedLabel", 0)) / count,
            count=count,
        )
        for bucket in buckets
        if (count := float(bucket.get("numWeightedExamples", 0))) > 0
    )
