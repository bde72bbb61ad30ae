"""A metric on a slice and a threshold's check, as they are measured, recorded and shown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.errors import SourceError
from components.wording import label

LONGEST_SLICE_KEY = 512
"""In the registry, where slices are found by their key."""


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
    split: str = "eval"
    """The rows that were judged."""
    note: str = ""
    """What else is to be known, such as that there are too few rows to judge by."""
    rows: int | None = None
    """How many rows both versions were measured on, where the rule compares."""


def slice_key(features: Mapping[str, str]) -> str:
    """The slice in one text, the same for the same slice: `country=DE,device=ios`; empty for all examples."""
    return ",".join(f"{_escaped(feature)}={_escaped(value)}" for feature, value in sorted(features.items()))


def _escaped(text: str) -> str:
    """The text with a backslash before what separates features and values."""
    return re.sub(r"([\\,=])", r"\\\1", text)


def require_recordable(metrics: Sequence[Metric]) -> None:
    """Refuse slices that the registry could not hold, before anything is pushed.

    Raises:
        SourceError: a slice's values are too long together, or one has a NUL, which PostgreSQL cannot store.
    """
    for metric in metrics:
        why = _unrecordable_because(metric.slice)
        if why:
            name, value = max(metric.slice.items(), key=lambda item: ("\0" in item[1], len(item[1])))
            raise SourceError(
                f"slice {', '.join(sorted(metric.slice))} has the value {label(value)!r} of {name}: with it the slice's name has {why}; "
                f"let source.sql shorten it, or take {name} out of evaluation.slices in model.toml"
            )


def recordable(metrics: Sequence[Metric]) -> tuple[Metric, ...]:
    """Those of slices that the registry can hold: a service may be given any text."""
    return tuple(metric for metric in metrics if is_recordable(metric.slice))


def is_recordable(slice_: Mapping[str, str]) -> bool:
    """Whether the registry can hold the name of a slice."""
    return not _unrecordable_because(slice_)


def _unrecordable_because(slice_: Mapping[str, str]) -> str:
    """What is wrong with the name of a slice; empty if nothing is."""
    key = slice_key(slice_)
    if len(key) > LONGEST_SLICE_KEY:
        return f"{len(key)} characters, {LONGEST_SLICE_KEY} are possible"
    return "a NUL" if "\0" in key else ""
