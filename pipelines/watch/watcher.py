"""What a watcher is made of: how it trains, how it hears of alarms, and whom it tells."""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from components.cloud import Cloud
from components.decisions.gather import ReadAlarms, Sources
from components.decisions.record import TrainingOutcome
from components.model.folder import Model


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


@dataclass(frozen=True)
class TrainingEnd:
    """How a training ended."""

    result: TrainingOutcome
    sentence: str
    version: int | None = None


@dataclass(frozen=True)
class Watcher:
    """How a watcher reaches what it needs."""

    cloud: Cloud
    train: Callable[[TrainingOrder], TrainingEnd | None]
    """Trains, and returns how it ended; None if it goes on elsewhere."""
    is_under_way: Callable[[str], bool]
    """Whether a run is under way of which the registry does not know yet."""
    read_alarms: ReadAlarms
    on_news: Callable[[str, str], None]
    """Told the model and a sentence of all that is decided and done."""
    on_point: Callable[[str], None] = lambda _: None
    """Called between any two steps at which a watcher may die, with the name of the step that is done."""
    has_ended: Callable[[str], bool] = lambda _: False
    """Whether a run, by Kubeflow's id, is at its end there. Who cannot ask says no."""
    host: str = field(default_factory=socket.gethostname)
    sources: Sources = field(default_factory=Sources)
