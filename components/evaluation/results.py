"""What an evaluation found, in one small JSON document: recording and reporting need neither TFX nor TFMA."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from components.evaluation.chance.intervals import Confusion, interval
from components.evaluation.chance.spread import LEAST_KEYS
from components.evaluation.classes import Measured, measure_classes, read_matrix
from components.evaluation.config import AREA, CLASS_CONFUSION, CONFUSION, METRICS
from components.evaluation.metric import Check, Metric
from components.evaluation.residuals import Coverage, ResidualBand
from components.model.folder import Model
from components.model.sections import Split, Threshold
from components.model.task import TaskName


@dataclass(frozen=True)
class RocPoint:
    """Rates on all rows at a threshold: of label 1, or of one class against the rest."""

    threshold: float
    false_positive_rate: float
    true_positive_rate: float
    of: str = ""
    """The class; empty where there are two labels."""


@dataclass(frozen=True)
class Matrix:
    """Rows of a slice by class and by the class that the model takes them for: that with the highest score."""

    slice: dict[str, str]
    counts: tuple[tuple[float, ...], ...]
    """[actual][predicted]"""


@dataclass(frozen=True)
class CalibrationBucket:
    """Rows whose predictions fall into one bucket."""

    mean_prediction: float
    mean_label: float
    count: float


@dataclass(frozen=True)
class SplitMetrics:
    """What a version came to on a split."""

    split: str
    version: int | None
    """The champion's number; None is the version that is judged."""
    metrics: tuple[Metric, ...]


@dataclass(frozen=True)
class ChampionResult:
    """What the version was held against."""

    version: int | None = None
    """None where there is no champion."""
    notes: tuple[str, ...] = ()
    """What is to be said of the comparison, or why there is none, in whole sentences."""
    is_better: bool = False
    """Whether nothing but the champion stands in the version's way: it is kept as a candidate."""


@dataclass(frozen=True)
class Results:
    """All of it: of the eval split, but for `others`."""

    blessed: bool
    metrics: tuple[Metric, ...]
    checks: tuple[Check, ...]
    roc: tuple[RocPoint, ...]
    calibration: tuple[CalibrationBucket, ...]
    classes: tuple[str, ...] = ()
    matrices: tuple[Matrix, ...] = ()
    """One for each slice; only of several classes, which have no calibration."""
    bands: tuple[ResidualBand, ...] = ()
    """Only of numbers."""
    others: tuple[SplitMetrics, ...] = ()
    """The version's own metrics on the newest spans and in training, and the champion's on the rows of both."""
    champion: ChampionResult = ChampionResult()

    @property
    def is_candidate(self) -> bool:
        """Whether the version is worth keeping: it keeps all thresholds, even if the champion is better."""
        return self.blessed or self.champion.is_better

    def of(self, split: str, version: int | None = None) -> tuple[Metric, ...]:
        """The metrics of the version that is judged, or of the champion by its number, on a split."""
        if (split, version) == (Split.EVAL, None):
            return self.metrics
        return next((one.metrics for one in self.others if (one.split, one.version) == (split, version)), ())

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
        classes=tuple(document["classes"]),
        matrices=tuple(Matrix(item["slice"], tuple(map(tuple, item["counts"]))) for item in document["matrices"]),
        bands=tuple(_band(**one) for one in document.get("bands", ())),
        others=tuple(SplitMetrics(**one | {"metrics": tuple(Metric(**item) for item in one["metrics"])}) for one in document["others"]),
        champion=ChampionResult(**document["champion"] | {"notes": tuple(document["champion"]["notes"])}),
    )


def _band(residuals: Sequence[float], coverages: Sequence[dict[str, Any]] = (), **means: float) -> ResidualBand:
    return ResidualBand(residuals=tuple(residuals), coverages=tuple(Coverage(**one) for one in coverages), **means)


def load_results(model: Model, folder: Path, *, blessed: bool) -> Results:
    """The results that TFMA wrote into `folder`. Blessed is what TFMA blessed and what keeps the thresholds that it cannot hold."""
    import tensorflow_model_analysis as tfma

    evaluated = tfma.load_eval_result(str(folder))
    slices = [(_text(dict(slice_key)), found[""]) for slice_key, found in evaluated.slicing_metrics]
    metrics = _all_metrics(model, slices)
    plots: dict[str, Any] = next((found[""] for slice_key, found in evaluated.plots if found and not slice_key), {})
    checks = tuple(check_threshold(threshold, metrics) for threshold in model.evaluation.thresholds if threshold.split == Split.EVAL)
    return Results(
        blessed=blessed and all(check.passed for check in checks),
        metrics=metrics,
        checks=checks,
        roc=tuple(point for place, of in enumerate(model.classes or ("",)) for point in _roc(_of_class(model, plots, place), of)),
        calibration=_calibration(plots.get("", {}).get("calibrationHistogramBuckets", {}).get("buckets", [])),
        classes=model.classes,
        matrices=tuple(_matrix(model, slice_, found) for slice_, found in slices) if model.classes else (),
    )


