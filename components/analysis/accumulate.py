"""What analyzers add up over the rows, batch by batch: one look at the rows serves all of them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


class Combiner(Protocol):
    """What adds up: one of tf.Transform's, or a count of tokens."""

    def create_accumulator(self) -> Any:
        """Of no rows."""

    def add_input(self, accumulator: Any, batch_values: tuple[Any, ...]) -> Any:
        """With a batch."""

    def compact(self, accumulator: Any) -> Any:
        """In its smallest form."""


class TokenCount:
    """How often each token is there."""

    def create_accumulator(self) -> Counter[Any]:
        """Of no rows."""
        return Counter()

    def add_input(self, accumulator: Counter[Any], batch_values: tuple[Any, ...]) -> Counter[Any]:
        """With a batch: an array of tokens."""
        accumulator.update(batch_values[0].tolist())
        return accumulator

    def compact(self, accumulator: Counter[Any]) -> Counter[Any]:
        """As it is."""
        return accumulator


@dataclass(frozen=True)
class Accumulation:
    """One analyzer's."""

    label: str
    columns: tuple[str, ...]
    """What of a batch it is given."""
    combiner: Combiner


def accumulate(accumulations: Iterable[Accumulation], batches: Iterable[Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """The accumulators of all rows, by label."""
    found = {one.label: one.combiner.create_accumulator() for one in accumulations}
    for batch in batches:
        for one in accumulations:
            found[one.label] = one.combiner.add_input(found[one.label], tuple(batch[name] for name in one.columns))
    return {one.label: one.combiner.compact(found[one.label]) for one in accumulations}
