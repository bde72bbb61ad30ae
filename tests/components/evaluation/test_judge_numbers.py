"""The evaluation of numbers, and a network that says what it is told."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.errors import ModelFolderError
from components.evaluation.evaluator import Judged
from components.evaluation.judge import evaluate, refusal
from components.evaluation.results import Results, read_results
from components.model.folder import Model, read_model
from components.settings import Settings
from tests.components.artifacts import Artifact, artifact
from tests.components.evaluation.evaluated import save_network, write_examples
from tests.components.visits import write_model

pytestmark = pytest.mark.slow

BEAM_ARGS = Settings.model_fields["beam_args"].default
DEVICES = {"phone": 700, "desk": 600, "tv": 30}


def predicted() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Devices, labels and predictions [rows]: phones are told well, desks badly, and televisions are all 5."""
    chance = np.random.default_rng(1)
    devices = np.repeat(list(DEVICES), list(DEVICES.values()))
    labels = np.where(devices == "tv", 5, 20 * chance.normal(size=len(devices)) + 10).astype(np.float32)
    noise = chance.normal(size=len(devices)) * np.where(devices == "desk", 15, 3)
    return devices, labels, (labels + noise + 1).astype(np.float32)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return save_network(tmp_path_factory.mktemp("network"), ["score_0"])


def judged(folder: Path, network: Artifact, *thresholds: str, **columns: object) -> tuple[Model, Results]:
    """With thresholds of model.toml, and columns in place of those that are usual."""
    devices, labels, scores = predicted()
    rows = pa.RecordBatch.from_pydict({"device": devices, "returned": labels, "score_0": scores, **columns})
    bounds = "\n\n[[evaluation.thresholds]]\n".join(thresholds or ('metric = "r_squared"\nat_least = 0.5',))
    write_model(folder, toml={'"binary_classification"': '"regression"', 'metric = "auc"\nat_least = 0.6': bounds})
    model = read_model(folder, "visits")
    evaluation, blessing = artifact(folder / "evaluation"), artifact(folder / "blessing")
    examples = write_examples(folder / "examples", rows)
    return model, evaluate(model, Judged(examples, network, evaluation, blessing), beam_args=BEAM_ARGS)


def value(results: Results, name: str, **slice_: str) -> float:
    return next(metric.value for metric in results.metrics if metric.name == name and metric.slice == slice_)


def test_metrics_are_those_of_labels_and_predictions(tmp_path: Path, network: Artifact) -> None:
    _, results = judged(tmp_path, network)
    devices, labels, scores = predicted()
    for device in (None, "phone", "desk"):
        chosen = devices == device if device else np.ones(len(devices), bool)
        truth, said = labels[chosen].astype(np.float64), scores[chosen].astype(np.float64)
        slice_ = {"device": device} if device else {}
        squared = float(((truth - said) ** 2).mean())
        wanted = {
            "mean_squared_error": squared,
            "root_mean_squared_error": squared**0.5,
            "mean_absolute_error": float(np.abs(truth - said).mean()),
            "r_squared": 1 - squared / float(truth.var()),
            "calibration": float(said.sum() / truth.sum()),
            "mean_prediction": float(said.mean()),
            "mean_label": float(truth.mean()),
        }
        assert {name: value(results, name, **slice_) for name in wanted} == pytest.approx(wanted, rel=1e-6)
        for metric in results.metrics:
            if metric.slice == slice_ and metric.name in wanted:
                assert metric.ci_low is not None, metric.name
                assert metric.ci_high is not None, metric.name
                assert metric.ci_low < metric.value < metric.ci_high, metric.name
    assert results.blessed
    results.write(tmp_path / "results.json")
    assert str(read_results(tmp_path / "results.json")) == str(results)


def test_labels_that_are_all_alike_have_errors_and_no_r_squared(tmp_path: Path, network: Artifact) -> None:
    _, results = judged(tmp_path, network)
    assert np.isnan(value(results, "r_squared", device="tv"))
    assert value(results, "mean_label", device="tv") == 5
    assert value(results, "mean_absolute_error", device="tv") > 1


@pytest.mark.parametrize(
    ("threshold", "sentence"),
    [
        ('metric = "r_squared"\nat_least = 0.99', "r_squared on all rows is "),
        (
            'metric = "mean_absolute_error"\nslice = { device = "desk" }\nat_most = 4',
            "mean_absolute_error on device=desk is 1",
        ),
        ('metric = "r_squared"\nslice = { device = "tv" }\nat_least = 0.1', "r_squared on device=tv is undefined, model.toml of visits"),
    ],
)
def test_a_bound_on_either_side_refuses_by_name(tmp_path: Path, network: Artifact, threshold: str, sentence: str) -> None:
    model, results = judged(tmp_path, network, threshold)
    assert not results.blessed
    assert refusal(model, results).startswith(f"blocked: {sentence}")


def test_a_prediction_that_is_infinite_is_refused_with_its_file(tmp_path: Path, network: Artifact) -> None:
    scores = predicted()[2]
    scores[7] = np.inf
    with pytest.raises(
        ModelFolderError, match=r"network\.py gives predictions that are no numbers; on the eval split 1 of 1,330 rows have"
    ):
        judged(tmp_path, network, score_0=scores)
