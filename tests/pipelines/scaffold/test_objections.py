"""What a first run would be blocked for, and a new model is written without."""

import numpy as np
import pytest

from components.profiles.profile import ColumnProfile
from pipelines.scaffold.objections import _is_mostly_zero


def column(zeros: int, others: int) -> ColumnProfile:
    return ColumnProfile(type="FLOAT", rows=zeros + others, numbers=zeros + others, keys=np.array([0, 7]), counts=np.array([zeros, others]))


@pytest.mark.parametrize(
    ("days", "is_so"),
    [([(90, 10), (95, 5)], True), ([(0, 100), (0, 100)], False), ([(90, 10), (0, 100)], False), ([], False)],
    ids=["rarely anything but zero", "an amount, whose unit may have changed", "zero on one day alone", "no day"],
)
def test_a_column_out_of_range_is_unused_only_where_it_is_mostly_zero(days: list[tuple[int, int]], is_so: bool) -> None:
    assert _is_mostly_zero([column(*day) for day in days]) == is_so
