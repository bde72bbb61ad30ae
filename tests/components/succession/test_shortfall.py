"""A version that is worse than the one before it is told within a few settled days, and one that is as good is left alone."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest

from components.model.task import BINARY, LearningTask, TaskName
from components.succession.shortfall import ScoredDay, Shortfall, find_shortfall
from tests.components.visits import day

ROWS, DAYS = 800, 10
CLASSES = LearningTask(TaskName.CLASSES, ("low", "middle", "high"))
NUMBERS, QUANTILES = LearningTask(TaskName.REGRESSION), LearningTask(TaskName.REGRESSION, quantiles=(0.1, 0.5, 0.9))


def lives(task: LearningTask, seed: int, noise: float) -> list[ScoredDay]:
    """Days on which the later version knows less by some noise: with 0 both are equally good, but differ, and so do days."""
    chance = np.random.default_rng(seed)
    found = []
    for number in range(DAYS):
        truth = chance.normal(size=ROWS)
        seen = {"before": chance.normal(0, 0.3, ROWS), "after": chance.normal(0, 0.3, ROWS) + noise * chance.normal(size=ROWS)}
        luck = {name: 0.1 * abs(chance.normal()) * chance.normal(size=ROWS) for name in seen}
        labels = _labels(task, truth + chance.normal(0, 1.2, ROWS) + chance.normal(0, 0.3))
        said = {name: _scores(task, truth + seen[name] + luck[name]) for name in seen}
        found.append(ScoredDay(day=day(number + 1), labels=labels, keys=chance.integers(0, 600, ROWS), **said))
    return found


def _labels(task: LearningTask, value: np.ndarray) -> np.ndarray:
    if task.is_regression:
        return 10 + value
    return np.searchsorted(np.array([-0.8, 0.8] if task.classes else [0.8]), value).astype(np.float64)


def _scores(task: LearningTask, value: np.ndarray) -> np.ndarray:
    if task.quantiles:
        return np.stack([10 + value + shift for shift in (-1.5, 0, 1.5)], axis=1).astype(np.float32)
    if task.is_regression:
        return (10 + value)[:, None].astype(np.float32)
    shares = [1 / (1 + np.exp(value)), np.exp(-(value**2)), 1 / (1 + np.exp(-value))]
    return np.stack(shares if task.classes else shares[-1:], axis=1).astype(np.float32)


def told(days: Sequence[ScoredDay], task: LearningTask) -> tuple[int, Shortfall] | None:
    """After how many days it is told first."""
    looks = ((end, find_shortfall(days[:end], 6, task)) for end in range(1, len(days) + 1))
    return next(((end, found) for end, found in looks if found is not None), None)


def test_a_version_that_is_worse_by_a_twentieth_is_told_within_a_week_and_an_equal_one_is_not() -> None:
    bad = [told(lives(BINARY, seed, 0.75), BINARY) for seed in range(12)]
    assert 0.04 < np.mean([one[1].loss for one in bad if one is not None]) < 0.08
    assert sum(one is not None and one[0] <= 7 for one in bad) >= 11
    assert np.median([one[0] for one in bad if one is not None]) <= 3
    assert sum(find_shortfall(lives(BINARY, seed, 0.0), 6, BINARY) is not None for seed in range(100, 120)) <= 1


@pytest.mark.parametrize(("task", "noise"), [(CLASSES, 0.75), (NUMBERS, 0.5), (QUANTILES, 0.5)], ids=["classes", "number", "quantiles"])
def test_so_it_is_with_whatever_is_predicted(task: LearningTask, noise: float) -> None:
    found = find_shortfall(lives(task, 1, noise)[:7], 6, task)
    assert found is not None
    assert 0.03 < found.loss < 0.12
    assert find_shortfall(lives(task, 100, 0.0), 6, task) is None


def test_what_is_told_names_both_versions_on_the_same_rows() -> None:
    days = lives(BINARY, 1, 1.5)
    found = find_shortfall(days, 6, BINARY)
    assert found is not None
    assert (found.before, found.metric, found.since, found.last, found.rows) == (6, "auc", day(1), day(1) + timedelta(days=9), 8_000)
    assert found.loss == pytest.approx(found.value_before - found.value)


def test_one_day_tells_nothing_and_neither_do_days_of_one_class() -> None:
    days = lives(BINARY, 1, 3.0)
    assert find_shortfall(days[:1], 6, BINARY) is None
    assert find_shortfall([], 6, BINARY) is None
    alike = [ScoredDay(day=one.day, labels=np.zeros(ROWS), keys=one.keys, before=one.before, after=one.after) for one in days]
    assert find_shortfall(alike, 6, BINARY) is None
