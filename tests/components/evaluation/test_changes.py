"""A candidate is refused where it is worse than the champion by more than chance and by enough to matter, and nowhere else."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from components.evaluation.champion.changes import MeasuredSplit, hold_against_champion
from components.evaluation.chance.influence import influences
from components.evaluation.metric import Check, Metric
from components.evaluation.split_scores import SplitRows
from components.model.folder import Model, read_model
from components.model.sections import Split
from components.model.task import BINARY, REGRESSION, LearningTask, TaskName
from tests.components.evaluation.simulated import customers
from tests.components.visits import write_model

CLASSES = LearningTask(TaskName.CLASSES, ("a", "b", "c"))


def model(folder: Path, *, task: LearningTask = BINARY, champion: str = "") -> Model:
    changes = {'slices = [["device"]]': 'slices = [["group"]]', "[serving]": f"{champion}\n\n[serving]"}
    if task != BINARY:
        changes |= {'"binary_classification"': f'"{task.name}"', 'metric = "auc"': f'metric = "{task.decisive_metrics[0]}"'}
    if task.classes:
        changes |= {'label = "returned"': f'label = "returned"\nclasses = {list(task.classes)}'}
    write_model(folder, toml=changes)
    return read_model(folder, "visits")


def measured(rows: SplitRows, split: Split, task: LearningTask = BINARY) -> MeasuredSplit:
    sides: dict[str, list[Metric]] = {name: [] for name in rows.scores}
    for name, metrics in sides.items():
        for key, places in rows.slices.items():
            slice_ = {feature: str(value) for feature, value in key}
            found = influences(rows.of(name, places), task)
            metrics += [Metric(metric, slice_, one.value, example_count=len(places)) for metric, one in found.items()]
    return MeasuredSplit(split=split, rows=rows, candidate=sides["candidate"], champion=sides["champion"])


def held(found: Model, harm: float, *, keys: int = 2_000, seed: int = 1, split: Split = Split.NEWEST) -> tuple[Check, ...]:
    return hold_against_champion(found, 6, [measured(customers(keys, seed=seed, harm=harm, task=found.task), split, found.task)])


def lost(checks: Sequence[Check]) -> list[tuple[str, dict[str, str]]]:
    return [(check.metric, dict(check.slice)) for check in checks if not check.passed]


def test_a_worse_candidate_loses_with_both_values(tmp_path: Path) -> None:
    checks = held(model(tmp_path), 1.5)
    first = checks[0]
    assert (first.metric, first.split, first.slice, first.passed) == ("auc", "newest", {}, False)
    assert first.rule == "not worse than version 6 by more than 0.005 and chance"
    assert first.value is not None
    assert first.baseline is not None
    assert first.value < first.baseline
    assert first.rows is not None
    assert first.rows > 2_000


@pytest.mark.parametrize("task", [BINARY, CLASSES, REGRESSION], ids=["two labels", "three classes", "numbers"])
def test_equal_candidates_are_let_through_in_19_of_20_cases(tmp_path: Path, task: LearningTask) -> None:
    found = model(tmp_path, task=task)
    assert sum(bool(lost(held(found, 0.0, keys=300, seed=seed))) for seed in range(60)) <= 3


def test_a_worse_candidate_of_several_classes_loses(tmp_path: Path) -> None:
    assert ("accuracy", {}) in lost(held(model(tmp_path, task=CLASSES), 2.0))


def test_a_worse_candidate_loses_by_the_share_that_its_error_is_larger(tmp_path: Path) -> None:
    checks = held(model(tmp_path, task=REGRESSION), 1.0)
    assert lost(checks)[:2] == [("root_mean_squared_error", {}), ("mean_absolute_error", {})]
    first = checks[0]
    assert first.value is not None
    assert first.baseline is not None
    larger = math.log(first.value / first.baseline)
    for tolerance, refused in ((larger - 0.01, True), (larger + 0.01, False)):
        champion = f"[evaluation.champion]\ntolerance = {tolerance:.6f}"
        again = held(model(tmp_path, task=REGRESSION, champion=champion), 1.0)
        assert (("root_mean_squared_error", {}) in lost(again)) == refused


def test_a_difference_that_is_certain_and_tiny_does_not_matter(tmp_path: Path) -> None:
    tolerant = model(tmp_path, champion="[evaluation.champion]\ntolerance = 0.5\nslice_tolerance = 0.5")
    assert lost(held(tolerant, 1.5)) == []


def test_a_bound_of_model_toml_holds_on_its_slice_and_split_alone(tmp_path: Path) -> None:
    bound = '[[evaluation.champion.changes]]\nmetric = "calibration"\nslice = { group = "g3" }\nsplit = "newest"\nworse_by_at_most = 0.01'
    text = f"[evaluation.champion]\ntolerance = 0.9\nslice_tolerance = 0.9\n\n{bound}"
    found = model(tmp_path, champion=text)
    assert ("calibration", {"group": "g3"}) in [(check.metric, check.slice) for check in held(found, 0.0)]
    assert "calibration" not in [check.metric for check in held(found, 0.0, split=Split.EVAL)]


def test_no_bound_refuses_where_the_tolerance_is_1(tmp_path: Path) -> None:
    assert held(model(tmp_path, champion="[evaluation.champion]\ntolerance = 1.0"), 2.0) == ()


@pytest.mark.parametrize("keys", [1, 3, 9])
def test_few_rows_are_not_judged_and_said_to_be_few(tmp_path: Path, keys: int) -> None:
    checks = held(model(tmp_path), 3.0, keys=keys)
    assert lost(checks) == []
    assert {check.note for check in checks} == {"not judged: fewer than 20 keys tell, or all labels are alike"}


def test_rows_of_one_label_have_no_area_to_lose(tmp_path: Path) -> None:
    rows = customers(200, seed=1, harm=2.0)
    one = SplitRows(np.ones(len(rows.labels)), rows.weights, rows.keys, rows.slices, rows.scores)
    checks = hold_against_champion(model(tmp_path), 6, [measured(one, Split.NEWEST)])
    area = next(check for check in checks if check.metric == "auc")
    assert area.passed
    assert area.value is not None
    assert math.isnan(area.value)
