"""Scores, labels and slices in batches, summed up, and the metrics that follow: the same code for examples that a model scores now and for
predictions that were kept.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from components.errors import TaskError
from components.measurement import tfma_private
from components.measurement.slices import SliceKey, Slices
from components.measurement.sums import Count, ScoredRows, Sums
from components.measurement.tfma_private import Metrics

ROW_COUNT = Count(is_weighted=False)


class Measurement:
    """What an EvalConfig asks for, of all rows that were added."""

    def __init__(self, config: Any) -> None:
        """From a configuration that is completed with TFMA's defaults.

        Raises:
            StockOnlyError: only the stock Evaluator knows what it asks for.
        """
        self._plan = tfma_private.plan(config)
        self._slices = Slices([list(spec.feature_keys) for spec in config.slicing_specs])
        self._outputs = 0
        self._sums: Sums | None = None

    @property
    def features(self) -> list[str]:
        """The columns that are sliced by."""
        return self._slices.features

    @property
    def slices(self) -> list[SliceKey]:
        """Those met so far, by their number."""
        return self._slices.keys

    def add(self, rows: ScoredRows) -> list[np.ndarray]:
        """Add a batch. How rows are cut into batches changes nothing, only their order does, in the last bits of sums of scores.

        Returns the number of each row's slice, int64 [rows], for each slicing specification; -1 where a row is in none of it.

        Raises:
            StockOnlyError: only the stock Evaluator knows what the rows mean.
            TaskError: a score is NaN.
        """
        rows = _at_middle(rows, self._plan.quantiles)
        if self._sums is None:
            self._outputs = rows.scores.shape[1]
            self._sums = Sums([ROW_COUNT, *self._plan.statistics], self._outputs)
        numbers = self._slices.number(rows.features, len(rows.labels))
        self._sums.add(rows, numbers, len(self._slices.keys))
        return numbers

    def metrics(self) -> Iterator[tuple[SliceKey, Metrics]]:
        """The metrics and plots of every slice, by TFMA's keys."""
        if self._sums is None:
            return
        for number, key in sorted(enumerate(self._slices.keys), key=lambda one: (len(one[1]), str(one[1]))):
            (rows,), *cells = self._sums.of(number)
            if rows:
                yield key, self._plan.metrics(cells, self._outputs)


def _at_middle(rows: ScoredRows, quantiles: int) -> ScoredRows:
    """Rows whose score is the middle one of so many quantiles; of a model without quantiles, as they are.

    Raises:
        TaskError: the model gives another number of scores.
    """
    if not quantiles:
        return rows
    if rows.scores.shape[1] != quantiles:
        raise TaskError(f"the model gives {rows.scores.shape[1]} scores, and rows.quantiles of model.toml has {quantiles}")
    return replace(rows, scores=rows.scores[:, [quantiles // 2]], quantiles=rows.scores)
