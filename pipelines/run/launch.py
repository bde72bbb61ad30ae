"""What launching a training and launching a reproduction share: compiling the pipeline, and running it on this machine."""

import hashlib
import secrets
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from components.cloud import Cloud
from components.errors import PerennialError, SettingsError, TaskError
from components.files import disk_full, is_full, private_folder
from components.lock import exclusive_lock
from components.model.folder import Model
from components.runs.provenance import Launch, git_state
from components.runs.record import RecordedRun, RunState, Trigger, close_interrupted, finish_run, read_run
from components.runs.steps import STEPS, Duty, TaskResult, TaskState
from components.settings import IMAGE, REPOSITORY, Settings, require_pinned
from pipelines.run.local import GRACE_SECONDS, ForkServer, LocalRun
from pipelines.run.locks import run_lock
from pipelines.run.temporary import sweep_drafts

KEPT_RUNS = 10
"""Folders of local runs that are kept; their rows and reports are kept for ever."""


@dataclass(frozen=True)
class Runner:
    """How pipelines are run on this machine."""

    settings: Settings
    server: ForkServer | None
    """None runs every task cold."""
    on_start: Callable[[str], None]
    """Called with the name of a step that begins."""
    on_end: Callable[[TaskResult], None]

    @cached_property
    def cloud(self) -> Cloud:
        """The services: one login for all that the launcher asks and records. On a disk without room no other would be possible."""
        return Cloud(self.settings)


@dataclass(frozen=True)
class Attempt:
    """One run of a pipeline on this machine, from before its first step on."""

    runner: Runner
    run_id: str

    @property
    def folder(self) -> Path:
        """Where the run's artifacts and logs are."""
        return self.runner.settings.state_folder / "runs" / self.run_id

    @contextmanager
    def recorded_refusal(self, record_start: Callable[[], None]) -> Iterator[None]:
        """Record a run that is refused before its first step as FAILED, with the reason. `record_start` records that it started."""
        try:
            _require_writable(self.folder.parent)
            yield
        except PerennialError as error:
            record_start()
            with self.runner.cloud.engine.begin() as connection:
                finish_run(connection, self.run_id, RunState.FAILED, str(error))
            raise

    def _end(self, state: RunState, sentence: str) -> None:
        """End the run's row, if it has not ended. A registry that cannot be reached is told by whoever reads the row next."""
        with suppress(PerennialError), self.runner.cloud.engine.begin() as connection:
            finish_run(connection, self.run_id, state, sentence)

    def run(
        self, pipeline: Callable[..., object], arguments: Mapping[str, str | int], *, environment: Mapping[str, str] | None = None
    ) -> tuple[RecordedRun, tuple[TaskResult, ...]]:
        """Run a pipeline to its end, however it ends. Returns the run as the registry has it, and how its steps ended.

        Args:
            pipeline: the KFP pipeline.
            arguments: the values of its parameters but `run_id`.
            environment: additional variables of every step.

        Raises:
            TaskError: its first step failed, so that the registry has no reason; the text is the step's own sentence. Or somebody
                stopped this process, by Ctrl-C or SIGTERM, and the run is recorded as CANCELLED.
        """
        deaths: list[str] = []

        def note(sentence: str) -> None:
            deaths.append(sentence)
            self._end(RunState.FAILED, sentence)

        runner, limit = self.runner, self.runner.settings.step_timeout_seconds + GRACE_SECONDS
        local = LocalRun(self.folder, runner.server, runner.on_start, runner.on_end, note, environment or {}, limit)
        try:
            with _stopped_in_order(local):
                succeeded = local.run(pipeline, {"run_id": self.run_id, **arguments})
        except KeyboardInterrupt as stop:
            self._end(RunState.CANCELLED, f"stopped by {stop}")
            raise TaskError(f"run {self.run_id} was stopped by {stop}: run the same command again, what is done already is kept") from stop
        except OSError as error:  # such as of a full disk
            known = disk_full(error) or TaskError(f"the folder of the run {self.folder} cannot be used ({error.strerror}): mend it")
            self._end(RunState.FAILED, str(known))
            raise known from error
        if not succeeded:
            failed = [result for result in local.results if result.state is TaskState.FAILED]
            sentence = next(filter(None, [*deaths, *map(_sentence, failed)]), None) or _unexplained(failed, local.folder)
            self._end(RunState.FAILED, sentence)  # unless a step has said why
            if beginning := [result for result in failed if STEPS[result.name].duty is Duty.BEGIN]:
                raise TaskError(f"{sentence} (log: {beginning[0].log})" if not deaths else sentence)
        with self.runner.cloud.engine.connect() as connection:
            return read_run(connection, self.run_id), tuple(local.results)


