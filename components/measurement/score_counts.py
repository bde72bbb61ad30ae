"""How scores are distributed, in equal bins: of all rows, of those whose label is known, and of those with the label."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

BINS = 50


@dataclass(frozen=True, kw_only=True)
class ScoreCounts:
    """How an output of the model is distributed, in equal bins from 0 to 1."""

    rows: tuple[int, ...]
    labelled: tuple[int, ...]
    """Those whose label is known."""
    positives: tuple[int, ...]
    """Those whose label is the one that the output stands for."""


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
