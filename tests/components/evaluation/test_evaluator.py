"""Both roads of the evaluation on the same rows: every number that TFMA's readers find is equal."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.errors import TaskError
from components.evaluation.config import METRICS, MODULE, OURS, PLOTS, REGRESSION_METRICS, eval_config
from components.model.folder import read_model
from tests.components.evaluation.evaluated import assert_equal, save_network, take, take_both, write_examples
from tests.components.visits import write_model

pytestmark = pytest.mark.slow

SLICES = ((), ("device",), ("pages",), ("heat",), ("device", "pages"))
CLASSES = 3
PLAIN_METRICS = [{"className": name} for name in METRICS.values()] + [dict(plot) for plot in PLOTS]


@dataclass(frozen=True)
class Case:
    """Rows, and what is asked of them."""

    rows: pa.RecordBatch
    metrics: list[dict[str, Any]]
    model_spec: Mapping[str, str] = field(default_factory=dict)
    numbers: int = 1
    """That there are at least."""

    def config(self) -> str:
        return config(self.metrics, **self.model_spec)


def config(specs: list[dict[str, Any]], **model_spec: str) -> str:
    return json.dumps(
        {
            "modelSpecs": [{"labelKey": "returned", "signatureName": "serving_default", **model_spec}],
            "slicingSpecs": [{"featureKeys": list(names)} for names in SLICES],
            "metricsSpecs": specs,
        }
    )


def bound(metric: dict[str, Any], device: str | None, low: float, high: float = 1e9) -> dict[str, Any]:
    """With a threshold on a device, or on all rows."""
    slice_ = {"featureValues": {"device": device}} if device else {}
    threshold = {"slicingSpecs": [slice_], "threshold": {"valueThreshold": {"lowerBound": low, "upperBound": high}}}
    return {**metric, "perSliceThresholds": [*metric.get("perSliceThresholds", []), threshold]}


def visits(rows: int, **columns: object) -> pa.RecordBatch:
    """Devices and heats have gaps, a television never returns, and there is one fax alone."""
    chance = np.random.default_rng(rows)
    device = np.array(["phone", "desk", "tv", None], object)[chance.integers(0, 4, rows)]
    device[0] = "fax"
    returned = np.where(device == "tv", 0, chance.integers(0, 2, rows))
    drawn: dict[str, object] = {
        "device": pa.array(device.tolist(), pa.string()),
        "pages": chance.integers(0, 3, rows),
        "heat": pa.array(chance.integers(0, 3, rows) / 10, pa.float32(), mask=chance.random(rows) < 0.1),
        "returned": returned,
        "weight": pa.array(chance.integers(0, 4, rows) / 2, pa.float32()),
        "score_0": np.clip(0.4 * returned + 0.6 * chance.random(rows), 0, 1).astype(np.float32),
    }
    return pa.RecordBatch.from_pydict(drawn | columns)


def visits_of_classes(rows: int) -> pa.RecordBatch:
    """A tenth has no score at all, and a tenth the same for two classes."""
    chance = np.random.default_rng(rows)
    base = visits(rows)
    labels = np.where(np.asarray(base.column("device").to_pylist(), object) == "tv", 0, chance.integers(0, CLASSES, rows))
    scores = chance.random((rows, CLASSES)).astype(np.float32) + np.eye(CLASSES, dtype=np.float32)[labels]
    scores /= scores.sum(axis=1, keepdims=True)
    scores[: rows // 10] = 0.0
    scores[rows // 10 : rows // 5, 1] = scores[rows // 10 : rows // 5, 0]
    columns = dict(zip(base.schema.names, base.columns, strict=True)) | {"returned": pa.array(labels)}
    return pa.RecordBatch.from_pydict(columns | {f"score_{place}": scores[:, place] for place in range(CLASSES)})


def metrics(*more: dict[str, Any], **changes: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of a binary model, some with a threshold."""
    return [{"metrics": [*(changes.get(metric["className"], metric) for metric in PLAIN_METRICS), *more]}]


def metrics_of_classes() -> list[dict[str, Any]]:
    matrix = {"className": "MultiClassConfusionMatrixAtThresholds", "config": json.dumps({"thresholds": [0.1]})}
    whole = {"metrics": [bound({"className": "ExampleCount"}, None, 1), matrix]}
    area = [bound({"className": "AUC"}, "phone", 0.2), dict(PLOTS[0])]
    return [whole, *({"binarize": {"classIds": {"values": [place]}}, "metrics": area} for place in range(CLASSES))]


