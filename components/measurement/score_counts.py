"""How scores are distributed, in equal bins: of all rows, of those whose label is known, and of those with the label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.measurement.slices import SliceKey, Slices
from components.measurement.sums import StockOnlyError

BINS = 50


@dataclass(frozen=True, kw_only=True)
class ScoreCounts:
    """How an output of the model is distributed, in equal bins from 0 to 1."""

    rows: tuple[int, ...]
    labelled: tuple[int, ...]
    """Those whose label is known."""
    positives: tuple[int, ...]
    """Those whose label is the one that the output stands for."""

    def __add__(self, other: "ScoreCounts") -> "ScoreCounts":
        added = {
            name: tuple(one + more for one, more in zip(counts, vars(other)[name], strict=True)) for name, counts in vars(self).items()
        }
        return ScoreCounts(**added)


@dataclass(frozen=True, kw_only=True)
class SliceScores:
    """How the scores of a slice are distributed."""

    slice: Mapping[str, str]
    """Value by feature."""
    counts: ScoreCounts


def count_scores(scores: np.ndarray, labels: np.ndarray, label: int) -> ScoreCounts:
    """Count the scores of one output.

    Args:
        scores: finite, float32 [rows].
        labels: int64 [rows], -1 where none is known.
        label: the one that the output stands for.
    """
    bins = np.clip((scores * BINS).astype(int), 0, BINS - 1)
    chosen = (bins, bins[labels >= 0], bins[labels == label])
    rows, labelled, positives = (tuple(np.bincount(one, minlength=BINS).tolist()) for one in chosen)
    return ScoreCounts(rows=rows, labelled=labelled, positives=positives)


class SliceCounter:
    """Counts the scores of a binary model in every slice, as rows come in batches."""

    def __init__(self, specs: Sequence[Sequence[str]]) -> None:
        """Each slicing specification is the names of its features."""
        self._slices = Slices(specs) if specs else None
        self._counts = np.zeros((0, 3, BINS), np.int64)

    def add(self, features: Mapping[str, pa.Array], scores: np.ndarray, labels: np.ndarray) -> None:
        """Add rows. Where TFMA alone can tell slices, none are counted any longer.

        Args:
            features: the columns that are sliced by.
            scores: finite, float32 [rows].
            labels: int64 [rows], -1 where none is known.
        """
        if self._slices is None:
            return
        try:
            numbers = self._slices.number(features, len(scores))
        except StockOnlyError:
            self._slices = None
            return
        new = len(self._slices.keys) - len(self._counts)
        self._counts = np.concatenate([self._counts, np.zeros((new, 3, BINS), np.int64)])
        bins = np.clip((scores * BINS).astype(int), 0, BINS - 1)
        for place, chosen in enumerate((labels >= -1, labels >= 0, labels == 1)):
            for of_rows in numbers:
                is_in = chosen & (of_rows >= 0)
                np.add.at(self._counts, (of_rows[is_in], place, bins[is_in]), 1)

    @property
    def counts(self) -> dict[SliceKey, ScoreCounts]:
        """Of each slice."""
        keys = self._slices.keys if self._slices else []
        return {
            key: ScoreCounts(**{name: tuple(row) for name, row in zip(ScoreCounts.__dataclass_fields__, table, strict=True)})
            for key, table in zip(keys, self._counts.tolist(), strict=True)
        }
