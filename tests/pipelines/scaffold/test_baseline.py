"""The linear model that sets a threshold: it finds what there is to find, says how sure that is, and never needs a service."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from components.errors import SourceError
from components.model.folder import Model, read_model
from components.model.sections import RowsSection
from components.model.task import TaskName
from components.settings import REPOSITORY
from pipelines.scaffold.baseline import measure_baseline

CHURN = read_model(REPOSITORY / "pipelines" / "models", "churn")
COLUMNS = RowsSection(key="k", label="y", label_delay_days=0, span="s")
SPANS = [date(2024, 1, 1) + timedelta(days=i) for i in range(20)]


def model(task: TaskName = TaskName.BINARY) -> Model:
    return CHURN.model_copy(update={"rows": COLUMNS, "task_name": task})


def rows(strength: float, *, classes: int = 2, per_key: int = 1, count: int = 4_000) -> pa.Table:
    random = np.random.default_rng(5)
    keys = np.repeat(np.arange(count // per_key), per_key)
    signal = np.repeat(random.normal(size=count // per_key), per_key)
    kind = random.choice(["a", "b", "c"], count)
    truth = strength * signal + (kind == "b") * strength + np.repeat(random.logistic(size=count // per_key), per_key)
    cuts = np.quantile(truth, np.arange(1, classes) / classes)
    spans = [SPANS[number] for number in random.integers(0, len(SPANS), count)]
    return pa.table({"k": keys, "s": spans, "x": signal, "kind": kind, "noise": random.normal(size=count), "y": np.digitize(truth, cuts)})


def test_it_finds_the_signal_and_says_how_sure_it_is() -> None:
    found = measure_baseline(rows(1.5), model())
    assert (found.metric, found.constant) == ("auc", 0.5)
    assert 0.78 < found.low < found.value < found.high < 0.92


def test_it_finds_nothing_in_noise() -> None:
    found = measure_baseline(rows(0.0), model())
    assert found.low < 0.5 < found.high


@pytest.mark.parametrize("rare", [False, True])
def test_of_several_classes_it_measures_what_does_not_depend_on_how_frequent_they_are(rare: bool) -> None:
    table = rows(2.0, classes=3)
    if rare:
        labels = table.column("y").to_numpy()
        frequent = np.where(np.random.default_rng(1).random(len(labels)) < 0.9, np.minimum(labels, 1), labels)
        table = table.set_column(5, "y", pa.array(frequent))
    found = measure_baseline(table, model(TaskName.CLASSES))
    assert (found.metric, found.constant) == ("macro_auc", 0.5)
    assert 0.6 < found.low < found.value < found.high < 0.95


def test_of_numbers_it_measures_r_squared() -> None:
    table = rows(1.5)
    signal = table.column("x").to_numpy()
    amounts = 100 + 20 * signal + 20 * np.random.default_rng(2).normal(size=len(signal))
    found = measure_baseline(table.set_column(5, "y", pa.array(amounts)), model(TaskName.REGRESSION))
    assert found.metric == "r_squared"
    assert -0.01 < found.constant <= 0.0
    assert 0.35 < found.low < found.value < found.high < 0.6


def test_rows_of_a_key_are_one_fact() -> None:
    single, many = (measure_baseline(rows(1.5, per_key=size, count=4_000), model()) for size in (1, 20))
    assert many.high - many.low > 1.5 * (single.high - single.low)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (rows(1.0, count=200), "a model needs at least 200 of each; load more days"),
        (rows(1.0).set_column(5, "y", pa.array([0] * 4_000)), "all labels to train on, or to evaluate, are the same: load more days"),
    ],
)
def test_too_little_to_measure_on_is_said(table: pa.Table, sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        measure_baseline(table, model())
