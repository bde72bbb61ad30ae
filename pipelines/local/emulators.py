"""Start, find and stop the emulators of Google Cloud on this machine: `perennial up`, `down` and `status`."""

import contextlib
import http.client
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from components.errors import EmulatorError
from components.files import is_full, private_files, private_folder, write_whole
from components.lock import exclusive_lock
from components.settings import ENDPOINTS_FILE, Settings
from pipelines.local import addresses, daemons
from pipelines.local.accounts import is_key, key_file
from pipelines.local.addresses import HOST, Addresses
from pipelines.local.command_lines import ADDRESSES, PYTHON, EmulatorName, command_line, endpoints, shown_address
from pipelines.local.daemons import Daemon

START_SECONDS = 120.0
"""How long an emulator may take until it answers. It usually takes 5 seconds, but longer on a busy machine."""

SILENCE_SECONDS = 10.0
"""How long an emulator that has started may be silent, before it is taken for stuck."""
ANSWER_SECONDS = 1.0

Progress = Callable[[str], None]


class EmulatorState(StrEnum):
    """Whether an emulator runs and answers."""

    UP = "up"
    SILENT = "silent"
    """It runs and does not answer, because it is starting or overloaded."""
    DOWN = "down"


@dataclass(frozen=True)
class EmulatorStatus:
    """What `perennial status` shows of an emulator. `pid` and `since` are None if it does not run."""

    name: str
    state: EmulatorState
    address: str
    pid: int | None
    since: datetime | None
    log: Path


def start(settings: Settings, progress: Progress, *, host: str = HOST) -> None:
    """Start the emulators, wait until all answer, and write their addresses into endpoints.env in the state folder.

    Emulators that run already and answer are left alone; one that has fallen silent is started again. Of two callers at the same time the
    second waits, and finds everything up.

    Args:
        settings: name the state folder, the project and the users.
        progress: called with a sentence for whatever is started.
        host: the address of this machine on which they listen, and nowhere else. Any but 127.0.0.1 is reached by others too.

    Raises:
        EmulatorError: an emulator does not start (then those that this call started are stopped), the environment of the emulators is
            missing, or `host` is no address of this machine.
    """
    if not PYTHON.exists():
        raise EmulatorError(f"the emulators' environment is missing ({PYTHON}): run `make setup`")
    private_folder(settings.state_folder)
    if settings.state_folder.stat().st_uid != os.geteuid():
        raise EmulatorError(f"{settings.state_folder} belongs to another user: set PERENNIAL_STATE_FOLDER to a folder of your own")
    folder = _folder(settings.state_folder)
    with private_files(), _alone(folder, progress):
        running = _running(folder)
        in_use = {name for part in running for name in ADDRESSES[part]}
        chosen = addresses.choose(_ports_file(folder), host, in_use=in_use, progress=progress)
        commands = {part: command_line(part, settings, folder, chosen) for part in EmulatorName}
        daemons.stop(outdated := _outdated(folder, running, chosen, commands, progress))
        sound = {part: daemon for part, daemon in running.items() if daemon not in outdated}
        if not _bring_up(folder, sound, commands, chosen, progress):
            progress("the emulators are up already")
        write_whole(settings.state_folder / ENDPOINTS_FILE, endpoints(settings, folder, chosen))


def _outdated(
    folder: Path,
    running: Mapping[EmulatorName, Daemon],
    chosen: Addresses,
    commands: Mapping[EmulatorName, tuple[str, ...]],
    progress: Progress,
) -> list[Daemon]:
    """What runs with another command line, does not answer, or has lost the keys that it writes when it starts."""
    silent = _silent(running, chosen)
    for part in silent:
        progress(f"{part}: does not answer")
    outdated = [daemon for part, daemon in running.items() if daemon.command != commands[part] or part in silent]
    has_keys = all(is_key(key_file(folder, role)) for role in ("owner", "writer"))
    if not has_keys and EmulatorName.CLOUD_SQL in running and _answers(EmulatorName.CLOUD_SQL, chosen):  # else it is about to write them
        outdated.append(running[EmulatorName.CLOUD_SQL])
    return outdated


def stop(state_folder: Path, progress: Progress) -> None:
    """Stop the emulators. Their state and their addresses stay on disk."""
    folder = _folder(state_folder)
    if not folder.is_dir():
        progress("no emulators were ever started here")
        return
    with _alone(folder, progress):
        running = _running(folder)
        daemons.stop(list(running.values()))
        for part in EmulatorName:
            _record(folder, part).unlink(missing_ok=True)
    for part in running:
        progress(f"{part}: stopped")
    if not running:
        progress("the emulators are down already")


