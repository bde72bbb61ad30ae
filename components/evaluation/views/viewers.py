"""What Kubeflow's viewers show of an evaluation: a few scalars, a curve and a matrix.

The metadata have the form of kfp's `Metrics` and `ClassificationMetrics`; a test holds them against kfp's own classes.
"""

import math
from pathlib import Path

from components.evaluation.results import Results
from components.tfx.artifacts import KfpArtifact

MOST_SCALARS = 12
"""More of them nobody compares side by side."""


def scalars(results: Results) -> dict[str, object]:
    """At most twelve finite metrics of all rows: those with a threshold first, then in the order in which they are computed."""
    bounded = [check.metric for check in results.checks]
    overall = {metric.name: metric.value for metric in results.metrics if not metric.slice and math.isfinite(metric.value)}
    ordered = sorted(overall, key=lambda name: (name not in bounded, list(overall).index(name)))
    return {name: overall[name] for name in ordered[:MOST_SCALARS]}


def show_classification(results: Results, classification: KfpArtifact) -> None:
    """Put the curve and the matrix into the metadata, as far as there are some. Of several classes there is a matrix only."""
    Path(classification.path).write_text("")  # an artifact without a file is never cached
    points = [point for point in results.roc if not point.of and math.isfinite(point.threshold)]
    if points:
        classification.metadata["confidenceMetrics"] = [
            {"confidenceThreshold": point.threshold, "recall": point.true_positive_rate, "falsePositiveRate": point.false_positive_rate}
            for point in points
        ]
    matrix = next((matrix.counts for matrix in results.matrices if not matrix.slice), None) or _binary_matrix(results)
    if matrix:
        specs = [{"displayName": name} for name in results.classes or ("0", "1")]
        classification.metadata["confusionMatrix"] = {"annotationSpecs": specs, "rows": [{"row": list(row)} for row in matrix]}


def _binary_matrix(results: Results) -> tuple[tuple[float, ...], ...] | None:
    """[actual][predicted] at the threshold 0.5, from accuracy, precision and recall; None where they do not determine it."""
    named = {metric.name: metric.value for metric in results.metrics if not metric.slice}
    rows, accuracy, precision, recall = (named.get(name, 0.0) for name in ("example_count", "binary_accuracy", "precision", "recall"))
    if not (precision > 0 and recall > 0 and 0 < accuracy < 1):
        return None
    positives = (1 - accuracy) * rows / (1 - recall + recall * (1 - precision) / precision)
    true_positives = recall * positives
    false_positives = true_positives * (1 - precision) / precision
    counts = (rows - positives - false_positives, false_positives), (positives - true_positives, true_positives)
    return tuple(tuple(float(round(count)) for count in row) for row in counts)
