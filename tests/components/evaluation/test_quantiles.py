"""The evaluation of a model that predicts quantiles of a number, and a network that says what it is told."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.degradation.scale import drop_of
from components.errors import ModelFolderError, TaskError
from components.evaluation.chance.influence import Influence, LabelledScores, influences, turned_to_quality
from components.evaluation.evaluator import Judged
from components.evaluation.judge import evaluate, refusal
from components.evaluation.results import Results
from components.model.folder import Model, read_model
from components.settings import Settings
from tests.components.artifacts import artifact
from tests.components.evaluation.evaluated import save_network, write_examples
from tests.components.visits import write_model

QUANTILES = (0.1, 0.5, 0.9)
SCORES = ("score_0", "score_1", "score_2")
KEEPS = 'metric = "pinball_loss"\nat_most = 5'


def toml(threshold: str = KEEPS, quantiles: str = "[0.1, 0.5, 0.9]") -> dict[str, str]:
    return {
        '"binary_classification"': '"regression"',
        'span = "as_of"': f'span = "as_of"\nquantiles = {quantiles}',
        'metric = "auc"\nat_least = 0.6': threshold,
    }


def predicted(rows: int = 900) -> tuple[np.ndarray, np.ndarray]:
    """Labels [rows] that are 10 more than what is known, give or take 2, and quantiles of them [rows, 3], of which the last is too low."""
    chance = np.random.default_rng(4)
    known = 20 * chance.random(rows)
    labels = (known + 10 + 2 * chance.normal(size=rows)).astype(np.float32)
    return labels, (known[:, None] + 10 + 2 * np.array([-1.2816, 0.0, 0.5])).astype(np.float32)


def costs(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    short = labels.astype(np.float64)[:, None] - scores.astype(np.float64)
    found: np.ndarray = np.where(short > 0, np.array(QUANTILES) * short, (np.array(QUANTILES) - 1) * short)
    return found


def judged(folder: Path, threshold: str, *, labels: list[float | None] | None = None, stock: bool = False) -> tuple[Model, Results]:
    known, scores = predicted()
    columns = {name: scores[:, place] for place, name in enumerate(SCORES)}
    rows = pa.RecordBatch.from_pydict(
        {"device": np.repeat(["phone", "desk"], [500, 400]), "returned": known if labels is None else labels, **columns}
    )
    write_model(folder, toml=toml(threshold))
    model = read_model(folder, "visits")
    evaluation, blessing = artifact(folder / "evaluation"), artifact(folder / "blessing")
    network = save_network(folder / "network", list(SCORES))
    examples = write_examples(folder / "examples", rows)
    beam_args = Settings.model_fields["beam_args"].default
    return model, evaluate(model, Judged(examples, network, evaluation, blessing), beam_args=beam_args, stock=stock)


@pytest.mark.slow
def test_metrics_are_those_of_the_quantiles_and_of_the_middle_one(tmp_path: Path) -> None:
    model, results = judged(tmp_path, KEEPS)
    labels, scores = predicted()
    for slice_, chosen in (({}, slice(None)), ({"device": "phone"}, slice(0, 500))):
        found = {metric.name: metric for metric in results.metrics if metric.slice == slice_}
        assert set(found) == set(model.metrics)
        lost = costs(labels[chosen], scores[chosen]).mean(axis=0)
        wanted = {
            "pinball_loss": float(lost.mean()),
            "pinball_loss_of_0.1": float(lost[0]),
            "pinball_loss_of_0.9": float(lost[2]),
            "coverage_of_0.9": float((labels[chosen] <= scores[chosen][:, 2]).mean()),
            "mean_absolute_error": float(2 * lost[1]),
            "mean_prediction": float(scores[chosen][:, 1].astype(np.float64).mean()),
        }
        assert {name: found[name].value for name in wanted} == pytest.approx(wanted, rel=1e-5)
        for name in wanted.keys() - {"pinball_loss_of_0.1"}:  # most of which a few rows make
            low, high = found[name].ci_low, found[name].ci_high
            assert low is not None, name
            assert high is not None, name
            assert low < found[name].value < high, name
    assert found["coverage_of_0.9"].value < 0.8
    assert results.blessed
    assert results.bands[0].mean_prediction == pytest.approx(float(np.sort(scores[:, 1])[:90].mean()), rel=1e-3)


@pytest.mark.slow
def test_a_threshold_on_one_quantile_refuses_by_name(tmp_path: Path) -> None:
    model, results = judged(tmp_path, 'metric = "coverage_of_0.9"\nat_least = 0.85')
    assert not results.blessed
    assert refusal(model, results).startswith("blocked: coverage_of_0.9 on all rows is 0.")


@pytest.mark.slow
def test_the_stock_evaluator_is_never_started_for_quantiles(tmp_path: Path) -> None:
    labels = [None, *predicted()[0].tolist()[1:]]
    with pytest.raises(TaskError, match="^the stock Evaluator knows no models of quantiles, and only it knows "):
        judged(tmp_path / "rows", KEEPS, labels=labels)
    with pytest.raises(
        TaskError, match="^the stock Evaluator knows no models of quantiles, and --stock, or PERENNIAL_STOCK_EXECUTORS, asks for it"
    ):
        judged(tmp_path / "asked", KEEPS, stock=True)


def test_the_influence_of_a_row_is_what_leaving_it_out_changes(tmp_path: Path) -> None:
    write_model(tmp_path, toml=toml())
    task = read_model(tmp_path, "visits").task
    labels, scores = predicted(40)
    rows = LabelledScores(labels.astype(np.float64), scores.astype(np.float64), np.ones(40))
    whole = influences(rows, task)["pinball_loss"]
    rest = LabelledScores(rows.labels[1:], rows.scores[1:], rows.weights[1:])
    assert whole.value - influences(rest, task)["pinball_loss"].value == pytest.approx(whole.rows[0] * 40 / 39, rel=1e-6)
    assert turned_to_quality({"pinball_loss": whole})["pinball_loss"].value == pytest.approx(-np.log(whole.value))
    assert task.decisive_metrics == ("pinball_loss",)
    assert (task.score_count, task.point, task.score_names) == (3, 1, ("0.1", "0.5", "0.9"))


@pytest.mark.parametrize(("was", "now", "is_worse"), [(0.9, 0.99, True), (0.99, 0.9, False), (0.9, 0.8, True), (0.5, 0.85, False)])
def test_a_coverage_is_the_better_the_nearer_it_is_to_its_quantile(was: float, now: float, is_worse: bool) -> None:
    before, after = (turned_to_quality({"coverage_of_0.9": Influence(value, np.ones(2))})["coverage_of_0.9"] for value in (was, now))
    assert (after.value < before.value) == is_worse
    assert (drop_of("coverage_of_0.9", was, now) > 0) == is_worse
    assert after.value - before.value == pytest.approx(-drop_of("coverage_of_0.9", was, now))
    assert after.rows.tolist() == [np.sign(0.9 - now)] * 2, "a label more that is covered is good only below the quantile"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"quantiles": "[0.1, 0.9]"}, "has no middle one, which is the predicted number: add it, such as 0.5"),
        ({"quantiles": "[0.5, 0.1, 0.9]"}, "name quantiles in ascending order, each once"),
        ({"quantiles": "[0.0, 0.5, 1.0]"}, "a quantile is between 0 and 1, both excluded"),
        ({"threshold": 'metric = "pinball_loss_of_0.2"\nat_most = 1'}, "which is not measured: a regression has"),
    ],
)
def test_quantiles_that_are_none_are_refused(tmp_path: Path, changes: dict[str, str], sentence: str) -> None:
    write_model(tmp_path, toml=toml(**changes))
    with pytest.raises(ModelFolderError, match=sentence):
        read_model(tmp_path, "visits")


def test_classes_have_no_quantiles(tmp_path: Path) -> None:
    write_model(tmp_path, toml={'span = "as_of"': 'span = "as_of"\nquantiles = [0.5]'})
    with pytest.raises(ModelFolderError, match="only a regression predicts quantiles, and this is a binary_classification"):
        read_model(tmp_path, "visits")
