"""The state of a version on the newest data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.diagnosis.metrics import MetricDifference
from components.diagnosis.newest.metrics_now import worse
from components.diagnosis.newest.predictions import Predicted


@dataclass(frozen=True, kw_only=True)
class ClassShares:
    """The distribution of a version's predictions on some rows."""

    rows: int
    shares: Mapping[str, float]
    """The share of each class among the rows that the version does not refuse."""
    refused: float
    """The share of the rows that it refuses."""
    mean_score: float | None
    """The mean score of a model with one score; None for other models."""
    part: str = "class"
    """What predictions are put into: a class, or a band of numbers."""

    def share(self, name: str) -> float | None:
        """The share of a class; None if the version refuses every row."""
        return self.shares.get(name, 0.0) if self.refused < 1 else None


@dataclass(frozen=True, kw_only=True)
class VersionNow:
    """A version's predictions and metrics, then and now. What is not known is None or empty."""

    name: str
    number: int
    then: ClassShares | None = None
    """Its predictions on the last span that the newer version was trained on."""
    now: ClassShares | None = None
    """Its predictions on today's rows, which have no label yet."""
    differences: Sequence[MetricDifference] = ()
    """Every metric of every slice: as recorded when the version was made, and on the newest labelled rows."""
    refusal: str | None = None
    """The model's message about rows that it refuses."""
    problem: str | None = None
    """Why nothing is known about it."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that it predicted then or now."""
        return tuple(dict.fromkeys(name for side in (self.then, self.now) if side for name in side.shares))

    @property
    def worse(self) -> tuple[MetricDifference, ...]:
        """The metrics of all rows that are worse than they were, by more than chance and enough to matter."""
        return worse(self.differences)

    @property
    def refused(self) -> float:
        """The share of today's rows that the version refuses."""
        return self.now.refused if self.now else 0.0


def class_shares(predicted: Predicted) -> ClassShares:
    """The distribution of these predictions."""
    return ClassShares(
        rows=len(predicted.scores),
        shares=predicted.shares,
        refused=predicted.refused,
        mean_score=predicted.mean_score,
        part=predicted.part,
    )
