"""Scores that are no probabilities, or no numbers, are refused by name: every threshold and metric of them would be nonsense."""

from collections.abc import Iterator

import numpy as np

from components.model.task import LearningTask

SUM_TO = 1e-3
"""How far the scores of a row's classes may be from 1 together: float32 sums of a hundred classes are closer."""
ABOVE = 1e-6
"""How far a score may be outside 0 to 1, by rounding."""


def score_fault(scores: np.ndarray, task: LearningTask) -> str | None:
    """What is wrong with scores, with the first such value and how many rows have one; None if all are what they should be.

    Args:
        scores: float32 [rows, outputs].
        task: probabilities, unless numbers are predicted.
    """
    rows = scores.astype(np.float64)
    for wrong, what, values, remedy in (*_no_numbers(rows), *(() if task.is_regression else _no_probabilities(rows))):
        if wrong.any():
            first = float(values[np.argmax(wrong)])
            return f"{int(wrong.sum()):,} of {len(rows):,} rows have scores {what} (the first {first:.4g}): {remedy}"
    return None


Fault = tuple[np.ndarray, str, np.ndarray, str]
"""Which rows have it, bool [rows]; what it is; the values, float64 [rows]; what to do."""


def _no_numbers(rows: np.ndarray) -> Iterator[Fault]:
    lowest, highest = rows.min(axis=1), rows.max(axis=1)
    yield np.isnan(rows).any(axis=1), "NaN", np.full(len(rows), np.nan), "see whether the loss became NaN in training"
    yield np.isinf(rows).any(axis=1), "infinite", np.where(np.isinf(highest), highest, lowest), "see whether features.py divides by 0"


def _no_probabilities(rows: np.ndarray) -> Iterator[Fault]:
    lowest, highest, sums = rows.min(axis=1), rows.max(axis=1), rows.sum(axis=1)
    yield lowest < -ABOVE, "below 0", lowest, _ending(rows)
    yield highest > 1 + ABOVE, "above 1", highest, _ending(rows)
    if rows.shape[1] > 1:
        remedy = "let network.py end in a softmax over the classes"
        yield np.abs(sums - 1) > SUM_TO, "of classes that do not sum to 1", sums, remedy


def _ending(scores: np.ndarray) -> str:
    end = "softmax" if scores.shape[1] > 1 else "sigmoid"
    return f"these may be logits, let network.py end in a {end}"
