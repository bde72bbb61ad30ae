"""Influences are what leaving rows out does to a metric, and every metric is the one that is shown."""

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from components.evaluation.chance import influence
from components.evaluation.chance.by_key import with_key_intervals
from components.evaluation.chance.influence import LabelledScores, by_key, influences, numbered
from components.evaluation.metric import Metric
from components.evaluation.split_scores import RowCollector
from components.measurement.sums import ScoredRows
from components.model.task import BINARY, REGRESSION, LearningTask, TaskName
from tests.components.evaluation.simulated import customers

MOST_BYTES = 100
"""Of each row."""
CLASSES = LearningTask(TaskName.CLASSES, ("a", "b", "c"))


def rows(seed: int, task: LearningTask = BINARY, *, weighted: bool = False) -> tuple[LabelledScores, np.ndarray]:
    found = customers(60, seed=seed, task=task)
    weights = np.random.default_rng(seed).integers(1, 4, len(found.labels)).astype(np.float64) if weighted else found.weights
    return LabelledScores(found.labels, found.scores["champion"].astype(np.float64), weights), found.keys


def without(found: LabelledScores, left_out: np.ndarray) -> LabelledScores:
    return LabelledScores(found.labels[~left_out], found.scores[~left_out], found.weights[~left_out])


HASH = """
import hashlib
from components.evaluation.chance.influence import influences
from components.model.task import BINARY
from tests.components.evaluation.test_influence import rows
found = [influences(rows(seed)[0], BINARY) for seed in range(20)]
print(hashlib.sha256(b"".join(influence.rows.tobytes() for by_name in found for influence in by_name.values())).hexdigest())
"""


def test_influences_are_the_same_bits_on_every_processor() -> None:
    kernels = ("Haswell", "Prescott")  # OpenBLAS adds up in another order by each
    hashes = set()
    for kernel in kernels:
        environment = os.environ | {"OPENBLAS_CORETYPE": kernel}
        hashes.add(subprocess.check_output([sys.executable, "-c", HASH], env=environment, text=True))
    assert len(hashes) == 1


@pytest.mark.parametrize("weighted", [False, True], ids=["each row counts 1", "rows have weights"])
@pytest.mark.parametrize("task", [BINARY, CLASSES, REGRESSION], ids=["two labels", "three classes", "numbers"])
def test_the_influence_of_a_key_is_what_leaving_it_out_does(task: LearningTask, weighted: bool) -> None:
    found, keys = rows(1, task, weighted=weighted)
    whole = influences(found, task)
    assert set(whole) == set(task.metrics) - {"example_count"}
    for name, moved_by in whole.items():
        sums = by_key(moved_by.rows, keys)
        left = np.array([influences(without(found, keys == key), task)[name].value for key in range(len(sums))])
        moved = moved_by.value - left
        assert np.allclose(sums, moved, atol=0.25 * np.abs(moved).max() + 1e-12), name
        assert np.corrcoef(sums, moved)[0, 1] > 0.99, name
        assert abs(sums.sum()) < 1e-9, name


def test_an_area_counts_ties_half() -> None:
    found = LabelledScores(np.array([1.0, 0.0, 1.0, 0.0]), np.array([[0.5], [0.5], [0.7], [0.1]]), np.ones(4))
    assert influences(found, BINARY)["auc"].value == (0.5 + 1 + 1 + 1) / 4


def test_scores_are_looked_up_in_parts_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = rows(2)
    whole = influences(found, BINARY)["auc"].rows.tobytes()
    monkeypatch.setattr(influence, "RANKED", 7)
    assert influences(found, BINARY)["auc"].rows.tobytes() == whole


def test_keys_are_numbered_in_their_order() -> None:
    keys = np.array([7, 3, 3, 9, 7], np.int32)
    assert numbered(keys).tolist() == np.unique(keys, return_inverse=True)[1].tolist() == [1, 0, 0, 2, 1]


def test_intervals_of_many_rows_take_few_bytes_of_each() -> None:
    count, chance = 200_000, np.random.default_rng(1)
    collector = RowCollector()
    for start in range(0, count, 20_000):
        labels = chance.integers(0, 2, 20_000).astype(np.float64)
        scored = ScoredRows(labels, chance.random((20_000, 1)).astype(np.float32), np.broadcast_to(np.ones(1), 20_000), {})
        collector.add({"it": scored}, [np.full(20_000, 0), np.arange(start, start + 20_000) % 5 + 1])
    keys = chance.integers(0, count // 4, count)
    tracemalloc.start()
    try:
        found = collector.rows(keys, [(), *((("group", str(place)),) for place in range(5))], ["it"])
        with_key_intervals([Metric(slice={}, name="auc", value=0.5)], found, "it", BINARY)
        assert tracemalloc.get_traced_memory()[1] / count < MOST_BYTES
    finally:
        tracemalloc.stop()


def test_a_weight_is_so_many_rows() -> None:
    found, _ = rows(2, weighted=True)
    times = found.weights.astype(int)
    repeated = LabelledScores(np.repeat(found.labels, times), np.repeat(found.scores, times, axis=0), np.ones(times.sum()))
    for name, one in influences(found, BINARY).items():
        assert one.value == pytest.approx(influences(repeated, BINARY)[name].value), name


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_label_alone_has_no_area(label: float) -> None:
    found = influences(LabelledScores(np.full(30, label), np.linspace(0, 1, 30)[:, None], np.ones(30)), BINARY)
    assert np.isnan(found["auc"].value)
    assert np.isfinite(found["binary_accuracy"].value)
