"""What a step is handed, and how it ends: whatever goes wrong in it is one sentence, in its log and in the run's row.

Every step imports this module, and few end badly: what only those need is imported then.
"""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

from components.cloud import Cloud
from components.errors import BlockedError, DoubledRunError, PerennialError, StorageFullError, TaskError
from components.files import NO_ROOM_CODE, OTHERS, disk_full
from components.log import configure_logging
from components.model.folder import Model, read_model
from components.settings import Settings, read_settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """What the body of a step works with."""

    run_id: str
    model: Model
    cloud: Cloud

    @property
    def settings(self) -> Settings:
        """The settings of this environment."""
        return self.cloud.settings


@contextmanager
def running_step(run_id: str, task: str, model: str) -> Iterator[Step]:
    """Run the body of a step of a model, its outcome recorded as `recorded_outcome` does."""
    with recorded_outcome(run_id, task) as settings:
        yield Step(run_id, read_model(settings.models_folder, model), Cloud(settings))


@contextmanager
def recorded_outcome(run_id: str, task: str) -> Iterator[Settings]:
    """Run the body of a step. If it raises, the run ends at once with the reason: as BLOCKED if a gate refused, else as FAILED.

    Raises:
        SystemExit: the body raised a PerennialError, whose sentence is the last line of the step's log.
        Exception: any other that the body raised; a bug keeps its traceback.
    """
    configure_logging()
    os.umask(OTHERS)
    try:
        settings = read_settings()
        try:
            with _within_limit(settings, task), _returning(task):
                yield settings
        except DoubledRunError:
            raise  # the run is not this execution's to end
        except Exception as error:
            _end_run(settings, run_id, _explained(error), task)
            raise
    except Exception as error:
        explained = _explained(error)
        if not isinstance(explained, PerennialError):
            raise
        sys.stderr.write(f"perennial: {explained}\n")
        raise SystemExit(NO_ROOM_CODE if isinstance(explained, StorageFullError) else 1) from error


class _LimitError(BaseException):
    """A step has taken too long. No library takes it for an error of its own, and goes on."""


@contextmanager
def _within_limit(settings: Settings, task: str) -> Iterator[None]:
    """Let a step take as long as the settings allow, wherever it runs.

    Raises:
        TaskError: the block has taken longer.
    """
    limit = settings.step_timeout_seconds

    def stop(*_: object) -> NoReturn:
        raise _LimitError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    except _LimitError as error:
        remedy = "its log tells what it waited for; PERENNIAL_STEP_TIMEOUT_SECONDS sets the limit"
        raise TaskError(f"step {task} did not end within {limit:g} s: {remedy}") from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _returning(task: str) -> Iterator[None]:
    """Let a step end by returning only: one whose code exits, with whatever code, has not done its work."""
    try:
        yield
    except SystemExit as stop:
        raise TaskError(f"the code that {task} runs called sys.exit({stop.code!r}): let it return, or raise an exception") from stop


def refuse(step: Step, sentence: str) -> None:
    """End the run as BLOCKED: a gate did its work and refuses, and the step itself succeeded."""
    from components.runs.record import RunState, finish_run

    with step.cloud.engine.begin() as connection:
        finish_run(connection, step.run_id, RunState.BLOCKED, sentence)
    sys.stderr.write(f"perennial: {sentence}\n")


def _end_run(settings: Settings, run_id: str, error: Exception, task: str) -> None:
    from components.database.engine import make_engine
    from components.runs.record import RunState, finish_run

    state = RunState.BLOCKED if isinstance(error, BlockedError) else RunState.FAILED
    sentence = str(error) if isinstance(error, PerennialError) else f"{task}: {type(error).__name__}: {_first_line(error)}"
    try:
        with make_engine(settings).begin() as connection:
            finish_run(connection, run_id, state, sentence)
    except PerennialError as unrecorded:
        log.error("the end of the run could not be recorded", extra={"run_id": run_id, "error": str(unrecorded)})


def _explained(error: Exception) -> Exception:
    return disk_full(error) or error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:500]