def metrics_of_numbers(*bounds: dict[str, Any]) -> list[dict[str, Any]]:
    of = [{"className": name, **({"module": MODULE} if name in OURS else {})} for name in REGRESSION_METRICS.values()]
    bounded = {one["className"]: one for one in bounds}
    return [{"metrics": [bounded.get(one["className"], one) for one in of]}]


def amounts(rows: int, **columns: object) -> pa.RecordBatch:
    """Labels that are numbers of either sign, and predictions near them."""
    chance = np.random.default_rng(rows)
    labels = (10 * chance.normal(size=rows) + 3).astype(np.float32)
    predicted = (labels + chance.normal(size=rows)).astype(np.float32)
    return visits(rows, **{"returned": labels, "score_0": predicted, **columns})


AT = {"className": "ConfusionMatrixAtThresholds", "config": json.dumps({"thresholds": [0.1, 0.5, 0.7]})}
KEPT = bound(bound({"className": "AUC"}, None, 0.1), "phone", 0.1)
BROKEN = bound({"className": "AUC"}, "desk", 0.999)
OF_NO_ROWS = bound({"className": "Precision"}, "telex", 0.1)
EDGES = np.array([-0.5, 0.0, 1e-9, 0.5, 0.49999997, 1.0, 1.0000001, 7.0, np.inf, 0.9999], np.float32)

CASES = {
    "thresholds are kept": Case(visits(900), metrics(AT, AUC=KEPT), numbers=10_000),
    "a threshold is broken, another has no rows": Case(visits(300), metrics(AUC=BROKEN, Precision=OF_NO_ROWS)),
    "rows have weights, some none": Case(visits(500), metrics(AT, AUC=KEPT), {"exampleWeightKey": "weight"}),
    "there is one row": Case(visits(1), metrics(AT, AUC=KEPT)),
    "there are no positives": Case(visits(50, returned=np.zeros(50, np.int64)), metrics(AT, AUC=KEPT)),
    "there are no negatives, labels are floats": Case(visits(50, returned=np.ones(50, np.float32)), metrics(AT)),
    "scores are at and beyond the edges": Case(visits(500, score_0=np.tile(EDGES, 50)), metrics(AT, AUC=KEPT)),
    "there are three classes": Case(visits_of_classes(700), metrics_of_classes(), numbers=10_000),
    "one row of three classes": Case(visits_of_classes(1), metrics_of_classes()),
    "labels are numbers": Case(amounts(700), metrics_of_numbers(bound({"className": "MeanAbsoluteError"}, None, 0.0, 2.0)), numbers=50),
    "numbers have weights, some none": Case(amounts(700), metrics_of_numbers(), {"exampleWeightKey": "weight"}),
    "labels are whole numbers": Case(amounts(300, returned=np.arange(300) % 17 - 5), metrics_of_numbers()),
    "an error is too large": Case(amounts(300), metrics_of_numbers(bound({"className": "MeanSquaredError"}, "desk", 0.0, 0.01))),
    "numbers are all alike": Case(amounts(50, returned=np.full(50, 0.1, np.float32)), metrics_of_numbers()),
    "numbers are large": Case(amounts(50, returned=np.linspace(1e6, 2e6, 50, dtype=np.float32)), metrics_of_numbers()),
    "one row of numbers": Case(amounts(1), metrics_of_numbers()),
}


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
    return {
        outputs: save_network(tmp_path_factory.mktemp("network"), [f"score_{place}" for place in range(outputs)])
        for outputs in (1, CLASSES)
    }


def network_of(case: Case, networks: dict[int, Any]) -> Any:
    return networks[sum(name.startswith("score_") for name in case.rows.schema.names)]


@pytest.mark.parametrize("name", CASES)
def test_both_roads_find_the_same(name: str, tmp_path: Path, networks: dict[int, Any], caplog: pytest.LogCaptureFixture) -> None:
    case = CASES[name]
    half = case.rows.num_rows // 2
    examples = write_examples(tmp_path / "examples", *(part for part in (case.rows[:half], case.rows[half:]) if part.num_rows))
    stock, ours = take_both(tmp_path, case.config(), examples, network_of(case, networks))
    assert "the stock Evaluator runs" not in caplog.text
    assert assert_equal(stock, ours) >= case.numbers


def test_both_roads_find_the_same_in_no_rows(tmp_path: Path, networks: dict[int, Any]) -> None:
    examples = write_examples(tmp_path / "examples", [])
    stock, ours = take_both(tmp_path, config(metrics(AUC=KEPT)), examples, networks[1])
    assert_equal(stock, ours)
    assert ours.blessed == ["NOT_BLESSED"]


