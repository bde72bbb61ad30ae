"""The sum of the newest profiles is that of all of them, summed up anew."""

from dataclasses import fields

import numpy as np
import pyarrow as pa
import pytest

from components.profiles.profile import ColumnProfile, sum_column
from components.profiles.profiling import profile_batch
from components.profiles.rolling import RollingSum


def column(kind: str, seed: int) -> ColumnProfile:
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(0, 80))
    values = {
        "numbers": np.where(rng.random(rows) < 0.1, 0, rng.normal(seed, 50, rows)),
        "texts": np.array([f"{'A' if n % 7 else ''}{n}" for n in rng.integers(0, 400, rows)], object),
        "times": np.datetime64("2026-01-05", "us") + rng.integers(0, 86_400, rows).astype("timedelta64[s]"),
    }[kind]
    batch = pa.RecordBatch.from_pydict({"of": pa.array(values, from_pandas=True), "order": pa.array(rng.integers(0, 9, rows))})
    return profile_batch(batch, "order")["of"]


def same(one: ColumnProfile, other: ColumnProfile) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(ColumnProfile))


@pytest.mark.parametrize("kind", ["numbers", "texts", "times"])
def test_the_sum_of_the_newest_profiles_is_that_of_all_of_them_anew(kind: str) -> None:
    columns, rolling = [column(kind, seed) for seed in range(12)], RollingSum(5)
    assert rolling.total() is None
    for place, one in enumerate(columns, start=1):
        rolling.add(one)
        total, wanted = rolling.total(), sum_column(columns[max(0, place - 5) : place])
        assert total is not None
        assert same(total, wanted)
        assert [*total.values] == [*wanted.values]


def test_nothing_is_left_of_hours_when_all_profiles_that_had_some_have_left() -> None:
    columns, rolling = [column("times", 1), *(column("numbers", seed) for seed in range(3))], RollingSum(3)
    for one in columns:
        rolling.add(one)
    total = rolling.total()
    assert total is not None
    assert same(total, sum_column(columns[1:]))
