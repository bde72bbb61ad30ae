"""Metrics of kept predictions: those that TFMA's own pipeline finds, and under the same slices as in training."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pytest

from components.evaluation.metric import Metric
from components.measurement.sums import StockOnlyError
from components.model.folder import Model, read_model
from components.predictions import gathered, kept_rows, measuring
from components.predictions.measuring import measure_batches, measure_predictions
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
    monkeypatch.setattr(measuring, "Measurement", unknown)  # so that nothing but TFMA's pipeline is left
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


NUMBERS = {
    'task = "binary_classification"': 'task = "regression"',
    'label = "returned"': 'label = "returned"\nquantiles = [0.1, 0.5, 0.9]',
    'metric = "auc"': 'metric = "r_squared"',
}


def many(outputs: int, label: object) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """Ten batches, on keys of which most come several times; scores are tied."""
    for number in range(10):
        rows, scores = logged(outputs)
        chance = np.random.default_rng(number)
        rows = rows.append_column("visitor", pa.array([f"v{one}" for one in chance.integers(0, 800, 300)]))
        rows = rows.set_column(rows.schema.get_field_index("returned"), "returned", pa.array(chance.integers(0, max(outputs, 2), 300)))
        if label is float:
            rows = rows.set_column(rows.schema.get_field_index("returned"), "returned", pa.array(chance.normal(1e3, 1.0, 300)))
            scores = np.sort(chance.normal(1e3, 2.0, (300, outputs))).astype(np.float32)
        yield rows, np.round(scores, 3)


@pytest.mark.parametrize(
    ("outputs", "toml", "label"), [(1, {}, int), (3, CLASSES, int), (3, NUMBERS, float)], ids=["two classes", "classes", "quantiles"]
)
def test_rows_that_are_kept_on_disk_have_the_intervals_of_those_in_memory(
    outputs: int, toml: dict[str, str], label: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(tmp_path, toml=toml | {'[["device"]]': '[["device"], ["device", "pages"]]'})
    model, batches = read_model(tmp_path, "visits"), list(many(outputs, label))
    rows, scores = pa.concat_tables(rows for rows, _ in batches), np.concatenate([scores for _, scores in batches])
    wanted = measure_predictions(model, rows, scores, beam_args=())
    monkeypatch.setattr(kept_rows, "MOST_ROWS", 700)
    monkeypatch.setattr(gathered, "EDGES", kept_rows.FILES * len(scores))
    found = measure_batches(model, lambda: batches, beam_args=())
    assert [(one.name, one.slice, one.example_count) for one in found] == [(one.name, one.slice, one.example_count) for one in wanted]
    for name in ("value", "ci_low", "ci_high"):
        ours, theirs = ([np.nan if getattr(one, name) is None else getattr(one, name) for one in of] for of in (found, wanted))
        assert ours == pytest.approx(theirs, rel=1e-9, nan_ok=True)
    assert sum(one.ci_low is not None for one in found) > len(found) / 2
    monkeypatch.setattr(gathered, "EDGES", 8 * kept_rows.FILES)
    rough = measure_batches(model, lambda: batches, beam_args=())
    widths = [[one.ci_high - one.ci_low for one in of if one.ci_low is not None and one.ci_high is not None] for of in (rough, wanted)]
    assert widths[0] == pytest.approx(widths[1], rel=0.01), "though the order of scores is known at some of them alone"


def test_more_slices_than_can_be_told_apart_leave_the_intervals_of_all_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any caller may send a thousand values. Metrics of slices are TFMA's own then."""
    monkeypatch.setattr("components.measurement.slices.MOST_SLICES", 3)
    monkeypatch.setattr(measuring, "_run_tfma", lambda *_: None)
    monkeypatch.setattr(measuring, "load_metrics", lambda *_: (Metric("auc", {}, 0.5), Metric("auc", {"device": "phone"}, 0.5, 0.4, 0.6)))
    whole, of_slice = measure_batches(model_of(tmp_path, 1), lambda: many(1, int), beam_args=())
    assert whole.ci_low is not None
    assert (of_slice.ci_low, of_slice.ci_high) == (0.4, 0.6)