def status(state_folder: Path) -> list[EmulatorStatus]:
    """The status of every emulator."""
    folder = _folder(state_folder)
    chosen = addresses.read(_ports_file(folder))
    running = _running(folder)
    return [_emulator_status(part, running.get(part), chosen, _log(folder, part)) for part in EmulatorName]


def _emulator_status(part: EmulatorName, daemon: Daemon | None, chosen: Addresses | None, log: Path) -> EmulatorStatus:
    address = shown_address(part, chosen) if chosen else ""
    if daemon is None or chosen is None:
        return EmulatorStatus(part, EmulatorState.DOWN, address, None, None, log)
    state = EmulatorState.UP if _answers(part, chosen) else EmulatorState.SILENT
    return EmulatorStatus(part, state, address, daemon.pid, datetime.fromisoformat(daemon.since), log)


def _folder(state_folder: Path) -> Path:
    return state_folder.absolute() / "emulators"


def _ports_file(folder: Path) -> Path:
    return folder / "ports.json"


def _record(folder: Path, part: EmulatorName) -> Path:
    return folder / f"{part}.pid"


def _log(folder: Path, part: EmulatorName) -> Path:
    return folder / "logs" / f"{part}.log"


def _running(folder: Path) -> dict[EmulatorName, Daemon]:
    found = {part: _find(folder, part) for part in EmulatorName}
    return {part: daemon for part, daemon in found.items() if daemon is not None}


def _find(folder: Path, part: EmulatorName) -> Daemon | None:
    """An emulator that runs in the folder, also if its record is gone or cannot be read any more."""
    return daemons.find(_record(folder, part)) or daemons.search(str(PYTHON), ("-m", part, f"--data={folder / part}"))


def _silent(running: Mapping[EmulatorName, Daemon], chosen: Addresses) -> list[EmulatorName]:
    """Those that have had the time to start, and do not answer now. One whose database was killed brings it back meanwhile."""
    now = datetime.now(UTC)
    old = [part for part, daemon in running.items() if (now - datetime.fromisoformat(daemon.since)).total_seconds() > START_SECONDS]
    deadline = time.monotonic() + SILENCE_SECONDS
    while (silent := [part for part in old if not _answers(part, chosen)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    return silent


@contextlib.contextmanager
def _alone(folder: Path, progress: Progress) -> Iterator[None]:
    """Only one `up` or `down` at a time."""
    with exclusive_lock(folder / "lock", on_busy=lambda: progress("waiting for another `perennial up` or `down`")):
        yield


def _bring_up(
    folder: Path,
    found: Mapping[EmulatorName, Daemon],
    commands: Mapping[EmulatorName, tuple[str, ...]],
    chosen: Addresses,
    progress: Progress,
) -> list[Daemon]:
    """Start those that do not run, and wait until all answer. Returns those that were started; if one of them ends, all of them end.

    One that ran when it was found and ends meanwhile, as after a kill, is started too.
    """
    running = dict(found)
    started: list[Daemon] = []
    waiting = list(EmulatorName)
    deadline = time.monotonic() + START_SECONDS
    try:
        while waiting:
            for part in list(waiting):
                if part not in running or not running[part].is_running:
                    if running.get(part) in started:
                        raise EmulatorError(f"{part} will not start: {_last_words(folder, part)}")
                    progress(f"{part}: starting")
                    running[part] = daemons.spawn(commands[part], _record(folder, part), _log(folder, part))
                    started.append(running[part])
                elif _answers(part, chosen):
                    waiting.remove(part)
                    progress(f"{part}: up at {shown_address(part, chosen)}")
            if waiting and time.monotonic() > deadline:
                raise EmulatorError(f"{waiting[0]} does not answer after {START_SECONDS:.0f} s: {_last_words(folder, waiting[0])}")
            time.sleep(0.05 if waiting else 0)
    except EmulatorError:
        daemons.stop(started)
        raise
    return started


def _answers(part: EmulatorName, chosen: Addresses) -> bool:
    """Whether an emulator is ready. Cloud SQL says so itself; of the others any answer will do, even that a token is missing."""
    connection = http.client.HTTPConnection(chosen.host, getattr(chosen, part), timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/healthz" if part is EmulatorName.CLOUD_SQL else "/")
        code = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return code == http.HTTPStatus.OK or part is not EmulatorName.CLOUD_SQL


def _last_words(folder: Path, part: EmulatorName) -> str:
    log = _log(folder, part)
    if is_full(folder):
        return f"the disk of {folder} is full: free some room and run the same command again"
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return f"{lines[-1].removeprefix(f'{part}: ') if lines else 'it said nothing'} (log: {log})"
