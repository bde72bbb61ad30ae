"""The prediction service of this machine, beside the emulators: `perennial up --serve TARGET` starts it, `perennial down` stops it."""

import http.client
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from components.errors import EmulatorError
from components.files import private_files
from pipelines.local import daemons
from pipelines.local.addresses import HOST
from pipelines.local.daemons import Daemon
from pipelines.local.emulators import EmulatorState, EmulatorStatus

NAME = "serve"
START_SECONDS = 300.0
"""For loading TensorFlow and every live version on a busy machine."""
STOP_SECONDS = 60.0
"""For requests that have begun, and for their log."""
ANSWER_SECONDS = 1.0


def start_prediction_service(state_folder: Path, target: str, port: int, progress: Callable[[str], None]) -> None:
    """Serve what is live on a target, and wait until it is loaded. A service that serves the same there already is left alone.

    Raises:
        EmulatorError: it does not start; its own words say why.
    """
    command = (sys.executable, "-P", "-m", "pipelines", "serve", "--target", target, "--port", str(port))
    running = _running(state_folder)
    if running is not None and running.command == command and _answers(port):
        progress(f"{NAME}: up already at {_address(port)}")
        return
    stop_prediction_service(state_folder)
    progress(f"{NAME}: starting")
    with private_files():
        daemon = daemons.spawn(command, _record(state_folder), _log(state_folder))
    deadline = time.monotonic() + START_SECONDS
    while not _answers(port):
        if not daemon.is_running or time.monotonic() > deadline:
            daemons.stop([daemon])
            raise EmulatorError(f"{NAME} will not start: {_last_words(state_folder)} (log: {_log(state_folder)})")
        time.sleep(0.1)
    progress(f"{NAME}: up at {_address(port)}, target {target}, token in {state_folder / 'serving' / 'token'}")


def stop_prediction_service(state_folder: Path) -> bool:
    """Stop it. Returns whether it ran."""
    running = _running(state_folder)
    if running is not None:
        daemons.stop([running], STOP_SECONDS)
    _record(state_folder).unlink(missing_ok=True)
    return running is not None


def prediction_service_status(state_folder: Path) -> list[EmulatorStatus]:
    """Its status; nothing where it was not asked for, or was stopped."""
    if not _record(state_folder).exists():
        return []
    running = _running(state_folder)
    if running is None:
        return [EmulatorStatus(NAME, EmulatorState.DOWN, "", None, None, _log(state_folder))]
    port = int(running.command[-1])
    state = EmulatorState.UP if _answers(port) else EmulatorState.SILENT
    return [EmulatorStatus(NAME, state, _address(port), running.pid, datetime.fromisoformat(running.since), _log(state_folder))]


def _running(state_folder: Path) -> Daemon | None:
    return daemons.find(_record(state_folder))


def _record(state_folder: Path) -> Path:
    return state_folder.absolute() / "emulators" / f"{NAME}.pid"


def _log(state_folder: Path) -> Path:
    return state_folder.absolute() / "emulators" / "logs" / f"{NAME}.log"


def _address(port: int) -> str:
    return f"http://{HOST}:{port}"


def _answers(port: int) -> bool:
    """Whether every live model is loaded."""
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _last_words(state_folder: Path) -> str:
    lines = [line.strip() for line in _log(state_folder).read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ") if lines else "it said nothing"
