"""A training that records what a training records, and computes nothing; and a watcher that trains so."""

import hashlib
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

from components.cloud import Cloud
from components.decisions.gather import ReadAlarms
from components.decisions.record import TrainingOutcome
from components.lock import exclusive_lock
from components.model.folder import Model
from components.registry.evaluations import record_blessing
from components.registry.versions import register_version
from components.runs.provenance import environment_digest, pipeline_version
from components.runs.record import Run, RunState, Trigger, finish_run
from components.settings import Settings
from components.snapshot.describe import describe_snapshot
from components.storage.manifest import CODE, Entry, Manifest, content_sha256
from pipelines.run.locks import run_lock
from pipelines.watch.models import watch_once
from pipelines.watch.watcher import MeasurementEnd, TrainingEnd, TrainingOrder, Watcher
from tests.components.recorded import blessing_of, record_pin, version_of


def nothing(_: str) -> None:
    """Goes on."""


@dataclass
class Trainer:
    """Trains as `perennial train` does, as far as the registry can tell."""

    cloud: Cloud
    state: RunState = RunState.SUCCEEDED
    """How trainings end."""
    on_point: Callable[[str], None] = nothing
    manifest: Manifest | None = None
    """Of versions whose bytes there are; None makes one of the model's files, which are nowhere."""
    is_blessed: bool = True
    """Whether the gate lets versions through."""

    def __call__(self, order: TrainingOrder) -> TrainingEnd | None:
        with exclusive_lock(run_lock(self.cloud.settings, order.model.name)):
            snapshot, _ = describe_snapshot(self.cloud, order.model, order.through)
            run = run_of(order)
            with self.cloud.engine.begin() as connection:
                record_pin(connection, run, snapshot)
            self.on_point("started")
            with self.cloud.engine.begin() as connection:
                if self.state is RunState.SUCCEEDED:
                    new = version_of(run, snapshot.snapshot_id, self.manifest or manifest_of(order.model))
                    record_blessing(connection, blessing_of(new, register_version(connection, new), blessed=self.is_blessed))
                finish_run(connection, run.run_id, self.state, None if self.state is RunState.SUCCEEDED else "for a test")
        return TrainingEnd(TrainingOutcome.FAILED, "whoever asks the registry knows better")


def run_of(order: TrainingOrder) -> Run:
    """The run that a training records."""
    return Run(
        run_id=order.run_id,
        model=order.model.name,
        pipeline_name="training",
        pipeline_version=pipeline_version(),
        pipeline_sha256="a" * 64,
        parameters={"through": order.through.isoformat()},
        trigger=Trigger(order.trigger),
        reason=order.reason,
        environment_digest=environment_digest(),
        package_versions={},
        host=socket.gethostname(),
    )


def manifest_of(model: Model) -> Manifest:
    """Of a version that has the model's folder with it."""
    entries = tuple(
        Entry((CODE / name).as_posix(), 1, hashlib.sha256((model.folder / name).read_bytes()).hexdigest(), "AAAAAA==", 1)
        for name in model.files()
    )
    return Manifest(f"gs://models/models/{model.name}/{content_sha256(entries)}", entries)


def no_alarms(*_: object) -> tuple[()]:
    """All is well."""
    return ()


def watcher_of(
    cloud: Cloud,
    trainer: Trainer | None = None,
    *,
    news: list[str] | None = None,
    on_point: Callable[[str], None] = nothing,
    read_alarms: ReadAlarms = no_alarms,
) -> Watcher:
    """A watcher that notes what it tells."""
    told = [] if news is None else news
    return Watcher(
        cloud, trainer or Trainer(cloud, on_point=on_point), lambda _: False, read_alarms, lambda _, text: told.append(text), on_point
    )


def watch_and_die(settings: Settings, model: str, point: str) -> None:
    """Watch once, and be killed as soon as a step is done: what a child process does."""

    def die(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    measured = MeasurementEnd(True, "a version loses nothing")
    watch_once(replace(watcher_of(Cloud(settings), on_point=die), measure=lambda _: measured), (model,))
