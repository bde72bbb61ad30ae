"""How a step ends: whatever goes wrong in it is one sentence, in its log and in the run's row.

Every step imports this module, and few end badly: what only those need is imported then.
"""

import errno
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from components.errors import BlockedError, PerennialError, StorageFullError
from components.log import configure_logging
from components.settings import Settings, read_settings

log = logging.getLogger(__name__)


@contextmanager
def recorded(run_id: str, task: str) -> Iterator[Settings]:
    """The settings for a step's body. If the body fails, the run ends FAILED (BLOCKED by a gate) with the reason, at once.

    Raises:
        SystemExit: the body raised a PerennialError, whose sentence is the last line of the step's log.
        Exception: any other that the body raised; a bug keeps its traceback.
    """
    configure_logging()
    try:
        settings = read_settings()
        try:
            yield settings
        except Exception as error:
            _end_run(settings, run_id, _explained(error), task)
            raise
    except Exception as error:
        explained = _explained(error)
        if not isinstance(explained, PerennialError):
            raise
        sys.stderr.write(f"perennial: {explained}\n")
        raise SystemExit(1) from error


def refuse(settings: Settings, run_id: str, sentence: str) -> None:
    """A gate did its work and refuses: the run is BLOCKED, the step itself succeeded."""
    from components.database.engine import make_engine
    from components.runs.record import RunState, finish_run

    with make_engine(settings).begin() as connection:
        finish_run(connection, run_id, RunState.BLOCKED, sentence)


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
    full = (isinstance(error, OSError) and error.errno == errno.ENOSPC) or "No space left on device" in str(error)
    if full and not isinstance(error, PerennialError):
        return StorageFullError(f"the disk is full ({_first_line(error)}): free some room and run the same command again")
    return error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:500]