def load_metrics(model: Model, folder: Path) -> tuple[Metric, ...]:
    """The metrics alone that TFMA wrote into `folder`, by name and slice."""
    import tensorflow_model_analysis as tfma

    evaluated = tfma.load_eval_result(str(folder))
    return _all_metrics(model, [(_text(dict(slice_key)), found[""]) for slice_key, found in evaluated.slicing_metrics])


def _all_metrics(model: Model, slices: Sequence[tuple[dict[str, str], dict[str, Any]]]) -> tuple[Metric, ...]:
    metrics = [metric for slice_, found in slices for metric in _metrics(model, slice_, found)]
    return tuple(sorted(metrics, key=lambda metric: (metric.name, sorted(metric.slice.items()))))


def _text(slice_: dict[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in slice_.items()}


def _of_class(model: Model, found: dict[str, Any], place: int) -> dict[str, Any]:
    """TFMA's part of what it found: of all, or of a class."""
    of: dict[str, Any] = found.get(f"classId:{place}" if model.classes else "", {})
    return of


def _metrics(model: Model, slice_: dict[str, str], found: dict[str, Any]) -> list[Metric]:
    rows = int(found[""]["example_count"]["doubleValue"])
    measured = _MEASURED[model.task_name](model, found)
    metrics = [Metric("example_count", slice_, float(rows), None, None, rows)]
    for name, (value, bounds) in measured.items():
        low, high = bounds or (None, None)
        metrics.append(Metric(name, slice_, value, low, high, rows))
    return metrics


def _of_numbers(model: Model, found: dict[str, Any]) -> dict[str, Measured]:
    """Without intervals: those are by key alone."""
    return {name: (_number(found[""][name]), None) for name in model.metrics if name != "example_count"}


def _of_two(model: Model, of_classes: dict[str, Any]) -> dict[str, Measured]:  # noqa: ARG001
    found = of_classes[""]
    matrix = found[CONFUSION]["confusionMatrixAtThresholds"]["matrices"][0]
    names = ("truePositives", "falsePositives", "trueNegatives", "falseNegatives")
    counts = Confusion(*(float(matrix.get(name, 0.0)) for name in names))
    measured = {}
    for name in (name for name in METRICS if name != "example_count"):
        is_defined = name != "auc" or (counts.positives > 0 and counts.negatives > 0)  # TFMA says 0 where there is one class
        value = _number(found[name]) if is_defined else math.nan
        measured[name] = value, interval(name, value, counts)
    return measured


def _of_classes(model: Model, found: dict[str, Any]) -> dict[str, Measured]:
    areas = [_number(_of_class(model, found, place)[AREA]) for place in range(len(model.classes))]
    return measure_classes(model.classes, _counts(model, found), areas)


_MEASURED = {TaskName.BINARY: _of_two, TaskName.CLASSES: _of_classes, TaskName.REGRESSION: _of_numbers}


def _number(value: dict[str, Any]) -> float:
    return float(value.get("doubleValue", "nan"))


def _counts(model: Model, found: dict[str, Any]) -> np.ndarray:
    return read_matrix(found[""][CLASS_CONFUSION]["multiClassConfusionMatrixAtThresholds"], len(model.classes))


def _matrix(model: Model, slice_: dict[str, str], found: dict[str, Any]) -> Matrix:
    return Matrix(slice_, tuple(map(tuple, _counts(model, found)[:, :-1].tolist())))


def check_threshold(threshold: Threshold, metrics: Sequence[Metric]) -> Check:
    """Hold a metric against a bound of model.toml.

    On the newest spans, which may be few rows, a value that is not defined or of fewer than 20 rows is not judged: it says nothing.
    """
    rule = " and ".join(f"{sign} {bound:g}" for sign, bound in ((">=", threshold.at_least), ("<=", threshold.at_most)) if bound is not None)
    found = next((m for m in metrics if m.name == threshold.metric and m.slice == threshold.slice), None)
    value = found.value if found else None
    check = Check(threshold.metric, dict(threshold.slice), rule, value, _keeps(threshold, value), split=threshold.split.value)
    if threshold.split == Split.NEWEST and (found is None or math.isnan(found.value) or (found.example_count or 0) < LEAST_KEYS):
        return replace(check, passed=True, note="not judged: too few rows of the newest spans tell")
    return check


def _keeps(threshold: Threshold, value: float | None) -> bool:
    return (
        value is not None
        and (threshold.at_least is None or value >= threshold.at_least)
        and (threshold.at_most is None or value <= threshold.at_most)
    )


def _roc(plots: dict[str, Any], of: str) -> tuple[RocPoint, ...]:
    points = []
    for matrix in plots.get("confusionMatrixAtThresholds", {}).get("matrices", []):
        positives = float(matrix.get("truePositives", 0)) + float(matrix.get("falseNegatives", 0))
        negatives = float(matrix.get("falsePositives", 0)) + float(matrix.get("trueNegatives", 0))
        if positives and negatives:
            rates = float(matrix.get("falsePositives", 0)) / negatives, float(matrix.get("truePositives", 0)) / positives
            points.append(RocPoint(float(matrix.get("threshold", 0)), *rates, of))
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
