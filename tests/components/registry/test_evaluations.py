"""Judgements: metrics by slice, and verdicts."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa

from components.errors import RegistryError
from components.evaluation.metric import Check, Metric
from components.registry.evaluations import (
    Blessing,
    Evaluation,
    record_blessing,
    record_evaluation,
)
from components.registry.history import read_version
from components.registry.versions import NewVersion, register_version
from tests.components.recorded import blessing_of, evaluation_of

MakeVersion = Callable[..., NewVersion]


@pytest.fixture
def new_evaluation(new_version: MakeVersion) -> Callable[..., Evaluation]:
    def make(connection: sa.Connection, *metrics: Metric) -> Evaluation:
        new = new_version(connection)
        return evaluation_of(new, register_version(connection, new), *metrics)

    return make


@pytest.fixture
def new_blessing(new_version: MakeVersion) -> Callable[..., Blessing]:
    def make(connection: sa.Connection, *checks: Check) -> Blessing:
        new = new_version(connection)
        return blessing_of(new, register_version(connection, new), *checks)

    return make


def test_metrics_come_back_to_the_last_bit(connection: sa.Connection, new_evaluation: Callable[..., Evaluation]) -> None:
    metrics = (
        Metric("auc", {}, 0.1 + 0.2, 0.1, 0.9, 1_000),
        Metric("auc", {"country": "DE", "hour": "3"}, 5e-324),
        Metric("auc", {"country": "FR"}, -0.0),
        Metric("loss", {}, 1.7976931348623157e308, None, None, 0),
    )
    evaluation = new_evaluation(connection, *metrics)
    record_evaluation(connection, evaluation)
    (stored,) = read_version(connection, evaluation.model, evaluation.version).evaluations
    assert stored == replace(evaluation, metrics=metrics)


def test_nan_and_infinity_are_values(connection: sa.Connection, new_evaluation: Callable[..., Evaluation]) -> None:
    nan = Metric("auc", {"hour": "4"}, math.nan, math.nan, math.nan, 0)
    evaluation = new_evaluation(connection, nan, Metric("loss", {}, math.inf, -math.inf, math.inf))
    record_evaluation(connection, evaluation)
    record_evaluation(connection, evaluation)
    (stored,) = read_version(connection, evaluation.model, evaluation.version).evaluations
    assert math.isnan(stored.metrics[0].value)
    assert stored.metrics[1] == evaluation.metrics[1]


def test_a_version_may_be_evaluated_again(connection: sa.Connection, new_evaluation: Callable[..., Evaluation]) -> None:
    evaluation = new_evaluation(connection, Metric("auc", {}, 0.7))
    later = replace(evaluation, config_sha256="c" * 64, metrics=(Metric("auc", {}, 0.6),), report_uri="file:///report.html")
    record_evaluation(connection, evaluation)
    record_evaluation(connection, later)
    assert read_version(connection, evaluation.model, 1).evaluations == (evaluation, later)


SQL = "'; DROP TABLE registry.metric; --"
HOSTILE = [SQL, "NULL", "null", "{a,b}", 'a"b', "a\\b", "a\nb\t\x1b", "\u2028", " ", "a=b,c=d", "\\,", "ß", ":name %s $1"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_stored_as_they_are(connection: sa.Connection, new_evaluation: Callable[..., Evaluation], text: str) -> None:
    evaluation = new_evaluation(connection, Metric(text, {text: text}, 0.5))
    record_evaluation(connection, evaluation)
    assert read_version(connection, evaluation.model, 1).evaluations == (evaluation,)


def test_one_metric_has_one_value(connection: sa.Connection, new_evaluation: Callable[..., Evaluation]) -> None:
    evaluation = new_evaluation(connection, Metric("auc", {"a": "1", "b": "2"}, 0.5), Metric("auc", {"b": "2", "a": "1"}, 0.6))
    with pytest.raises(RegistryError, match=r"evaluations\.insert_metrics: duplicate key value"):
        record_evaluation(connection, evaluation)


def test_writers_of_the_same_names_do_not_lock_each_other_out(engine: sa.Engine, new_evaluation: Callable[..., Evaluation]) -> None:
    def metrics(step: int) -> list[Metric]:
        return [Metric(f"m{i}", {"hour": str(i)}, 0.5) for i in range(200)][::step]

    with engine.begin() as connection:
        evaluations = [new_evaluation(connection, *metrics(step)) for step in (1, -1, 1, -1, 1)]

    def record(evaluation: Evaluation) -> int:
        with engine.begin() as connection:
            record_evaluation(connection, evaluation)
            return len(read_version(connection, evaluation.model, evaluation.version).evaluations[0].metrics)

    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(record, evaluations)) == [200] * 5


def test_a_verdict_comes_back_with_its_checks(connection: sa.Connection, new_blessing: Callable[..., Blessing]) -> None:
    checks = (
        Check("auc", {}, "at least 0.7", 0.75, passed=True, baseline=0.74),
        Check("auc", {"hour": "3"}, "at least 0.7", -math.inf, passed=False),
        Check("auc", {"hour": "4"}, "at least 0.7", None, passed=False),
    )
    blessing = replace(new_blessing(connection, *checks), blessed=False)
    record_blessing(connection, blessing)
    record_blessing(connection, blessing)
    assert read_version(connection, blessing.model, blessing.version).blessings == (blessing,)


def test_a_check_may_have_found_nan(connection: sa.Connection, new_blessing: Callable[..., Blessing]) -> None:
    blessing = new_blessing(connection, Check("auc", {}, "at least 0.7", math.nan, passed=False))
    record_blessing(connection, blessing)
    (stored,) = read_version(connection, blessing.model, blessing.version).blessings
    assert stored.checks[0].value is not None
    assert math.isnan(stored.checks[0].value)


def test_a_verdict_names_the_champion_it_compared_with(connection: sa.Connection, new_blessing: Callable[..., Blessing]) -> None:
    champion, challenger = new_blessing(connection), new_blessing(connection)
    compared = replace(challenger, baseline_version=champion.version)
    record_blessing(connection, compared)
    assert read_version(connection, challenger.model, challenger.version).blessings == (compared,)
    with pytest.raises(RegistryError, match="has no version 9: it has 1 to 2"):
        record_blessing(connection, replace(challenger, policy_sha256="d" * 64, baseline_version=9))