@pytest.mark.parametrize(
    "change",
    [
        {'metric = "auc"\nat_least = 0.6': 'metric = "auc"\nat_least = 0.1'},
        {
            'task = "binary_classification"': 'task = "multiclass_classification"',
            'label = "returned"': 'label = "returned"\nclasses = ["low", "middle", "high"]',
            'metric = "auc"': 'metric = "macro_auc"',
        },
        {'"binary_classification"': '"regression"', 'metric = "auc"\nat_least = 0.6': 'metric = "r_squared"\nat_least = 0.1'},
    ],
    ids=["binary", "classes", "numbers"],
)
def test_both_roads_find_the_same_of_a_model(change: Mapping[str, str], tmp_path: Path, networks: dict[int, Any]) -> None:
    write_model(tmp_path, toml={**change, '[["device"]]': '[["device"], ["device", "pages"]]'})
    model = read_model(tmp_path, "visits")
    rows = visits_of_classes(400) if model.classes else amounts(400) if model.task.is_regression else visits(400)
    examples = write_examples(tmp_path / "examples", rows)
    stock, ours = take_both(tmp_path, eval_config(model), examples, networks[CLASSES if model.classes else 1])
    assert assert_equal(stock, ours) > (100 if model.task.is_regression else 1_000)


def features(**values: list[Any]) -> bytes:
    """A serialised example, whose features may have any number of values."""
    import tensorflow as tf

    kinds = {int: ("int64_list", tf.train.Int64List), float: ("float_list", tf.train.FloatList), bytes: ("bytes_list", tf.train.BytesList)}
    made = {}
    for name, several in values.items():
        kind, cls = kinds[type(several[0])]
        made[name] = tf.train.Feature(**{kind: cls(value=several)})
    return bytes(tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString())


def one(**values: list[Any]) -> bytes:
    plain: dict[str, list[Any]] = {"device": [b"tv"], "pages": [1], "heat": [0.1], "returned": [1], "score_0": [0.7]}
    return features(**plain | values)


ODD = {
    "several values of device in a row": [one(), one(device=[b"tv", b"desk"])],
    "a label other than 0 and 1": [one(returned=[0.0]), one(returned=[0.25]), one(returned=[1.0])],
}


@pytest.mark.parametrize("reason", ODD)
def test_odd_rows_are_left_to_the_stock_evaluator(
    reason: str, tmp_path: Path, networks: dict[int, Any], caplog: pytest.LogCaptureFixture
) -> None:
    examples = write_examples(tmp_path / "examples", ODD[reason])
    with caplog.at_level(logging.WARNING):
        stock, ours = take_both(tmp_path, config(metrics(AUC=KEPT)), examples, networks[1])
    assert f"the stock Evaluator runs, which takes longer: only it knows {reason}" in caplog.text
    assert_equal(stock, ours)


def test_a_bound_on_a_metric_of_ours_is_held_by_tfma(tmp_path: Path, networks: dict[int, Any]) -> None:
    examples = write_examples(tmp_path / "examples", amounts(200))
    for low, blessed in ((0.5, "BLESSED"), (0.9999, "NOT_BLESSED")):
        root = bound({"className": "RSquared", "module": MODULE}, None, low, 1.0)
        road = take(tmp_path / blessed, config(metrics_of_numbers(root)), examples, networks[1], stock=False)
        assert road.blessed == [blessed]


def test_a_predicted_number_that_is_none_is_said(tmp_path: Path, networks: dict[int, Any]) -> None:
    examples = write_examples(tmp_path / "examples", amounts(4, score_0=np.array([0.1, np.nan, 0.3, 7.0], np.float32)))
    with pytest.raises(TaskError, match=r"^the model predicts 1 of 4 rows as NaN, which no metric can count: mend features.py"):
        take(tmp_path, config(metrics_of_numbers()), examples, networks[1], stock=False)


def test_a_score_that_is_no_number_is_said(tmp_path: Path, networks: dict[int, Any]) -> None:
    scores = np.array([0.1, np.nan, 0.3, np.nan], np.float32)
    examples = write_examples(tmp_path / "examples", visits(4, score_0=scores))
    with pytest.raises(TaskError, match=r"^the model scores 2 of 4 rows as NaN, which no metric can count: mend features.py or network.py"):
        take(tmp_path, config(metrics(AUC=KEPT)), examples, networks[1], stock=False)
    assert not (tmp_path / "evaluation").exists()
