"""Intervals by key of more rows than are kept in memory: what all rows come to is gathered first, then keys move it part by part."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from components.evaluation.chance.by_key import KeyMoves
from components.evaluation.chance.influence import Influence, influences, ratio_influence
from components.evaluation.metric import Metric, slice_key
from components.evaluation.split_scores import SplitRows
from components.model.task import LearningTask

EDGES = 4096
"""So many scores of a slice at most tell where rows are in its order; between two of them rows count as equal. With 256 the width of an
interval changed by less than 1%."""
ROUNDS = 2
"""In the second what depends on the first: the variance of labels on their mean, places of scores on which scores there are."""


def gather_intervals(
    metrics: Sequence[Metric], parts: Callable[[], Iterable[SplitRows]], count: int, version: str, task: LearningTask
) -> tuple[Metric, ...]:
    """As `with_key_intervals`, of rows in so many parts, which are asked for three times. All rows of a key are in one part."""
    slices: defaultdict[str, GatheredSlice] = defaultdict(lambda: GatheredSlice(sample=EDGES // count))
    for _ in range(ROUNDS):
        for rows in parts():
            for key, places in rows.slices.items():
                influences(rows.of(version, places), task, slices[slice_key({name: str(value) for name, value in key})])
        for one in slices.values():
            one.end_round()
    moved = KeyMoves()
    for rows in parts():
        moved.add(rows, version, task, slices.__getitem__)
    return moved.with_intervals(metrics)


@dataclass
class GatheredSlice:
    """What all rows of a slice come to, as parts of them are shown in several rounds; only after these influences are right."""

    sample: int
    """So many scores of each part are looked at to tell the order of all."""
    _sums: dict[str, tuple[float, float]] = field(default_factory=dict)
    _known: dict[str, tuple[float, float]] = field(default_factory=dict)
    _seen: dict[str, list[np.ndarray]] = field(default_factory=dict)
    _orders: dict[str, "_Order"] = field(default_factory=dict)

    def end_round(self) -> None:
        """All parts were shown once. What is no number yet depends on what was not known, and is gathered once more."""
        self._known |= {name: sums for name, sums in self._sums.items() if np.isfinite(sums).all()}
        self._sums = {}
        for order in self._orders.values():
            order.is_counted = True
        self._orders |= {name: _Order(np.unique(np.concatenate(seen))) for name, seen in self._seen.items()}
        self._seen = {}

    def ratio(self, name: str, top: np.ndarray, bottom: np.ndarray) -> Influence:
        """A sum over a sum."""
        if name in self._known:
            return ratio_influence(top, bottom, *self._known[name])
        of_top, of_bottom = self._sums.get(name, (0.0, 0.0))
        self._sums[name] = of_top + float(top.sum()), of_bottom + float(bottom.sum())
        return Influence(np.nan, np.zeros(len(top)))

    def area(self, name: str, is_one: np.ndarray, score: np.ndarray, weights: np.ndarray) -> Influence:
        """The area under the ROC curve, where ties count half."""
        if name in self._orders:
            return self._orders[name].area(is_one, score, weights)
        self._seen.setdefault(name, []).append(score[:: -(-len(score) // self.sample)])
        return Influence(np.nan, np.zeros(len(score)))


@dataclass
class _Order:
    """How many rows of either label stand at each place of the order of scores: at a score that was looked at, or between two of them."""

    edges: np.ndarray
    is_counted: bool = False

    def __post_init__(self) -> None:
        self._zeros, self._ones = np.zeros((2, 2 * len(self.edges) + 1))

    def area(self, is_one: np.ndarray, score: np.ndarray, weights: np.ndarray) -> Influence:
        """The area under the ROC curve, as AtHand has it, once all rows are counted."""
        places = np.searchsorted(self.edges, score, "left") + np.searchsorted(self.edges, score, "right")
        if not self.is_counted:
            self._ones += np.bincount(places[is_one], weights[is_one], len(self._ones))
            self._zeros += np.bincount(places[~is_one], weights[~is_one], len(self._zeros))
            return Influence(np.nan, np.zeros(len(score)))
        ones, zeros = self._ones.sum(), self._zeros.sum()
        if ones <= 0 or zeros <= 0:
            return Influence(np.nan, np.zeros(len(score)))
        above, below = (np.cumsum(self._zeros) - self._zeros / 2) / zeros, 1 - (np.cumsum(self._ones) - self._ones / 2) / ones
        area = float((self._ones * above).sum() / ones)
        moves = np.where(is_one, (above[places] - area) / ones, (below[places] - area) / zeros)
        return Influence(area, weights * moves)
