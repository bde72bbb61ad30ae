"""What versions predict on the same rows: how often they agree, how many rows each puts into each class, and where they differ most."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

THRESHOLD = 0.5
"""Of a binary model's score: above it the row is of class 1, as TFMA has it."""
LEAST_SLICE_ROWS = 20
"""In smaller slices a share says nothing."""
MOST_SLICES = 100
"""Of each of model.toml's slices, the commonest values."""
REFUSED = -1
"""The place of no class: the model refused the row."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Predicted:
    """What a version predicts on rows."""

    classes: tuple[str, ...]
    scores: np.ndarray
    """float32 [rows, outputs]; NaN where the model refuses the row."""
    refusal: str | None = None
    """What it says of such rows."""

    @property
    def places(self) -> np.ndarray:
        """The class of each row, by its place in `classes`; int64 [rows], REFUSED for none."""
        refused = np.isnan(self.scores).any(axis=1)
        chosen = (self.scores[:, 0] > THRESHOLD) if self.scores.shape[1] == 1 else np.nan_to_num(self.scores, nan=-1.0).argmax(axis=1)
        return np.where(refused, REFUSED, chosen).astype(np.int64)

    @property
    def refused(self) -> float:
        """The share of the rows that the model refuses."""
        return float((self.places == REFUSED).mean()) if len(self.scores) else 0.0

    @property
    def shares(self) -> dict[str, float]:
        """Of each class, its share of the rows that have one."""
        counts = class_counts(self.places, len(self.classes))
        return dict(zip(self.classes, (counts / max(counts.sum(), 1)).tolist(), strict=True))

    @property
    def mean_score(self) -> float | None:
        """Of a binary model."""
        return float(np.nanmean(self.scores)) if self.scores.shape[1] == 1 and self.refused < 1 and len(self.scores) else None


@dataclass(frozen=True, kw_only=True)
class SliceMove:
    """A slice on which the two differ."""

    slice: Mapping[str, str]
    rows: int
    agreement: float
    before: Mapping[str, float]
    """Shares of the classes, by the older version."""
    after: Mapping[str, float]

    @property
    def distance(self) -> float:
        """Between the two distributions (total variation)."""
        return total_variation(self.before, self.after)


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    """Two versions on the same rows: those that neither refuses."""

    rows: int
    agreement: float
    """The share of the rows that both put into the same class."""
    before_classes: tuple[str, ...]
    after_classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Rows by the older version's class, then by the newer's."""
    score_difference: float | None
    """The mean of the absolute differences of a binary model's score."""
    slices: tuple[SliceMove, ...]
    """The one that moved most first."""


def side_by_side(before: Predicted, after: Predicted, rows: pa.Table, slices: Sequence[Sequence[str]]) -> SideBySide | None:
    """Hold two versions' predictions against each other; None where there is no row that both predict."""
    old, new = before.places, after.places
    both = (old != REFUSED) & (new != REFUSED)
    if not both.any():
        return None
    same = _same(before, after)
    confusion = np.zeros((len(before.classes), len(after.classes)), np.int64)
    np.add.at(confusion, (old[both], new[both]), 1)
    is_binary = before.scores.shape[1] == after.scores.shape[1] == 1
    return SideBySide(
        rows=int(both.sum()),
        agreement=float(same[both].mean()),
        before_classes=before.classes,
        after_classes=after.classes,
        confusion=tuple(map(tuple, confusion.tolist())),
        score_difference=float(np.abs(after.scores[both] - before.scores[both]).mean()) if is_binary else None,
        slices=_moves(before, after, same, [(slice_, chosen & both) for slice_, chosen in _slices(rows, slices)]),
    )


def _same(before: Predicted, after: Predicted) -> np.ndarray:
    """Which rows have the same class, by its name; bool [rows]."""
    names = {name: place for place, name in enumerate(after.classes)}
    translated = np.array([names.get(name, len(names) + place) for place, name in enumerate(before.classes)] + [REFUSED])
    same: np.ndarray = translated[before.places] == after.places
    return same


def _slices(rows: pa.Table, slices: Sequence[Sequence[str]]) -> Iterator[tuple[dict[str, str], np.ndarray]]:
    for names in slices:
        if not set(names) <= set(rows.column_names):
            continue
        columns = [rows.column(name).to_pylist() for name in names]
        keys, places, counts = np.unique(
            np.array([json.dumps(list(map(str, values))) for values in zip(*columns, strict=True)]), return_inverse=True, return_counts=True
        )
        for place in np.argsort(-counts, kind="stable")[:MOST_SLICES]:
            yield dict(zip(names, json.loads(keys[place]), strict=True)), places == place


def _moves(
    before: Predicted, after: Predicted, same: np.ndarray, slices: Sequence[tuple[dict[str, str], np.ndarray]]
) -> tuple[SliceMove, ...]:
    found = [
        SliceMove(
            slice=slice_,
            rows=int(chosen.sum()),
            agreement=float(same[chosen].mean()),
            before=_shares(before, chosen),
            after=_shares(after, chosen),
        )
        for slice_, chosen in slices
        if chosen.sum() >= LEAST_SLICE_ROWS
    ]
    return tuple(sorted(found, key=lambda one: (-one.distance, one.agreement)))


def _shares(predicted: Predicted, chosen: np.ndarray) -> dict[str, float]:
    counts = class_counts(predicted.places[chosen], len(predicted.classes))
    return dict(zip(predicted.classes, (counts / max(counts.sum(), 1)).tolist(), strict=True))


def class_counts(places: np.ndarray, classes: int) -> np.ndarray:
    """Rows of each class; int64 [classes]."""
    counts: np.ndarray = np.bincount(places[places != REFUSED], minlength=classes)
    return counts


def total_variation(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """How far two distributions are apart, from 0 to 1."""
    return sum(abs(after.get(name, 0.0) - before.get(name, 0.0)) for name in before.keys() | after.keys()) / 2
