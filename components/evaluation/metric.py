"""A metric on a slice and a threshold's check, as they are measured, recorded and shown."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A metric on a slice, with the bounds of its 95% confidence interval where they are known. NaN and infinity are legal values."""

    name: str
    slice: Mapping[str, str]
    """Value by feature; empty for all rows."""
    value: float
    ci_low: float | None = None
    ci_high: float | None = None
    example_count: int | None = None


@dataclass(frozen=True)
class Check:
    """A threshold, and whether it was kept. The value is None where the slice had no rows."""

    metric: str
    slice: Mapping[str, str]
    rule: str
    value: float | None
    passed: bool
    baseline: float | None = None
    """The champion's value, where the rule compares."""
