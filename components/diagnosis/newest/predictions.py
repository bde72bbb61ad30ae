"""Compare what versions predict on the same rows: how often they agree, how many rows each puts into each class, where they differ most.

Predicted numbers are put into bands, which then are the classes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from components.wording import number

POSITIVE_ABOVE = 0.5
"""A binary model's row is of class 1 if its score is above this, as in TFMA."""
LEAST_SLICE_ROWS = 20
"""In a smaller slice a share says nothing."""
COMPARED_SLICES = 100
"""So many of the most frequent values of each slice of model.toml are compared."""
BAND_EDGES = (0.2, 0.4, 0.6, 0.8)
NO_CLASS = -1
"""Stands for the index of the class where the model refused the row."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Predicted:
    """The predictions of a version on some rows."""

    classes: tuple[str, ...]
    scores: np.ndarray
    """float32 [rows, outputs]; NaN where the model refuses the row."""
    bounds: tuple[float, ...] | None = None
    """Where each band but the first begins, if numbers are predicted; None if classes are."""
    point: int = 0
    """Which of the scores is the predicted number, if numbers are predicted."""
    refusal: str | None = None
    """The model's message about a refused row."""

    @property
    def class_indices(self) -> np.ndarray:
        """The class of each row by its index in `classes`; int64 [rows], NO_CLASS for a refused row."""
        refused = np.isnan(self.scores).any(axis=1)
        chosen: np.ndarray
        if self.bounds is not None:
            chosen = np.searchsorted(np.array(self.bounds), self.scores[:, self.point], "right")
        elif self.scores.shape[1] == 1:
            chosen = self.scores[:, 0] > POSITIVE_ABOVE
        else:
            chosen = np.nan_to_num(self.scores, nan=-1.0).argmax(axis=1)
        return np.where(refused, NO_CLASS, chosen).astype(np.int64)

    @property
    def part(self) -> str:
        """What predictions are put into: a class, or a band of numbers."""
        return "class" if self.bounds is None else "band"

    @property
    def refused(self) -> float:
        """The share of the rows that the model refuses."""
        return float((self.class_indices == NO_CLASS).mean()) if len(self.scores) else 0.0

    @property
    def shares(self) -> dict[str, float]:
        """The share of each class among the rows that were not refused."""
        counts = _class_counts(self.class_indices, len(self.classes))
        return dict(zip(self.classes, (counts / max(counts.sum(), 1)).tolist(), strict=True))

    @property
    def mean_score(self) -> float | None:
        """The mean score of a model with one score; None for other models."""
        return float(np.nanmean(self.scores)) if self.scores.shape[1] == 1 and self.refused < 1 and len(self.scores) else None


def in_bands(predicted: Predicted, like: np.ndarray) -> Predicted:
    """The same predicted numbers, in bands of a fifth of the numbers `like` each, float32 [n]. Classes are left as they are."""
    known = like[np.isfinite(like)]
    if predicted.bounds is None or not len(known):
        return predicted
    bounds = {number(bound): float(bound) for bound in np.quantile(known, BAND_EDGES)}  # those that read alike are one
    begins, ends = list(bounds), [*list(bounds)[1:], None]
    names = (
        f"below {begins[0]}",
        *(f"{low} and more" if high is None else f"{low} to {high}" for low, high in zip(begins, ends, strict=True)),
    )
    return replace(predicted, classes=names, bounds=tuple(bounds.values()))


@dataclass(frozen=True, kw_only=True)
class SliceMove:
    """A slice, and how differently two versions predict on it."""

    slice: Mapping[str, str]
    rows: int
    agreement: float
    before: Mapping[str, float]
    """The share of each class, as the older version predicts it."""
    after: Mapping[str, float]
    """The same, as the newer version predicts it."""

    @property
    def distance(self) -> float:
        """The total variation distance between the two distributions of classes."""
        return share_distance(self.before, self.after)


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    """The predictions of two versions on the same rows, those that neither refuses."""

    rows: int
    agreement: float
    """The share of the rows that both put into the same class."""
    before_classes: tuple[str, ...]
    after_classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Rows by the class of the older version, then by that of the newer one."""
    score_difference: float | None
    """The mean absolute difference between the scores of models with one score; None for other models."""
    part: str = "class"
    """What predictions are put into: a class, or a band of numbers."""
    slices: tuple[SliceMove, ...]
    """The slice that differs most comes first."""


def side_by_side(before: Predicted, after: Predicted, rows: pa.Table, slices: Sequence[Sequence[str]]) -> SideBySide | None:
    """Compare two versions' predictions; None if there is no row that both predict."""
    old, new = before.class_indices, after.class_indices
    both = (old != NO_CLASS) & (new != NO_CLASS)
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
        part=after.part,
        slices=_moves(before, after, same, [(slice_, chosen & both) for slice_, chosen in _slices(rows, slices)]),
    )


def _same(before: Predicted, after: Predicted) -> np.ndarray:
    """Which rows get a class of the same name from both; bool [rows]."""
    indices = {name: index for index, name in enumerate(after.classes)}
    translated = np.array([indices.get(name, len(indices) + index) for index, name in enumerate(before.classes)] + [NO_CLASS])
    same: np.ndarray = translated[before.class_indices] == after.class_indices
    return same


def _slices(rows: pa.Table, slices: Sequence[Sequence[str]]) -> Iterator[tuple[dict[str, str], np.ndarray]]:
    for names in slices:
        if not set(names) <= set(rows.column_names):
            continue
        columns = [rows.column(name).to_pylist() for name in names]
        keys, key_indices, counts = np.unique(
            np.array([json.dumps(list(map(str, values))) for values in zip(*columns, strict=True)]), return_inverse=True, return_counts=True
        )
        for index in np.argsort(-counts, kind="stable")[:COMPARED_SLICES]:
            yield dict(zip(names, json.loads(keys[index]), strict=True)), key_indices == index


def _moves(
    before: Predicted, after: Predicted, same: np.ndarray, slices: Sequence[tuple[dict[str, str], np.ndarray]]
) -> tuple[SliceMove, ...]:
    moves = [
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
    return tuple(sorted(moves, key=lambda move: (-move.distance, move.agreement)))


def _shares(predicted: Predicted, chosen: np.ndarray) -> dict[str, float]:
    counts = _class_counts(predicted.class_indices[chosen], len(predicted.classes))
    return dict(zip(predicted.classes, (counts / max(counts.sum(), 1)).tolist(), strict=True))


def _class_counts(class_indices: np.ndarray, classes: int) -> np.ndarray:
    """Count the rows of each class; int64 [classes]."""
    counts: np.ndarray = np.bincount(class_indices[class_indices != NO_CLASS], minlength=classes)
    return counts


def share_distance(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """The total variation distance between two distributions of classes, from 0 to 1."""
    return sum(abs(after.get(name, 0.0) - before.get(name, 0.0)) for name in before.keys() | after.keys()) / 2
