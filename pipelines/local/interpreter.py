"""The warm interpreter of a state folder: `perennial up` starts it, `perennial down` stops it."""

import shutil
import sys
from datetime import datetime
from pathlib import Path

from components.files import private_files, private_folder
from pipelines.local import daemons
from pipelines.local.daemons import Daemon
from pipelines.local.emulators import EmulatorState, EmulatorStatus
from pipelines.warm.address import Warmth, connected, folder_of

NAME = "warm"


def start_interpreter(state_folder: Path) -> None:
    """Start the interpreter for what is installed now, unless it runs. It gets ready on its own; nobody waits for it.

    One that has imported something else is stopped first, and so is one that a killed process has left half ready.
    """
    if sys.platform != "linux":
        return
    folder, running = folder_of(state_folder), _running(state_folder)
    if running is not None and running.command[-1] == str(folder):
        return
    stop_interpreter(state_folder)
    private_folder(folder.parent)
    with private_files():
        daemons.spawn((sys.executable, "-P", "-m", "pipelines.warm.server", str(folder)), _record(state_folder), _log(state_folder))


def stop_interpreter(state_folder: Path) -> bool:
    """Stop it, and what it has left of sockets. Returns whether it ran."""
    running = _running(state_folder)
    if running is not None:
        daemons.stop([running])
    shutil.rmtree(state_folder.absolute() / "warm", ignore_errors=True)
    return running is not None


def interpreter_status(state_folder: Path) -> EmulatorStatus:
    """Its status: silent as long as it imports."""
    running = _running(state_folder)
    if running is None:
        return EmulatorStatus(NAME, EmulatorState.DOWN, "", None, None, _log(state_folder))
    connection = connected(Path(running.command[-1]) / Warmth.HEAVY)
    if connection is not None:
        connection.close()
    state = EmulatorState.SILENT if connection is None else EmulatorState.UP
    return EmulatorStatus(NAME, state, "", running.pid, datetime.fromisoformat(running.since), _log(state_folder))


def _running(state_folder: Path) -> Daemon | None:
    return daemons.find(_record(state_folder))


def _record(state_folder: Path) -> Path:
    return state_folder.absolute() / "emulators" / f"{NAME}.pid"


def _log(state_folder: Path) -> Path:
    return state_folder.absolute() / "emulators" / "logs" / f"{NAME}.log"
