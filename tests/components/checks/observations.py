"""A column in a partition, and in those before, from plain values."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from components.looks.earlier_days import Observation
from components.model.checks_section import ChecksSection
from components.profiles.profile import ColumnProfile
from components.profiles.profiling import _profile_column

CHECKS = ChecksSection()
DAY = date(2026, 1, 5)


def profile(values: Sequence[Any], kind: pa.DataType | None = None) -> ColumnProfile:
    return _profile_column(pa.array(values, kind))


def observe(now: Sequence[Any], *earlier: Sequence[Any], kind: pa.DataType | None = None) -> Observation:
    before = tuple(profile(values, kind) for values in earlier)
    return Observation(DAY, profile(now, kind), before, before[-1] if before else None, DAY - timedelta(days=1))


def numbers(seed: int, rows: int = 400, scale: float = 1.0) -> list[float]:
    return [float(number) for number in np.random.default_rng(seed).lognormal(2, 0.5, rows) * scale]


def times(hours: Mapping[int, int]) -> list[datetime]:
    return [datetime(2026, 1, 5, hour, 30, tzinfo=UTC) for hour, rows in hours.items() for _ in range(rows)]