def _sentence(result: TaskResult) -> str | None:
    """What a step that failed said at last in its log; None if it said nothing."""
    lines = result.log.read_text(errors="replace").splitlines() if result.log.is_file() else []
    return next((line.removeprefix("perennial: ") for line in reversed(lines) if line.startswith("perennial: ")), None)


def _unexplained(failed: list[TaskResult], folder: Path) -> str:
    """The sentence for steps of which none has said why it failed."""
    full = "the disk is full: free some room and run the same command again; " if is_full(folder) else ""
    return f"{full}failed: {', '.join(result.name for result in failed)}; see the logs in {folder / 'logs'}"


@contextmanager
def _stopped_in_order(run: LocalRun) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the tasks of a run, and then the block with a KeyboardInterrupt that names the signal."""
    if threading.current_thread() is not threading.main_thread():  # only that one hears of signals
        yield
        return

    def stop(number: int, _: object) -> NoReturn:
        run.stop()
        raise KeyboardInterrupt("Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _require_writable(folder: Path) -> None:
    try:
        private_folder(folder)
        with tempfile.TemporaryDirectory(dir=folder):
            return
    except OSError as error:
        raise TaskError(
            f"the folder of runs {folder} cannot be written ({error.strerror}): mend it, or set PERENNIAL_STATE_FOLDER"
        ) from error


@contextmanager
def only_attempt(runner: Runner, model: str, *, run_id: str | None = None) -> Iterator[Attempt]:
    """The only run of a model on this machine, under a new id unless told. Interrupted runs are closed before it, old folders are
    deleted after it.

    Raises:
        TaskError: there is another run.
    """
    settings = runner.settings
    with _only_run(settings, model):
        with runner.cloud.engine.begin() as connection:
            close_interrupted(connection, model, socket.gethostname())
        yield Attempt(runner, run_id or new_run_id(model))
        _drop_old_runs(settings)


def new_run_id(model: str) -> str:
    """An id that no other run has: the model's name, the time, and six random digits."""
    return f"{model}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def compile_pipeline(pipeline: Any, path: Path, *, image: str | None = None, defaults: Mapping[str, str] | None = None) -> None:
    """Write a pipeline as YAML, with that image for every step and those defaults of its parameters.

    Raises:
        SettingsError: the image may be another one tomorrow.
    """
    from kfp import compiler

    if image is not None:
        try:
            require_pinned(image)
        except ValueError as error:
            raise SettingsError(str(error)) from error
    compiler.Compiler().compile(pipeline, str(path), pipeline_parameters=dict(defaults) if defaults else None)
    if image:
        path.write_text(path.read_text().replace(IMAGE, image))


def new_launch(pipeline: Any, model: Model | None, *, code_sha256: str, trigger: Trigger, reason: str, waive_gate: bool = False) -> Launch:
    """What this launcher knows of a run: the compiled pipeline, the code, who asks and why, the host and the commit.

    `model` is None where the run brings the code of a version with it.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        compile_pipeline(pipeline, path)
        pipeline_sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    commit, dirty = git_state(model.folder, model.files()) if model else git_state(REPOSITORY, ())
    return Launch(
        pipeline_sha256=pipeline_sha256,
        code_sha256=code_sha256,
        trigger=trigger,
        reason=reason,
        host=socket.gethostname(),
        git_commit=commit,
        git_dirty=dirty,
        waive_gate=waive_gate,
    )


@contextmanager
def _only_run(settings: Settings, model: str) -> Iterator[None]:
    """Hold the lock of a model's local runs. A killed run frees it."""

    def refuse() -> None:
        raise TaskError(f"another run of {model} is in progress on this machine: wait for it, or stop it")

    private_folder(settings.state_folder)
    with exclusive_lock(run_lock(settings, model), on_busy=refuse):
        yield


def _drop_old_runs(settings: Settings) -> None:
    """Delete the folders of all but the last runs, and what killed ones left in the caches."""
    folders = sorted((settings.state_folder / "runs").glob("*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for folder in folders[KEPT_RUNS:]:
        shutil.rmtree(folder, ignore_errors=True)
    sweep_drafts(settings.caches)
