"""Whether a version is worse than the one before it, by what both say of the same served rows.

A version that is bad from its first day has no better days to be held against, and versions differ for many reasons; the version before it,
asked the same rows, shares their weather and their labels. So a few days of settled labels tell.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy.special import ndtr

from components.evaluation.chance.influence import LabelledScores, influences, turned_to_quality
from components.evaluation.chance.spread import paired_change
from components.model.metric_names import PINBALL_LOSS, ROOT_MEAN_SQUARED_ERROR, macro_metric
from components.model.task import LearningTask

MARGIN = 0.02
"""Of an area under the ROC curve, or of an error as a share of it: by less is no version bad."""
LEVEL = 0.01
"""A version that is worse by the margin is called bad in so many of the looks at it; one that is as good, in far fewer."""
USUAL = 0.01
"""How far days differ in by how much one version is better than another, at least, where both are equally good."""
LEAST_DAYS = 2
"""Of settled labels."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ScoredDay:
    """Rows of a day with their labels, and what both versions say of them."""

    day: date
    labels: np.ndarray
    """float64 [rows]"""
    keys: np.ndarray
    """Any number for each key, int64 [rows]."""
    before: np.ndarray
    """What the earlier version says, float32 [rows, outputs]."""
    after: np.ndarray
    """What the later one said."""


@dataclass(frozen=True, kw_only=True)
class Shortfall:
    """A version is worse than the one before it."""

    before: int
    """The earlier version."""
    metric: str
    value: float
    value_before: float
    """Of the same rows."""
    loss: float
    """By how much the metric is worse; of an error, as a share of it."""
    since: date
    last: date
    rows: int


def _metric_of(task: LearningTask) -> str:
    """The metric by which versions are held against each other."""
    if task.is_regression:
        return PINBALL_LOSS if task.quantiles else ROOT_MEAN_SQUARED_ERROR
    return macro_metric("auc") if task.classes else "auc"


def find_shortfall(days: Sequence[ScoredDay], before: int, task: LearningTask) -> Shortfall | None:
    """How much a version is worse than the one before it; None if it is not, or not surely.

    Args:
        days: those of which the labels are settled, the oldest first.
        before: the earlier version.
        task: what both predict.
    """
    if len(days) < LEAST_DAYS:
        return None
    name = _metric_of(task)
    change, values = _change(days, task, name)
    each = [_change([day], task, name)[0][0] for day in days]
    known = [one for one in each if math.isfinite(one)]
    value, error = change
    if not math.isfinite(value) or not error > 0 or sum(one < 0 for one in known) < 2 / 3 * len(days):
        return None
    spread = max(float(np.std(known, ddof=1)) if len(known) > LEAST_DAYS else 0.0, USUAL)
    if ndtr((value + MARGIN) / math.hypot(error, spread / math.sqrt(len(days)))) > LEVEL:
        return None
    return Shortfall(
        before=before,
        metric=name,
        value=values[1],
        value_before=values[0],
        loss=-value,
        since=days[0].day,
        last=days[-1].day,
        rows=sum(len(day.labels) for day in days),
    )


def _change(days: Sequence[ScoredDay], task: LearningTask, name: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """By how much more of the quality the later version has, with the standard error; and the metric of both."""
    labels, keys = (np.concatenate([getattr(day, part) for day in days]) for part in ("labels", "keys"))
    weights, numbers = np.ones(len(labels)), np.unique(keys, return_inverse=True)[1]
    found = [
        influences(LabelledScores(labels, np.concatenate([getattr(day, part) for day in days]).astype(np.float64), weights), task)
        for part in ("before", "after")
    ]
    was, now = (turned_to_quality(one)[name] for one in found)
    change = paired_change(was, now, numbers)
    return (change.value, change.error), (found[0][name].value, found[1][name].value)
