"""Sums over rows: how rows are cut into batches changes no bit."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.errors import TaskError
from components.evaluation.config import METRICS, MODULE, OURS, PLOTS, REGRESSION_METRICS
from components.measurement import tfma_private
from components.measurement.measurement import Measurement
from components.measurement.slices import Slices
from components.measurement.sums import ScoredRows, StockOnlyError
from components.measurement.tfma_files import parse_config

ROWS = 3_000
SPEC = {"labelKey": "label", "signatureName": "serving_default"}
METRICS_OF_TWO = [{"className": name} for name in METRICS.values()] + [dict(plot) for plot in PLOTS]


def config(metrics: Sequence[dict[str, Any]] = METRICS_OF_TWO, **changes: Any) -> Any:
    document = {"modelSpecs": [SPEC], "slicingSpecs": [{}, {"featureKeys": ["device"]}], "metricsSpecs": [{"metrics": list(metrics)}]}
    return parse_config(json.dumps(document | changes))


def scored() -> ScoredRows:
    chance = np.random.default_rng(1)
    labels = chance.integers(0, 2, ROWS).astype(np.float64)
    scores = np.clip(0.3 * labels + 0.7 * chance.random(ROWS), 0, 1).astype(np.float32)
    devices = np.array(["phone", "desk", "tv", None], object)[np.sort(chance.integers(0, 4, ROWS))]
    return ScoredRows(labels, scores[:, None], chance.random(ROWS), {"device": pa.array(devices.tolist(), pa.string())})


def chosen(rows: ScoredRows, where: np.ndarray) -> ScoredRows:
    features = {name: column.filter(pa.array(where)) for name, column in rows.features.items()}
    return ScoredRows(rows.labels[where], rows.scores[where], rows.weights[where], features)


def metrics(measured: Measurement) -> dict[str, dict[str, str]]:
    """By slice and key, as text: NaN is then equal to itself."""
    return {str(key): {str(one): repr(value) for one, value in found.items()} for key, found in measured.metrics()}


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_the_size_of_batches_changes_no_bit(size: int) -> None:
    rows, specs = scored(), [{**SPEC, "exampleWeightKey": "weight"}]
    whole, parts = (Measurement(config(modelSpecs=specs)) for _ in range(2))
    whole.add(rows)
    for start in range(0, ROWS, size):
        parts.add(chosen(rows, (np.arange(ROWS) >= start) & (np.arange(ROWS) < start + size)))
    found = metrics(parts)
    assert found == metrics(whole)
    assert list(found) == ["()", "(('device', 'desk'),)", "(('device', 'phone'),)", "(('device', 'tv'),)"]


ONLY_STOCK: dict[str, dict[str, Any]] = {
    "min_slice_size in the configuration": {"options": {"minSliceSize": 10}},
    "compute_confidence_intervals, confidence_intervals in the configuration": {"options": {"computeConfidenceIntervals": True}},
    "cross_slicing_specs in the configuration": {"crossSlicingSpecs": [{"baselineSpec": {}}]},
    "2 models": {"modelSpecs": [{"name": "one", **SPEC}, {"name": "two", **SPEC}]},
    "model_type in the configuration": {"modelSpecs": [{**SPEC, "modelType": "tf_generic"}]},
    "slice_keys_sql in the configuration": {"slicingSpecs": [{"sliceKeysSql": "SELECT 1"}]},
    "feature_values in the configuration": {"slicingSpecs": [{"featureValues": {"device": "tv"}}]},
    "two slicing specifications with the same features": {"slicingSpecs": [{"featureKeys": ["a"]}, {"featureKeys": ["a"]}]},
    "query_key in the configuration": {"metricsSpecs": [{"queryKey": "device", "metrics": METRICS_OF_TWO[:1]}]},
    "the combiner _MeanAbsolutePercentageErrorCombiner": {"metricsSpecs": [{"metrics": [{"className": "MeanAbsolutePercentageError"}]}]},
    "averages over classes, or the part None of the outputs": {
        "metricsSpecs": [{"metrics": [{"className": "AUC"}], "aggregate": {"microAverage": True}}]
    },
    "averages over classes, or the part topK:2 of the outputs": {
        "metricsSpecs": [{"metrics": [{"className": "AUC"}], "binarize": {"topKList": {"values": [2]}}}]
    },
}


@pytest.mark.parametrize("reason", ONLY_STOCK)
def test_what_only_the_stock_evaluator_knows_is_named(reason: str) -> None:
    with pytest.raises(StockOnlyError) as refused:
        Measurement(config(**ONLY_STOCK[reason]))
    assert str(refused.value) == reason


OF_CLASSES = [
    {"metrics": [{"className": "MultiClassConfusionMatrixAtThresholds", "config": json.dumps({"thresholds": [0.4]})}]},
    {"metrics": METRICS_OF_TWO[1:], "binarize": {"classIds": {"values": [1]}}},
]


OF_NUMBERS = [{"className": name, **({"module": MODULE} if name in OURS else {})} for name in REGRESSION_METRICS.values()]


@pytest.mark.parametrize("classes", [2, 3, 0], ids=["two labels", "three classes", "numbers"])
@pytest.mark.parametrize("weight", [{}, {"exampleWeightKey": "weight"}], ids=["plain", "weighted"])
def test_sums_are_what_tfmas_own_combiners_add_up_row_by_row(classes: int, weight: dict[str, str]) -> None:
    from tensorflow_model_analysis.metrics.metric_types import StandardMetricInputs

    chance, outputs = np.random.default_rng(2), 3 if classes == 3 else 1
    labels = chance.integers(0, classes, 200) if classes else (9 * chance.normal(size=200)).astype(np.float32)
    scores = chance.random((200, outputs)).astype(np.float32)
    weights = (chance.integers(0, 4, 200) / 2).astype(np.float32)
    metrics_specs = OF_CLASSES if outputs > 1 else [{"metrics": METRICS_OF_TWO if classes else OF_NUMBERS}]
    asked = config(slicingSpecs=[{}], modelSpecs=[{**SPEC, **weight}], metricsSpecs=metrics_specs)
    plan, measured = tfma_private.plan(asked), Measurement(asked)
    measured.add(ScoredRows(labels.astype(np.float64), scores, weights.astype(np.float64), {}))
    wanted: dict[Any, Any] = {}
    for combiner in plan.combiners:
        accumulator = combiner.create_accumulator()
        for label, score, one in zip(labels, scores, weights, strict=True):
            row = {"labels": np.array([label]), "predictions": score, "example_weights": np.array([one])}
            accumulator = combiner.add_input(accumulator, StandardMetricInputs(row))
        wanted |= combiner.extract_output(accumulator)
    for computation in plan.derived:
        wanted |= computation.result(wanted)
    ((_, found),) = measured.metrics()
    assert len(found) >= 4
    assert {str(key): text(value) for key, value in found.items()} == {str(key): text(wanted[key]) for key in found}


def text(value: Any) -> str:
    """As it is written: a matrix has its entries in no order of its own."""
    return str(value.to_proto()) if hasattr(value, "to_proto") else str(value)


def test_a_label_that_is_no_class_and_outputs_that_are_not_asked_for_are_named() -> None:
    matrix = [{"className": "MultiClassConfusionMatrixAtThresholds", "config": json.dumps({"thresholds": [0.0]})}]
    rows = ScoredRows(np.array([0.0, 3.0]), np.ones((2, 3), np.float32), np.ones(2), {"device": pa.array(["a", "b"])})
    with pytest.raises(StockOnlyError, match="a label that is none of 3 classes"):
        Measurement(config(matrix)).add(rows)
    with pytest.raises(StockOnlyError, match="metrics of its only score, where a model gives 3 scores"):
        Measurement(config()).add(rows)
    with pytest.raises(StockOnlyError, match="errors, where a model gives 3 scores"):
        Measurement(config([{"className": "MeanAbsoluteError"}])).add(rows)


def test_a_score_that_is_no_number_is_refused() -> None:
    rows = ScoredRows(np.zeros(2), np.array([[0.1], [np.nan]], np.float32), np.ones(2), {"device": pa.array(["a", "b"])})
    with pytest.raises(TaskError, match=r"^the model scores 1 of 2 rows as NaN"):
        Measurement(config()).add(rows)


def test_slices_are_numbered_as_they_are_met() -> None:
    slices = Slices([[], ["b", "a"]])
    first = slices.number({"a": pa.array([b"x", b"x", None]), "b": pa.array([1, 2, 1])}, 3)
    second = slices.number({"a": pa.array([b"y", b"x"]), "b": pa.array([1, 1])}, 2)
    assert [one.tolist() for one in (*first, *second)] == [[0, 0, 0], [1, 2, -1], [0, 0], [3, 1]]
    assert slices.keys == [(), (("a", "x"), ("b", 1)), (("a", "x"), ("b", 2)), (("a", "y"), ("b", 1))]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (pa.array([0.5, float("nan")]), "NaN in a, which is sliced by"),
        (pa.array([b"\xff"]), "a value of a that is no UTF-8"),
        (pa.array(range(1_001)), "more than 1,000 slices"),
    ],
)
def test_values_that_make_no_slices_are_named(values: pa.Array, reason: str) -> None:
    with pytest.raises(StockOnlyError, match=reason):
        Slices([["a"]]).number({"a": values}, len(values))


def test_tfma_is_the_version_whose_private_names_are_used() -> None:
    import importlib.metadata

    from tensorflow_model_analysis.version import VERSION

    assert importlib.metadata.version("tensorflow-model-analysis") == VERSION == tfma_private.VERSION
