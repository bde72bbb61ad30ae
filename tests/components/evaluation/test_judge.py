"""The evaluation of a network that says what it is told: thresholds hold on their own slice, and only there."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.evaluation.evaluator import Judged
from components.evaluation.judge import evaluate, refusal
from components.evaluation.metric import Check, Metric
from components.evaluation.results import Results, read_results
from components.examples.encode import TFRecordFile, encode_examples
from components.model.folder import Model, read_model
from components.settings import Settings
from tests.components.artifacts import Artifact, artifact, examples_artifact
from tests.components.visits import write_model

pytestmark = pytest.mark.slow

ROWS = {"phone": 900, "desk": 100, "tv": 8}
RANDOM = np.random.default_rng(1)


def rows() -> pa.RecordBatch:
    """Phones are scored well, desks at random, and televisions never return."""
    devices = np.repeat(list(ROWS), list(ROWS.values()))
    returned = np.where(devices == "tv", 0, RANDOM.integers(0, 2, len(devices)))
    noise = RANDOM.random(len(devices))
    scores = np.where(devices == "phone", 0.4 * returned + 0.6 * noise, np.where(devices == "tv", 0.1, noise))
    return pa.RecordBatch.from_pydict({"device": devices, "returned": returned, "seconds": scores, "pages": np.arange(len(devices)) % 3})


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("examples")
    (folder / "Split-eval").mkdir()
    with TFRecordFile(folder / "Split-eval" / "data_tfrecord-20260304.gz") as file:
        file.write(encode_examples(rows()).to_pylist())
    return examples_artifact(folder, "eval")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Its score is the feature `seconds`."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])  # type: ignore[untyped-decorator]
    def score(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"score": tf.io.parse_example(serialized, {"seconds": tf.io.FixedLenFeature([1], tf.float32)})["seconds"]}

    folder = tmp_path_factory.mktemp("network")
    module = tf.Module()
    module.score = score
    tf.saved_model.save(module, str(folder / "Format-Serving"), signatures={"serving_default": score})
    return artifact(folder, tfx_type="Model")


Judge = Callable[..., tuple[Model, Results, Artifact]]


@pytest.fixture(scope="module")
def judge(examples: Artifact, network: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    def judge(*thresholds: str) -> tuple[Model, Results, Artifact]:
        folder = tmp_path_factory.mktemp("judged")
        joined = "\n\n[[evaluation.thresholds]]\n".join(thresholds)
        write_model(folder, toml={'metric = "auc"\nat_least = 0.6': joined, '[["device"]]': '[["device"], ["pages"], ["device", "pages"]]'})
        model = read_model(folder, "visits")
        evaluation, blessing = artifact(folder / "evaluation"), artifact(folder / "blessing")
        beam_args = Settings.model_fields["beam_args"].default
        return (
            model,
            evaluate(model, Judged(examples, network, evaluation, blessing), beam_args=beam_args),
            blessing,
        )

    return judge


@pytest.fixture(scope="module")
def blessed(judge: Judge) -> tuple[Model, Results, Artifact]:
    return judge(
        'metric = "auc"\nat_least = 0.7',  # a desk's is 0.5
        'metric = "auc"\nslice = { device = "desk" }\nat_most = 0.7',  # all rows' is more
        'metric = "example_count"\nat_least = 1008\nat_most = 1008',
        'metric = "example_count"\nslice = { device = "tv" }\nat_most = 8',
        'metric = "example_count"\nslice = { pages = "1" }\nat_least = 336\nat_most = 336',  # a number
        'metric = "example_count"\nslice = { pages = "0", device = "desk" }\nat_least = 34\nat_most = 34',
    )


def value(results: Results, name: str, **slice_: str) -> Metric:
    return next(metric for metric in results.metrics if metric.name == name and metric.slice == slice_)


def test_a_threshold_on_all_rows_does_not_hold_a_slice_back(blessed: tuple[Model, Results, Artifact]) -> None:
    _, results, blessing = blessed
    assert results.blessed
    assert blessing.metadata["blessed"] == 1
    assert value(results, "auc").value > 0.7 > value(results, "auc", device="desk").value
    assert all(check.passed for check in results.checks)


def test_bounds_may_be_met_exactly(blessed: tuple[Model, Results, Artifact]) -> None:
    _, results, _ = blessed
    assert results.checks[2:4] == (
        Check("example_count", {}, ">= 1008 and <= 1008", 1008.0, passed=True),
        Check("example_count", {"device": "tv"}, "<= 8", 8.0, passed=True),
    )


def test_slices_may_be_of_numbers_and_of_several_columns(blessed: tuple[Model, Results, Artifact]) -> None:
    _, results, _ = blessed
    assert results.checks[4:] == (
        Check("example_count", {"pages": "1"}, ">= 336 and <= 336", 336.0, passed=True),
        Check("example_count", {"pages": "0", "device": "desk"}, ">= 34 and <= 34", 34.0, passed=True),
    )


def test_metrics_are_those_of_the_scores(blessed: tuple[Model, Results, Artifact]) -> None:
    _, results, _ = blessed
    assert {metric.name for metric in results.metrics} == {"example_count", "auc", "binary_accuracy", "precision", "recall", "calibration"}
    assert len(results.metrics) == 6 * (1 + 3 + 3 + 9)
    by_device = {metric.slice.get("device"): metric.example_count for metric in results.metrics if "pages" not in metric.slice}
    assert by_device.pop(None) == 1008
    assert by_device == ROWS
    for device in ROWS:
        share = value(results, "binary_accuracy", device=device)
        assert share.ci_low is not None
        assert share.ci_high is not None
        assert share.ci_low < share.value < share.ci_high or share.value == 1.0


def test_a_slice_of_one_class_has_no_area(blessed: tuple[Model, Results, Artifact], tmp_path: Path) -> None:
    _, results, _ = blessed
    found = value(results, "auc", device="tv")
    assert np.isnan(found.value)
    assert (found.ci_low, found.ci_high, found.example_count) == (None, None, 8)
    results.write(tmp_path / "results.json")
    again = read_results(tmp_path / "results.json")
    assert np.isnan(value(again, "auc", device="tv").value)
    assert json.dumps(str(again)) == json.dumps(str(results))


def test_curves_are_those_of_all_rows(blessed: tuple[Model, Results, Artifact]) -> None:
    _, results, _ = blessed
    assert sum(bucket.count for bucket in results.calibration) == 1008
    rates = [(point.false_positive_rate, point.true_positive_rate) for point in sorted(results.roc, key=lambda point: point.threshold)]
    assert rates[0] == (1.0, 1.0)
    assert rates == sorted(rates, reverse=True)
    assert all(0 <= bucket.mean_prediction <= 1 and 0 <= bucket.mean_label <= 1 for bucket in results.calibration)


def test_every_broken_threshold_is_found(judge: Judge) -> None:
    model, results, blessing = judge(
        'metric = "auc"\nat_least = 0.6',
        'metric = "auc"\nat_most = 0.65',
        'metric = "auc"\nslice = { device = "desk" }\nat_least = 0.7',
        'metric = "auc"\nslice = { device = "tv" }\nat_least = 0.1',
        'metric = "auc"\nslice = { device = "fax" }\nat_least = 0.1',
    )
    assert not results.blessed
    assert blessing.metadata["blessed"] == 0
    assert [check.passed for check in results.checks] == [True, False, False, False, False]
    assert [check.value is None for check in results.checks] == [False, False, False, False, True]
    assert refusal(model, results).startswith("blocked: auc on all rows is 0.")
    assert "wants <= 0.65, and 3 more; see the report" in refusal(model, results)


def test_each_broken_threshold_alone_is_enough(judge: Judge) -> None:
    for threshold in (
        'metric = "auc"\nslice = { device = "fax" }\nat_least = 0.1',
        'metric = "auc"\nat_least = 0.6\n\n[[evaluation.thresholds]]\nmetric = "auc"\nat_most = 0.65',
    ):
        _, results, _ = judge(threshold)
        assert not results.blessed
        assert not all(check.passed for check in results.checks)
