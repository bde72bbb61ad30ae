"""Rows of a formula: customers with several spans each, whose labels and scores hang together, and two versions of them."""

import numpy as np

from components.evaluation.split_scores import SplitRows
from components.measurement.slices import SliceKey
from components.model.task import BINARY, LearningTask


def customers(
    keys: int, *, seed: int, harm: float = 0.0, task: LearningTask = BINARY, groups: int = 4, most: int = 8, base: float = -0.5
) -> SplitRows:
    """Rows of `keys` customers, 1 to `most` each, scored by a champion and by a candidate that is worse where `harm` is above 0.

    Args:
        keys: how many customers.
        seed: of chance.
        harm: how much more noise the candidate's scores have.
        task: what labels and scores are. Numbers are around 20.
        groups: how many slices of very unequal size there are beside all rows.
        most: rows of a customer.
        base: the logit of label 1.
    """
    chance = np.random.default_rng(seed)
    key = np.repeat(np.arange(keys), chance.integers(1, most + 1, keys))
    truth = chance.normal(size=keys)[key]  # a customer stays who they are
    label = (chance.random(len(key)) < 1 / (1 + np.exp(-(base + 1.5 * truth)))).astype(np.float64)
    scores = {}
    for name, noise in (("champion", 0.0), ("candidate", harm)):
        # the errors of either version are a customer's own, and as large
        own, more = 0.5 * chance.normal(size=keys)[key], noise * chance.normal(size=keys)[key]
        scores[name] = (1 / (1 + np.exp(-(base + 1.5 * truth + own + more))))[:, None].astype(np.float32)
    if task.classes:
        label, scores = _in_classes(label, scores, len(task.classes), key)
    if task.is_regression:
        label = 20 + 4 * truth + chance.normal(size=len(key))
        scores = {name: (20 + 4 * (np.log(one / (1 - one)) - base) / 1.5).astype(np.float32) for name, one in scores.items()}
    group = (key % (2**groups)).astype(float)
    slices: dict[SliceKey, np.ndarray] = {(): np.arange(len(key))}
    for number in range(groups):
        slices[("group", f"g{number}"),] = np.flatnonzero(np.floor(np.log2(group + 1)) == number)
    return SplitRows(label, np.ones(len(key)), key, {one: places for one, places in slices.items() if len(places)}, scores)


def _in_classes(
    label: np.ndarray, scores: dict[str, np.ndarray], classes: int, key: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Label 0 stays class 0; label 1 is one of the others, which the versions tell apart by the customer's number."""
    which = 1 + key % (classes - 1)
    found = {}
    for name, one in scores.items():
        table = np.full((len(key), classes), 0.0)
        table[:, 0] = 1 - one[:, 0]
        table[np.arange(len(key)), which] = one[:, 0]
        found[name] = table.astype(np.float32)
    return np.where(label == 0, 0, which).astype(np.float64), found
