"""Start, find and stop the emulators of Google Cloud on this machine: `perennial up`, `down` and `status`."""

import contextlib
import http.client
import os
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from components.errors import EmulatorError
from components.files import is_full, private_files, private_folder, write_whole
from components.lock import exclusive_lock
from components.settings import ENDPOINTS_FILE, REPOSITORY, Settings
from pipelines.local import addresses, daemons
from pipelines.local.accounts import is_key, key_file, service_accounts
from pipelines.local.addresses import CLOUD_SQL_PORT, HOST, Addresses
from pipelines.local.daemons import Daemon

PYTHON = REPOSITORY / "infra" / "emulators" / ".venv" / "bin" / "python"
START_SECONDS = 120.0
"""How long an emulator may take until it answers. It usually takes 5 seconds, but longer on a busy machine."""

SILENCE_SECONDS = 10.0
"""How long an emulator that has started may be silent, before it is taken for stuck."""
ANSWER_SECONDS = 1.0

POLICY_FILE = "policy.json"
"""In the emulators' folder: what the accounts that it names may do (docs/security.md). It need not be there."""

Progress = Callable[[str], None]


class EmulatorName(StrEnum):
    """The emulators: each is a package in infra/emulators, and has a process, a log and a folder of state."""

    CLOUD_SQL = "cloud_sql"
    CLOUD_STORAGE = "cloud_storage"
    BIGQUERY = "bigquery"


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
        commands = {part: _command(part, settings, folder, chosen) for part in EmulatorName}
        outdated = _outdated(folder, running, chosen, commands, progress)
        daemons.stop(outdated)
        missing = [part for part in EmulatorName if part not in running or running[part] in outdated]
        for part in missing:
            progress(f"{part}: starting")
            running[part] = daemons.spawn(commands[part], _record(folder, part), _log(folder, part))
        try:
            _wait_until_they_answer(folder, running, chosen, progress)
        except EmulatorError:
            daemons.stop([running[part] for part in missing])
            raise
        write_whole(settings.state_folder / ENDPOINTS_FILE, _endpoints(settings, folder, chosen))
        if not missing:
            progress("the emulators are up already")


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
    address = _address(part, chosen) if chosen else ""
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


ADDRESSES = {
    EmulatorName.CLOUD_SQL: ("cloud_sql", "instance"),
    EmulatorName.CLOUD_STORAGE: ("cloud_storage",),
    EmulatorName.BIGQUERY: ("bigquery", "bigquery_storage"),
}
"""The names of the addresses that each emulator listens on."""


def _command(part: EmulatorName, settings: Settings, folder: Path, chosen: Addresses) -> tuple[str, ...]:
    """The command line of an emulator. `-P` keeps a folder of the working directory from being taken for a package."""
    policy = f"--policy={folder / POLICY_FILE}"
    arguments = {
        EmulatorName.CLOUD_SQL: (
            settings.cloudsql_instance,
            f"--address={chosen.instance}",
            *(f"--service-account={email}={key_file(folder, role)}" for role, email in service_accounts(settings).items()),
            f"--database={settings.database}",
        ),
        EmulatorName.CLOUD_STORAGE: (f"--service-accounts={folder / EmulatorName.CLOUD_SQL / 'service-accounts'}", policy),
        EmulatorName.BIGQUERY: (
            f"--project={settings.project}",
            f"--grpc-port={chosen.bigquery_storage}",
            f"--storage-endpoint=http://{chosen.host}:{chosen.cloud_storage}",
            policy,
        ),
    }
    common = (f"--host={chosen.host}", f"--port={getattr(chosen, part)}", f"--data={folder / part}", f"--token-key={folder / 'token.key'}")
    return (str(PYTHON), "-P", "-u", "-m", part, *arguments[part], *common)


def _endpoints(settings: Settings, folder: Path, chosen: Addresses) -> str:
    host = chosen.host
    values = {
        "PERENNIAL_BIGQUERY_ENDPOINT": f"http://{host}:{chosen.bigquery}",
        "PERENNIAL_BIGQUERY_STORAGE_ENDPOINT": f"{host}:{chosen.bigquery_storage}",
        "PERENNIAL_STORAGE_ENDPOINT": f"http://{host}:{chosen.cloud_storage}",
        "PERENNIAL_CLOUDSQL_ENDPOINT": f"http://{host}:{chosen.cloud_sql}",
        "PERENNIAL_CREDENTIALS_FILE": str(key_file(folder, "writer")),
        "PERENNIAL_OWNER_USER": service_accounts(settings)["owner"].removesuffix(".gserviceaccount.com"),
        "PERENNIAL_OWNER_CREDENTIALS_FILE": str(key_file(folder, "owner")),
    }
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def _address(part: EmulatorName, chosen: Addresses) -> str:
    """The addresses of an emulator as people read them."""
    beside = {
        EmulatorName.CLOUD_SQL: f", {chosen.instance}:{CLOUD_SQL_PORT}",
        EmulatorName.CLOUD_STORAGE: "",
        EmulatorName.BIGQUERY: f", gRPC {chosen.host}:{chosen.bigquery_storage}",
    }
    return f"http://{chosen.host}:{getattr(chosen, part)}{beside[part]}"


def _wait_until_they_answer(folder: Path, running: dict[EmulatorName, Daemon], chosen: Addresses, progress: Progress) -> None:
    begin = time.monotonic()
    waiting = dict(running)
    while waiting:
        for part, daemon in list(waiting.items()):
            if not daemon.is_running:
                raise EmulatorError(f"{part} will not start: {_last_words(folder, part)}")
            if _answers(part, chosen):
                del waiting[part]
                progress(f"{part}: up at {_address(part, chosen)}")
        if waiting and time.monotonic() - begin > START_SECONDS:
            part = next(iter(waiting))
            raise EmulatorError(f"{part} does not answer after {START_SECONDS:.0f} s: {_last_words(folder, part)}")
        time.sleep(0.05 if waiting else 0)


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
