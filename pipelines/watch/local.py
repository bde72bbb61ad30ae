"""Train on this machine: `perennial train` in a process of its own, which ends with the watcher's, while the watcher looks on."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from typing import IO, NoReturn

from components.decisions.record import TrainingOutcome
from components.errors import TaskError
from components.lock import exclusive_lock
from components.settings import Settings
from pipelines.run.locks import claimed_run_lock, running_models
from pipelines.run.task import end_with
from pipelines.watch.watcher import RESULTS, TrainingEnd, TrainingOrder, already_trained

STATES = {**RESULTS, "ALREADY_TRAINED": TrainingOutcome.KNOWN}
PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class _Process:
    process: subprocess.Popen[str]
    out: IO[str]
    deadline: float
    limit_seconds: float


@dataclass(frozen=True)
class LocalTrainer:
    """Trains one model at a time, each in a process without threads, as a run needs for its fork server."""

    settings: Settings
    _processes: dict[str, _Process] = field(default_factory=dict)
    _ends: dict[str, TrainingEnd] = field(default_factory=dict)

    def submit(self, order: TrainingOrder) -> None:
        """Begin the training; a later look sees how it ended.

        Raises:
            TaskError: a run of the model that was claimed before lives on this machine.
        """

        def refuse() -> NoReturn:
            raise TaskError(f"a run of {order.model.name} that was claimed before is in progress on this machine: wait for it")

        asked = ["--through", order.through.isoformat(), "--claimed", order.trigger, order.run_id, "--reason", order.reason]
        command = [sys.executable, "-m", "pipelines", "train", order.model.name, *asked, "--json", *(["--force"] if order.force else [])]
        out = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it is closed when the process has ended
        with exclusive_lock(claimed_run_lock(self.settings, order.model.name), on_busy=refuse) as lock:
            ends = partial(end_with, os.getpid())
            process = subprocess.Popen(command, stdout=out, text=True, preexec_fn=ends, pass_fds=(lock,))
        self._processes[order.run_id] = _Process(process, out, time.monotonic() + order.limit_seconds, order.limit_seconds)

    def is_under_way(self, run_id: str) -> bool:
        """Whether the process of a run lives."""
        self._reap()
        return run_id in self._processes

    def end_of(self, run_id: str) -> TrainingEnd | None:
        """How a run of this process ended, by its own word; None while it has not."""
        self._reap()
        return self._ends.get(run_id)

    def stop(self, run_id: str, _: str | None) -> None:
        """End the process of a run, if it is one of these."""
        if (found := self._processes.get(run_id)) is not None:
            found.process.kill()
            found.process.wait()

    def crowded(self, but_for: str) -> str:
        """Which other model is trained on this machine already, whoever does it."""
        self._reap()
        running = [name for name in running_models(self.settings) if name != but_for]
        return f"{running[0]} is trained on this machine, which trains one model at a time" if running else ""

    def wait(self, seconds: float | None) -> bool:
        """Wait until one of the trainings has ended, but at most so long. False if there is none."""
        begun, until = set(self._processes), None if seconds is None else time.monotonic() + seconds
        while begun <= self._processes.keys() and begun and (until is None or time.monotonic() < until):
            time.sleep(PAUSE_SECONDS)
            self._reap()
        return bool(begun)

    def _reap(self) -> None:
        """Note how processes ended, and end those that take too long."""
        for run_id, one in list(self._processes.items()):
            is_late = time.monotonic() >= one.deadline
            if is_late:
                self.stop(run_id, None)
            if one.process.poll() is not None:
                end = TrainingEnd(TrainingOutcome.FAILED, too_long(one.limit_seconds)) if is_late else _told(one)
                self._ends[run_id] = end
                one.out.close()
                del self._processes[run_id]


def too_long(seconds: float) -> str:
    """The sentence of a training that was ended."""
    return f"it did not end within {seconds / 3600:g} h: mend it, or raise continuous.training_hours"


def _told(ended: _Process) -> TrainingEnd:
    ended.out.seek(0)
    try:
        document = json.loads(ended.out.read())
    except json.JSONDecodeError:
        sentence = f"`perennial train` ended with exit code {ended.process.returncode} and said nothing"
        return TrainingEnd(TrainingOutcome.FAILED, sentence, is_silent=True)
    result = STATES.get(document.get("state", ""), TrainingOutcome.FAILED)
    version = document.get("version")
    if result is TrainingOutcome.KNOWN:
        return already_trained(version)
    return TrainingEnd(result, document.get("error") or f"version {version} passed both gates", version)
