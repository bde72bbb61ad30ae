"""The evaluation of three classes, and a network that says what it is told."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.evaluation.evaluator import Judged
from components.evaluation.judge import evaluate, refusal
from components.evaluation.metric import Check
from components.evaluation.results import Results, read_results
from components.examples.encode import TFRecordFile, encode_examples
from components.model.folder import Model, read_model
from components.settings import Settings
from tests.components.artifacts import Artifact, artifact, examples_artifact
from tests.components.visits import write_model

pytestmark = pytest.mark.slow

CLASSES = ("low", "middle", "high")
DEVICES = {"phone": 700, "desk": 200, "tv": 10}
TASK = {
    'task = "binary_classification"': 'task = "multiclass_classification"',
    'label = "returned"': 'label = "returned"\nclasses = ["low", "middle", "high"]',
}


def scored() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Devices, labels and scores [rows, 3]: phones are told well, desks badly, and televisions are all low."""
    random = np.random.default_rng(1)
    devices = np.repeat(list(DEVICES), list(DEVICES.values()))
    labels = np.where(devices == "tv", 0, random.choice(3, len(devices), p=(0.5, 0.3, 0.2)))
    weights = random.random((len(devices), 3)) + np.eye(3)[labels] * np.where(devices == "desk", 0.1, 0.8)[:, None]
    return devices, labels, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    devices, labels, scores = scored()
    columns = {"device": devices, "returned": labels} | {f"score_{place}": scores[:, place] for place in range(3)}
    folder = tmp_path_factory.mktemp("examples")
    (folder / "Split-eval").mkdir()
    with TFRecordFile(folder / "Split-eval" / "data_tfrecord-20260304.gz") as file:
        file.write(encode_examples(pa.RecordBatch.from_pydict(columns)).to_pylist())
    return examples_artifact(folder, "eval")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    import tensorflow as tf

    specification = {f"score_{place}": tf.io.FixedLenFeature([1], tf.float32) for place in range(3)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])  # type: ignore[untyped-decorator]
    def score(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        found = tf.io.parse_example(serialized, specification)
        return {"score": tf.concat([found[f"score_{place}"] for place in range(3)], axis=1)}

    folder = tmp_path_factory.mktemp("network")
    module = tf.Module()
    module.score = score
    tf.saved_model.save(module, str(folder / "Format-Serving"), signatures={"serving_default": score})
    return artifact(folder, tfx_type="Model")


Judge = Callable[..., tuple[Model, Results]]


@pytest.fixture(scope="module")
def judge(examples: Artifact, network: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    def judge(*thresholds: str) -> tuple[Model, Results]:
        folder = tmp_path_factory.mktemp("judged")
        write_model(folder, toml=TASK | {'metric = "auc"\nat_least = 0.6': "\n\n[[evaluation.thresholds]]\n".join(thresholds)})
        model = read_model(folder, "visits")
        evaluation, blessing = artifact(folder / "evaluation"), artifact(folder / "blessing")
        beam_args = Settings.model_fields["beam_args"].default
        return model, evaluate(model, Judged(examples, network, evaluation, blessing), beam_args=beam_args)

    return judge


@pytest.fixture(scope="module")
def blessed(judge: Judge) -> Results:
    return judge(
        'metric = "auc_of_low"\nat_least = 0.8',  # TFMA's own
        'metric = "auc_of_low"\nslice = { device = "desk" }\nat_most = 0.8',
        'metric = "example_count"\nslice = { device = "tv" }\nat_most = 10',
        'metric = "accuracy"\nat_least = 0.6',  # ours
        'metric = "recall_of_high"\nslice = { device = "phone" }\nat_least = 0.6',
    )[1]


def value(results: Results, name: str, **slice_: str) -> float:
    return next(metric.value for metric in results.metrics if metric.name == name and metric.slice == slice_)


def area(is_positive: np.ndarray, scores: np.ndarray) -> float:
    """The Mann-Whitney statistic."""
    above = scores[is_positive][:, None] - scores[~is_positive][None, :]
    return float((above > 0).mean() + (above == 0).mean() / 2)


@pytest.mark.parametrize("device", [None, "phone", "desk"])
def test_metrics_are_those_of_the_scores(blessed: Results, device: str | None) -> None:
    devices, labels, scores = scored()
    chosen = devices == device if device else np.ones(len(devices), bool)
    labels, scores, slice_ = labels[chosen], scores[chosen], {"device": device} if device else {}
    guesses = scores.argmax(axis=1)
    assert value(blessed, "accuracy", **slice_) == pytest.approx((labels == guesses).mean())
    for place, name in enumerate(CLASSES):
        hits = ((labels == place) & (guesses == place)).sum()
        assert value(blessed, f"precision_of_{name}", **slice_) == pytest.approx(hits / (guesses == place).sum())
        assert value(blessed, f"recall_of_{name}", **slice_) == pytest.approx(hits / (labels == place).sum())
        assert value(blessed, f"auc_of_{name}", **slice_) == pytest.approx(area(labels == place, scores[:, place]), abs=2e-3)
    for measure in ("auc", "precision", "recall", "f1"):
        each = [value(blessed, f"{measure}_of_{name}", **slice_) for name in CLASSES]
        assert value(blessed, f"macro_{measure}", **slice_) == pytest.approx(np.mean(each))


def test_all_metrics_of_all_slices_are_there_under_the_names_of_the_model(blessed: Results, judge: Judge) -> None:
    names = ["example_count", "accuracy", *(f"macro_{measure}" for measure in ("auc", "precision", "recall", "f1"))]
    names += [f"{measure}_of_{name}" for name in CLASSES for measure in ("auc", "precision", "recall", "f1")]
    for slice_ in ({}, *({"device": device} for device in DEVICES)):
        found = [metric for metric in blessed.metrics if metric.slice == slice_]
        assert sorted(metric.name for metric in found) == sorted(names)
        assert {metric.example_count for metric in found} == {DEVICES[slice_["device"]] if slice_ else 910}


def test_the_matrix_has_every_row_once(blessed: Results, tmp_path: Path) -> None:
    _, labels, scores = scored()
    whole = next(matrix for matrix in blessed.matrices if not matrix.slice)
    wanted = np.zeros((3, 3))
    np.add.at(wanted, (labels, scores.argmax(axis=1)), 1)
    assert np.array(whole.counts).tolist() == wanted.tolist()
    assert len(blessed.matrices) == 1 + len(DEVICES)
    blessed.write(tmp_path / "results.json")
    assert str(read_results(tmp_path / "results.json")) == str(blessed)


def test_a_slice_of_one_class_has_no_area(blessed: Results) -> None:
    assert all(np.isnan(value(blessed, name, device="tv")) for name in ("auc_of_low", "auc_of_high", "macro_auc", "recall_of_high"))
    assert value(blessed, "recall_of_low", device="tv") == value(blessed, "accuracy", device="tv")


def test_there_is_a_curve_of_each_class(blessed: Results) -> None:
    assert {point.of for point in blessed.roc} == set(CLASSES)
    assert blessed.calibration == ()


def test_thresholds_are_held_on_classes_and_slices(blessed: Results) -> None:
    assert blessed.blessed
    assert blessed.checks[2] == Check("example_count", {"device": "tv"}, "<= 10", 10.0, passed=True)
    assert all(check.passed for check in blessed.checks)


def test_thresholds_that_tfma_cannot_hold_are_held(judge: Judge) -> None:
    model, results = judge(
        'metric = "auc_of_low"\nat_least = 0.1',
        'metric = "recall_of_high"\nslice = { device = "desk" }\nat_least = 0.9',
        'metric = "macro_auc"\nslice = { device = "tv" }\nat_least = 0.1',
    )
    assert not results.blessed
    assert [check.passed for check in results.checks] == [True, False, False]
    assert results.checks[2].value is not None
    assert np.isnan(results.checks[2].value)
    assert refusal(model, results).startswith("blocked: recall_of_high on device=desk is 0.")
    assert "model.toml of visits wants >= 0.9, and 1 more; " in refusal(model, results)
