"""What a watcher is made of: how it trains, how it hears of alarms, and whom it tells."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from components.cloud import Cloud
from components.decisions.gather import ReadAlarms, Sources
from components.decisions.record import TrainingOutcome
from components.model.folder import Model
from components.runs.record import RunState

RESULTS: Mapping[str, TrainingOutcome] = {
    RunState.SUCCEEDED: TrainingOutcome.VERSION,
    RunState.BLOCKED: TrainingOutcome.REFUSED,
    RunState.FAILED: TrainingOutcome.FAILED,
    RunState.CANCELLED: TrainingOutcome.CANCELLED,
}
"""What comes of a training whose run ended so."""


@dataclass(frozen=True)
class TrainingOrder:
    """A training that was decided and claimed."""

    model: Model
    run_id: str
    through: date
    trigger: str
    reason: str
    force: bool
    """Train even if the same data and code gave a version already: other components may make another of them."""
    limit_seconds: float = 86_400.0
    """After so long it is ended."""


@dataclass(frozen=True)
class TrainingEnd:
    """How a training ended."""

    result: TrainingOutcome
    sentence: str
    version: int | None = None
    is_silent: bool = False
    """Whether its process ended without a word, as one that is killed does."""


def already_trained(version: int | None) -> TrainingEnd:
    """That there was nothing to train."""
    sentence = f"version {version} was trained on the same data, code and environment"
    return TrainingEnd(TrainingOutcome.KNOWN, sentence, version)


@dataclass(frozen=True)
class MeasurementEnd:
    """How a measurement ended of how fast a model's versions age."""

    is_done: bool
    """Whether it is known now, or known that it cannot be told."""
    sentence: str


def _is_not_measured(_: Model) -> MeasurementEnd:
    return MeasurementEnd(False, "this watcher does not measure")


@dataclass(frozen=True)
class Watcher:
    """How a watcher reaches what it needs."""

    cloud: Cloud
    train: Callable[[TrainingOrder], TrainingEnd | None]
    """Trains, and returns how it ended; None if it goes on elsewhere, or in another process."""
    is_under_way: Callable[[str], bool]
    """Whether a run is under way of which the registry does not know yet."""
    read_alarms: ReadAlarms
    on_news: Callable[[str, str], None]
    """Told the model and a sentence of all that is decided and done."""
    on_point: Callable[[str], None] = lambda _: None
    """Called between any two steps at which a watcher may die, with the name of the step that is done."""
    is_unheard: Callable[[str], bool] = lambda _: False
    """Whether who trains elsewhere has never heard of a run that was claimed, as where its submission was refused."""
    has_ended: Callable[[str], bool] = lambda _: False
    """Whether a run, by Kubeflow's id, is at its end there. Who cannot ask says no."""
    end_of: Callable[[str], TrainingEnd | None] = lambda _: None
    """How a run ended that the registry never heard of; None if nobody here knows."""
    stop: Callable[[str, str | None], None] = lambda *_: None
    """Ends a run that takes too long, by its id and Kubeflow's, as far as it is in reach."""
    crowded: Callable[[str], str] = lambda _: ""
    """Why no training can begin where trainings run, such as another one, but for those of a model; empty if one can."""
    wait: Callable[[float | None], bool] = lambda _: False
    """Waits so many seconds, or without a limit, for the end of a training that this process began. False if there was none."""
    measure: Callable[[Model], MeasurementEnd] = _is_not_measured
    """Measures how fast the versions of a model age, and waits for it."""
    host: str = field(default_factory=socket.gethostname)
    sources: Sources = field(default_factory=Sources)
