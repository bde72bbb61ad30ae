"""Results as a document, and the sentence that says why a model is refused."""

import math
from pathlib import Path

import pytest

from components.evaluation.judge import refusal
from components.evaluation.metric import Check, Metric
from components.evaluation.results import CalibrationBucket, Results, RocPoint, read_results
from components.model.folder import Model, read_model
from tests.components.visits import write_model

NAN, INFINITY = float("nan"), float("inf")
KEPT = Check("auc", {}, ">= 0.6", 0.7, passed=True)
BROKEN = Check("auc", {"device": "desk"}, ">= 0.6", 0.52341, passed=False)


@pytest.fixture
def model(tmp_path: Path) -> Model:
    write_model(tmp_path)
    return read_model(tmp_path, "visits")


def results(*checks: Check) -> Results:
    return Results(blessed=False, metrics=(), checks=checks, roc=(), calibration=())


def test_results_survive_being_written(tmp_path: Path) -> None:
    whole = Results(
        blessed=True,
        metrics=(
            Metric("auc", {}, 0.7, 0.6, 0.8, 100),
            Metric("auc", {"device": 'déjà " vu'}, INFINITY, None, None, 0),
            Metric("precision", {"device": "desk", "country": "fr"}, -INFINITY, 0.1, 0.2, 2**40),
        ),
        checks=(KEPT, BROKEN, Check("auc", {"device": "fax"}, ">= 0.6", None, passed=False)),
        roc=(RocPoint(0.5, 0.1, 0.9),),
        calibration=(CalibrationBucket(0.1, 0.2, 30.0),),
    )
    whole.write(tmp_path / "results.json")
    assert read_results(tmp_path / "results.json") == whole


def test_a_value_that_is_not_a_number_survives_being_written(tmp_path: Path) -> None:
    checks = (Check("auc", {}, ">= 0.6", NAN, passed=False),)
    Results(False, (Metric("auc", {}, NAN, None, None, 0),), checks, (), ()).write(tmp_path / "results.json")
    found = read_results(tmp_path / "results.json")
    assert math.isnan(found.metrics[0].value)
    assert found.checks[0].value is not None
    assert math.isnan(found.checks[0].value)


def test_a_refusal_names_metric_slice_value_and_rule(model: Model) -> None:
    assert refusal(model, results(KEPT, BROKEN)) == (
        "blocked: auc on device=desk is 0.5234, model.toml of visits wants >= 0.6; "
        "see the report for the slices, and mend data, features.py or network.py"
    )


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ((Check("auc", {}, ">= 0.6", 0.5, passed=False),), "auc on all rows is 0.5, model.toml of visits wants >= 0.6; "),
        ((BROKEN, BROKEN, BROKEN), "wants >= 0.6, and 2 more; "),
        ((Check("auc", {"device": "fax"}, ">= 0.6", None, passed=False),), "auc on device=fax is not computed, the slice has no rows, "),
        ((Check("auc", {}, ">= 0.6", NAN, passed=False),), "auc on all rows is undefined, "),
        ((KEPT,), "TFMA refuses visits, though it keeps every threshold of model.toml"),
    ],
)
def test_a_refusal_says_what_was_found(model: Model, checks: tuple[Check, ...], said: str) -> None:
    assert said in refusal(model, results(*checks))
