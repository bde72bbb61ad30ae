"""What a second training gave, part by part, held against the version of the first."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from components.evaluation.metric import Metric, slice_key
from components.storage.manifest import Manifest, scan_folder
from components.training.signatures import FILE

WEIGHTS = "variables/"
"""Where a SavedModel has its weights. The graph beside them carries a fingerprint that is random, and is not compared."""


class PartVerdict(StrEnum):
    """How a part came out."""

    EQUAL = "equal"
    DIFFERENT = "different"
    NOT_RECORDED = "not recorded"
    """The part cannot be compared: the version has no metrics on record."""


@dataclass(frozen=True)
class ComparedPart:
    """One part of what a training gave: examples, weights or metrics."""

    name: str
    verdict: PartVerdict
    detail: str


@dataclass(frozen=True)
class Comparison:
    """All parts, and where one is different, why."""

    parts: tuple[ComparedPart, ...]
    reasons: tuple[str, ...]

    @property
    def different(self) -> tuple[str, ...]:
        """The names of the parts that are not what they were."""
        return tuple(part.name for part in self.parts if part.verdict == PartVerdict.DIFFERENT)

    def write(self, path: Path) -> None:
        """Write the comparison as JSON."""
        path.write_text(json.dumps(asdict(self)))


def read_comparison(path: Path) -> Comparison:
    """Read the comparison that `Comparison.write` wrote."""
    document = json.loads(path.read_text())
    parts = tuple(ComparedPart(item["name"], PartVerdict(item["verdict"]), item["detail"]) for item in document["parts"])
    return Comparison(parts, tuple(document["reasons"]))


def match_examples(then: str, now: str) -> ComparedPart:
    """Compare the SHA-256 over all files of examples."""
    return ComparedPart("examples", _verdict(then == now), f"sha256 {now}" if then == now else f"sha256 {then} then, {now} now")


def match_weights(then: Manifest, saved_model: Path) -> ComparedPart:
    """The files of weights in the version's manifest and in a new SavedModel. Versions that cannot be served name them otherwise."""
    if FILE.as_posix() not in {entry.path for entry in then.entries}:
        return ComparedPart(
            "weights", PartVerdict.NOT_RECORDED, "the version's are in files of an older layout, so only its metrics can be compared"
        )
    before = {entry.path: entry.sha256 for entry in then.entries if entry.path.startswith(WEIGHTS)}
    after = {entry.path: entry.sha256 for entry in scan_folder(saved_model) if entry.path.startswith(WEIGHTS)}
    other = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    return ComparedPart("weights", _verdict(not other), ", ".join(other) or f"{len(before)} files")


def match_metrics(then: Sequence[Metric], now: Sequence[Metric]) -> ComparedPart:
    """Every metric of every slice, to the bit; NaN is equal to NaN."""
    before, after = _by_slice(then), _by_slice(now)
    if not before:
        return ComparedPart("metrics", PartVerdict.NOT_RECORDED, f"{len(after)} values now")
    gaps = {what: _gap(before.get(what), after.get(what)) for what in before | after}
    other = sorted((what for what, gap in gaps.items() if gap != 0), key=lambda what: (-gaps[what], what))
    if not other:
        return ComparedPart("metrics", PartVerdict.EQUAL, f"{len(before)} values")
    (name, where), was, now_is = other[0], _shown(before.get(other[0])), _shown(after.get(other[0]))
    largest = f"{name} on {where or 'all rows'} was {was}, is {now_is}"
    return ComparedPart("metrics", PartVerdict.DIFFERENT, f"{len(other)} of {len(gaps)} values, the most: {largest}")


def _verdict(is_equal: bool) -> PartVerdict:
    return PartVerdict.EQUAL if is_equal else PartVerdict.DIFFERENT


def _by_slice(metrics: Sequence[Metric]) -> dict[tuple[str, str], float]:
    return {(metric.name, slice_key(metric.slice)): metric.value for metric in metrics}


def _gap(then: float | None, now: float | None) -> float:
    """How far apart two values are: 0 only where they are equal, infinity where one is missing or not a number."""
    if then == now or (then is not None and now is not None and math.isnan(then) and math.isnan(now)):
        return 0.0
    if then is None or now is None or not math.isfinite(then) or not math.isfinite(now):
        return math.inf
    return abs(then - now)


def _shown(value: float | None) -> str:
    return "not measured" if value is None else repr(value)
