"""Metrics of kept predictions: those that TFMA's own pipeline finds, and under the same slices as in training."""

from decimal import Decimal
from pathlib import Path
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pytest

from components.evaluation import predicted
from components.evaluation.metric import Metric
from components.evaluation.predicted import measure_predictions
from components.measurement.sums import StockOnlyError
from components.model.folder import Model, read_model
from components.settings import Settings
from tests.components.visits import write_model

BEAM_ARGS = Settings.model_fields["beam_args"].default
CLASSES = {
    'task = "binary_classification"': 'task = "multiclass_classification"',
    'label = "returned"': 'label = "returned"\nclasses = ["low", "middle", "high"]',
    'metric = "auc"': 'metric = "macro_auc"',
}


def model_of(folder: Path, outputs: int) -> Model:
    write_model(folder, toml={**(CLASSES if outputs > 1 else {}), '[["device"]]': '[["device"], ["pages"], ["device", "pages"]]'})
    return read_model(folder, "visits")


def logged(outputs: int) -> tuple[pa.Table, np.ndarray]:
    chance = np.random.default_rng(outputs)
    rows = pa.table(
        {
            "device": pa.array(np.array(["phone", "desk", None], object)[chance.integers(0, 3, 300)].tolist()),
            "pages": pa.array(chance.integers(0, 3, 300)),
            "returned": pa.array(chance.integers(0, max(outputs, 2), 300)),
        }
    )
    return rows, chance.random((300, outputs)).astype(np.float32)


def unknown(config: object) -> NoReturn:
    raise StockOnlyError(str(config))


@pytest.mark.slow
@pytest.mark.parametrize("outputs", [1, 3])
def test_tfmas_own_pipeline_finds_the_same(outputs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, (rows, scores) = model_of(tmp_path, outputs), logged(outputs)
    ours = measure_predictions(model, rows, scores, beam_args=())
    monkeypatch.setattr(predicted, "Measurement", unknown)  # so that nothing but TFMA's pipeline is left
    stock = measure_predictions(model, rows, scores, beam_args=BEAM_ARGS)
    assert [(metric.name, metric.slice, metric.example_count) for metric in ours] == [
        (metric.name, metric.slice, metric.example_count) for metric in stock
    ]
    for name in ("value", "ci_low", "ci_high"):
        found, wanted = ([np.nan if getattr(one, name) is None else getattr(one, name) for one in metrics] for metrics in (ours, stock))
        assert found == pytest.approx(wanted, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        (pa.array([True, False, True]), {"1": 2, "0": 1}),
        (pa.array([1, 2, None], pa.int8()), {"1": 1, "2": 1}),
        (pa.array([Decimal("0.5"), Decimal("0.5"), Decimal("1")]), {"0.5": 2, "1.0": 1}),
        (pa.array(["a", None, "a"]), {"a": 2}),
    ],
    ids=["booleans", "integers", "decimals", "text"],
)
def test_values_have_the_names_that_they_have_in_training(pages: pa.Array, expected: dict[str, int | None], tmp_path: Path) -> None:
    rows = pa.table({"device": ["phone"] * 3, "pages": pages, "returned": [0, 1, 1]})
    found = measure_predictions(model_of(tmp_path, 1), rows, np.array([[0.1], [0.7], [0.4]], np.float32), beam_args=())
    assert counts(found) == expected


def counts(metrics: tuple[Metric, ...]) -> dict[str, int | None]:
    """Of each value of `pages`."""
    return {one.slice["pages"]: one.example_count for one in metrics if one.name == "example_count" and set(one.slice) == {"pages"}}
