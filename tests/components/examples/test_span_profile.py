"""The rows of a span are profiled by label, and of numbers by whether they are above their median, however they come in batches."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from components.examples import span_profile
from components.examples.span_profile import SpanProfiler
from components.model.folder import Model, read_model
from components.profiles.profile import ColumnProfile, ProfileKey
from tests.components.visits import write_model

ROWS = 1_000


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """Of numbers."""
    write_model(tmp_path, toml={'"binary_classification"': '"regression"', 'metric = "auc"': 'metric = "r_squared"'})
    return read_model(tmp_path, "visits")


def profiled(model: Model, sizes: list[int]) -> dict[ProfileKey, dict[str, ColumnProfile]]:
    """The profiles of rows whose labels rise from batch to batch, from 0 on."""
    numbers = range(ROWS)
    columns = {"visitor": numbers, "as_of": [date(2026, 3, 1)] * ROWS, "returned": [float(one) for one in numbers], "pages": numbers}
    rows = pa.RecordBatch.from_pydict({name: pa.array(values) for name, values in columns.items()})
    profiler, start = SpanProfiler(model, date(2026, 3, 1), "f"), 0
    for size in sizes:
        profiler.batch(rows.slice(start, size))
        start += size
    assert start == ROWS
    return profiler.profiles


@pytest.mark.parametrize("sizes", [[ROWS], [100] * 10, [1, 998, 1]], ids=["one batch", "ten", "odd ones"])
def test_the_median_is_that_of_all_rows(model: Model, sizes: list[int]) -> None:
    parts = profiled(model, sizes)
    assert sorted(table["pages"].rows for table in parts.values()) == [ROWS // 2, ROWS // 2]
    assert sorted((table["returned"].low, table["returned"].high) for table in parts.values()) == [(0, 499), (500, 999)]


def test_of_very_many_rows_it_is_that_of_the_first_ones_wherever_batches_end(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(span_profile, "MEDIAN_ROWS", 300)
    for sizes in ([ROWS], [130] * 7 + [90], [299, 701]):
        parts = profiled(model, sizes)
        assert sorted(table["pages"].rows for table in parts.values()) == [150, 850]
