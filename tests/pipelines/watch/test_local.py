"""Trainings in processes of this machine: one at a time, within their limit, while the watcher looks on."""

from dataclasses import replace
from pathlib import Path

import pytest

from components.decisions.record import TrainingOutcome
from components.errors import TaskError
from components.lock import exclusive_lock
from components.model.folder import read_model
from components.settings import read_settings
from pipelines.run.locks import run_lock
from pipelines.watch.local import LocalTrainer
from pipelines.watch.watcher import TrainingEnd, TrainingOrder
from tests.components.visits import day, write_model


@pytest.fixture
def order(tmp_path: Path) -> TrainingOrder:
    """Of a model that the process does not find."""
    write_model(tmp_path, name="nowhere")
    return TrainingOrder(read_model(tmp_path, "nowhere"), "nowhere-decision-1-1", day(6), "partition", "a test", force=False)


@pytest.fixture
def trainer(tmp_path: Path) -> LocalTrainer:
    return LocalTrainer(read_settings().model_copy(update={"state_folder": tmp_path / "state"}))


def test_a_training_goes_on_beside_the_watcher_who_hears_how_it_ended(trainer: LocalTrainer, order: TrainingOrder) -> None:
    assert trainer.crowded("") == ""
    trainer.submit(order)
    assert trainer.is_under_way(order.run_id)
    another = LocalTrainer(trainer.settings)
    for one in (trainer, another):
        assert one.crowded("") == "nowhere is trained on this machine, which trains one model at a time"
        assert one.crowded("nowhere") == ""
    with pytest.raises(TaskError, match=r"a run of nowhere that was claimed before is in progress on this machine: wait for it"):
        another.submit(order)
    assert trainer.end_of(order.run_id) is None
    assert trainer.wait(300)
    assert not trainer.is_under_way(order.run_id)
    end = trainer.end_of(order.run_id)
    assert end is not None
    assert (end.result, end.version) == (TrainingOutcome.FAILED, None)
    assert not end.sentence.startswith("`perennial train` ended"), "it is the command's own sentence"
    assert another.crowded("") == ""
    assert not trainer.wait(None), "nothing is left to wait for"


def test_a_training_that_takes_too_long_is_ended(trainer: LocalTrainer, order: TrainingOrder) -> None:
    trainer.submit(replace(order, limit_seconds=0.0))
    assert trainer.wait(300)
    sentence = "it did not end within 0 h: mend it, or raise continuous.training_hours"
    assert trainer.end_of(order.run_id) == TrainingEnd(TrainingOutcome.FAILED, sentence)


def test_a_training_of_somebody_else_on_this_machine_is_waited_for(trainer: LocalTrainer) -> None:
    with exclusive_lock(run_lock(trainer.settings, "churn")):
        assert trainer.crowded("") == "churn is trained on this machine, which trains one model at a time"
    assert trainer.crowded("") == ""
