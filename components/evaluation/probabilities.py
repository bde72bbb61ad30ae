"""Scores that are no probabilities are refused by name: every threshold, area and calibration of them would be nonsense."""

import numpy as np

SUM_TO = 1e-3
"""How far the scores of a row's classes may be from 1 together: float32 sums of a hundred classes are closer."""
ABOVE = 1e-6
"""How far a score may be outside 0 to 1, by rounding."""


def score_fault(scores: np.ndarray) -> str | None:
    """What is wrong with scores, with the first such value and how many rows have one; None if all are probabilities.

    Args:
        scores: float32 [rows, outputs].
    """
    rows = scores.astype(np.float64)
    lowest, highest, sums = rows.min(axis=1), rows.max(axis=1), rows.sum(axis=1)
    faults = (
        (np.isnan(rows).any(axis=1), "NaN", np.full(len(rows), np.nan), "see whether the loss became NaN in training"),
        (np.isinf(rows).any(axis=1), "infinite", np.where(np.isinf(highest), highest, lowest), "see whether features.py divides by 0"),
        (lowest < -ABOVE, "below 0", lowest, _ending(rows)),
        (highest > 1 + ABOVE, "above 1", highest, _ending(rows)),
        (
            np.abs(sums - 1) > SUM_TO if rows.shape[1] > 1 else np.zeros(len(rows), bool),
            "of classes that do not sum to 1",
            sums,
            "let network.py end in a softmax over the classes",
        ),
    )
    for wrong, what, values, remedy in faults:
        if wrong.any():
            first = float(values[np.argmax(wrong)])
            return f"{int(wrong.sum()):,} of {len(rows):,} rows have scores {what} (the first {first:.4g}): {remedy}"
    return None


def _ending(scores: np.ndarray) -> str:
    end = "softmax" if scores.shape[1] > 1 else "sigmoid"
    return f"these may be logits, let network.py end in a {end}"
