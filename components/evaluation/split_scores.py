"""A split of the examples, scored by one version or by two at once: what each comes to, and every row, for intervals by key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from components.errors import TaskError
from components.evaluation.chance.influence import LabelledScores
from components.examples.keys import keys_file
from components.measurement.measurement import Measurement
from components.measurement.scored import Network, read_rows, score_ahead
from components.measurement.slices import SliceKey
from components.measurement.sums import ScoredRows


@dataclass(frozen=True, eq=False)
class SplitRows:
    """The rows of a split, kept: some 25 bytes each, and its scores."""

    labels: np.ndarray
    """float64 [rows]"""
    weights: np.ndarray
    """float64 [rows]"""
    keys: np.ndarray
    """The number of each row's key, from 0 without gaps, whole [rows]."""
    slices: Mapping[SliceKey, np.ndarray]
    """The places of the rows of each slice, whole numbers; () is all of them."""
    scores: Mapping[str, np.ndarray]
    """What each version says, float32 [rows, outputs], by its name."""

    def of(self, version: str, places: np.ndarray) -> LabelledScores:
        """Rows as a version scores them, by their places."""
        is_one_number = self.weights.strides == (0,)
        weights = np.broadcast_to(self.weights[:1], len(places)) if is_one_number else self.weights[places]
        return LabelledScores(self.labels[places], self.scores[version][places].astype(np.float64), weights)


@dataclass(frozen=True, eq=False)
class SplitScores:
    """What each version comes to, by its name, and all rows."""

    measurements: Mapping[str, Measurement]
    rows: SplitRows | None
    """None if there are none."""
    failures: Mapping[str, str]
    """Why a version cannot be evaluated on these rows, by its name; never of the first."""


@dataclass(eq=False)
class RowCollector:
    """Takes batches of rows, and gives all of them."""

    _rows: list[ScoredRows] = field(default_factory=list)
    _scores: dict[str, list[np.ndarray]] = field(default_factory=dict)
    _numbers: list[list[np.ndarray]] = field(default_factory=list)

    def add(self, scored: Mapping[str, ScoredRows], numbers: list[np.ndarray]) -> None:
        """A batch, as each version scores it, and its slices as `Measurement.add` numbers them."""
        rows = next(iter(scored.values()))
        self._rows.append(ScoredRows(rows.labels, np.empty(0), rows.weights, {}))
        self._numbers.append([one.astype(np.int32) for one in numbers])
        for name, one in scored.items():
            self._scores.setdefault(name, []).append(one.scores)

    def rows(self, keys: np.ndarray | None, slices: list[SliceKey], versions: Sequence[str]) -> SplitRows:
        """All rows, as these versions score them. `keys` tells keys apart, any integers [rows]; None gives every row a key of its own."""
        specs = [np.concatenate(parts) for parts in zip(*self._numbers, strict=True)]
        self._numbers.clear()
        labels, parts = np.concatenate([rows.labels for rows in self._rows]), [rows.weights for rows in self._rows]
        self._rows.clear()
        all_one = all((part == 1.0).all() for part in parts)  # which takes no memory
        return SplitRows(
            labels=labels,
            weights=np.broadcast_to(np.ones(1), len(labels)) if all_one else np.concatenate(parts),
            keys=np.arange(len(labels)) if keys is None else np.unique(keys, return_inverse=True)[1].astype(_whole(len(labels))),
            slices={slices[number]: places for spec in specs for number, places in _places(spec)},
            scores={name: np.concatenate(self._scores.pop(name)) for name in versions},
        )


def _places(numbers: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """The places of each number that is not negative."""
    order = np.argsort(numbers, kind="stable").astype(_whole(len(numbers)))
    found, starts = np.unique(numbers[order], return_index=True)
    parts = np.split(order, starts[1:])
    return [(int(number), places) for number, places in zip(found, parts, strict=True) if number >= 0]


def _whole(most: int) -> type[np.integer[Any]]:
    """The smallest type that numbers so many things."""
    return np.int32 if most < np.iinfo(np.int32).max else np.int64


def score_split(config: Any, examples: Path, split: str, networks: Mapping[str, Network]) -> SplitScores:
    """Read a split once, and score it by every network.

    Args:
        config: an EvalConfig that is completed with TFMA's defaults.
        examples: the folder of Split-SPLIT/*.gz.
        split: which.
        networks: by the name of the version. The first is judged; another that fails is left out.

    Raises:
        StockOnlyError: only the stock Evaluator knows what the configuration or the rows ask for.
        TaskError: the first network scores a row as NaN.
    """
    import tensorflow as tf

    files, (model_spec,), (judged, *others) = split_files(examples, split), config.model_specs, networks
    measurements, collector, failures = {name: Measurement(config) for name in networks}, RowCollector(), dict[str, str]()
    for ahead in score_ahead(read_rows(files, model_spec, measurements[judged].features), networks):
        scored = {judged: ahead[judged].result()}
        numbers = measurements[judged].add(scored[judged])
        for name in (name for name in others if name not in failures):
            try:
                scored[name] = ahead[name].result()
                measurements[name].add(scored[name])
            except (TaskError, tf.errors.OpError) as error:
                failures[name] = str(error).splitlines()[0]
        collector.add({name: one for name, one in scored.items() if name not in failures}, numbers)
    measured = {name: measurement for name, measurement in measurements.items() if name not in failures}
    slices = measurements[judged].slices
    return SplitScores(measured, collector.rows(_keys(files), slices, list(measured)) if slices else None, failures)


def measure_split(config: Any, examples: Path, split: str, network: Network) -> Measurement:
    """What a network comes to on a split. No row is kept.

    Raises:
        StockOnlyError: only the stock Evaluator knows what the configuration or the rows ask for.
        TaskError: a score is NaN.
    """
    measurement, (model_spec,) = Measurement(config), config.model_specs
    for ahead in score_ahead(read_rows(split_files(examples, split), model_spec, measurement.features), {split: network}):
        measurement.add(ahead[split].result())
    return measurement


def split_files(examples: Path, split: str) -> list[Path]:
    """A split's files of examples, in the order in which they are read; none if there is no such split."""
    folder = examples / f"Split-{split}"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _keys(files: list[Path]) -> np.ndarray | None:
    """The hashes of the rows' keys; None where they were not kept."""
    paths = [keys_file(file) for file in files]
    return np.concatenate([np.load(path) for path in paths]) if all(path.is_file() for path in paths) else None
