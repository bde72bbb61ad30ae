"""Latencies are counted in a bounded space, and their quantiles are those of all of them."""

import numpy as np
import pytest

from components.measurement.value_counts import ValueCounts


@pytest.mark.parametrize(("most", "off"), [(8_000, 0.0), (60_000_000, 1 / 4096)], ids=["to 8 ms", "to a minute"])
def test_quantiles_are_those_of_all_numbers(most: int, off: float) -> None:
    values, counts = np.random.default_rng(1).integers(0, most, 50_000), ValueCounts()
    for part in np.split(values, 10):
        counts.add(part)
    for share in (0.0, 0.5, 0.95, 0.99, 1.0):
        assert counts.quantile(share) == pytest.approx(int(np.quantile(values, share)), rel=off, abs=0)
    assert len(counts._values) < 8_192 + 4_096 * 14
