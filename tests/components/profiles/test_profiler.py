"""Rows that come in batches are profiled as if they came at once, clusters among them."""

import numpy as np
import pyarrow as pa
import pytest

from components.profiles import profiler as module
from components.profiles.profiler import Profiler

ROWS = 900


def shops() -> pa.RecordBatch:
    """Fifteen rows of each of sixty products, in no order."""
    chance = np.random.default_rng(3)
    columns = {
        "product": chance.permutation(ROWS) % 60,
        "price": chance.choice([1.5, 2.0, 9.0], ROWS),
        "name": ["a", "b", "c"] * (ROWS // 3),
    }
    return pa.RecordBatch.from_pydict({name: pa.array(values) for name, values in columns.items()})


@pytest.mark.parametrize("cluster", ["product", ""])
@pytest.mark.parametrize("size", [1, 7, 250, ROWS])
def test_batches_may_end_anywhere(size: int, cluster: str) -> None:
    profiler, rows = Profiler(cluster), shops()
    for start in range(0, ROWS, size):
        profiler.add(rows.slice(start, size))
    found = profiler.profile()
    assert (profiler.rows, found["name"].values) == (ROWS, {"a": 300, "b": 300, "c": 300})
    assert found["price"].pairs == (ROWS * (ROWS // 60 - 1) if cluster else 0)
    once = Profiler(cluster)
    once.add(rows)
    assert found["price"].twins == once.profile()["price"].twins


def test_more_values_than_can_be_held_are_profiled_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_VALUES", ROWS)
    profiler, rows = Profiler("product"), shops()
    for start in range(0, ROWS, 100):
        profiler.add(rows.slice(start, 100))
    found = profiler.profile()
    assert (found["price"].rows, found["price"].numbers) == (ROWS, ROWS)
    assert 0 < found["price"].pairs < ROWS * (ROWS // 60 - 1)
