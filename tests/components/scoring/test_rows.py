"""Rows are read alike whatever columns are beside a value: by the quick way of plain columns, and by the exact one."""

import math

import numpy as np
import pytest

from components.protocol.refusal import Refusal
from components.scoring.allowed import Features
from components.scoring.rows import RowReader
from components.training.signatures import Column, Signatures

LARGEST = float(np.finfo(np.float32).max)


def reader(*, is_plain: bool, dtype: str = "float32") -> RowReader:
    """Of one column, or beside it of one that a row may lack."""
    columns = Column("a", dtype), *(() if is_plain else (Column("b", "int64", optional=True),))
    return RowReader(Features(Signatures(columns, 1)), "m 1")


@pytest.mark.parametrize("is_plain", [True, False])
@pytest.mark.parametrize("value", [1e39, -1e39, 10**39, 10**400, -1e300, 2.0**128 - 2.0**103])
def test_a_number_beyond_float32_is_refused(value: float, is_plain: bool) -> None:
    with pytest.raises(Refusal, match=r"instances\[1\].a is .*: expected a number"):
        reader(is_plain=is_plain).read([{"a": 1.0}, {"a": value}])


@pytest.mark.parametrize("is_plain", [True, False])
@pytest.mark.parametrize("value", [LARGEST, -LARGEST, 3.4028235e38, math.inf, -math.inf, math.nan])
def test_what_float32_has_is_taken(value: float, is_plain: bool) -> None:
    rows = reader(is_plain=is_plain).read([{"a": value}])
    assert rows.packed.inputs["float32"][0].tobytes() == np.float32(value).tobytes()
