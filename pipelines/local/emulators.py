"""The emulators of Google Cloud on this machine: started as daemons, found again, stopped. Behind `perennial up | down | status`."""

import contextlib
import http.client
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from components.errors import EmulatorError
from components.files import write_whole
from components.lock import exclusive_lock
from components.settings import ENDPOINTS_FILE, REPOSITORY, Settings
from pipelines.local import addresses, daemons
from pipelines.local.addresses import CLOUD_SQL_PORT, HOST, Addresses
from pipelines.local.daemons import Daemon

PYTHON = REPOSITORY / "infra" / "emulators" / ".venv" / "bin" / "python"
START_SECONDS = 120.0
"""How long a part may take until it answers; 5 seconds are usual, but not on a busy machine."""

ANSWER_SECONDS = 1.0

Progress = Callable[[str], None]


class Part(StrEnum):
    """The emulators. Each is a package under infra/emulators, a process, a log and a folder of state."""

    CLOUD_SQL = "cloud_sql"
    CLOUD_STORAGE = "cloud_storage"
    BIGQUERY = "bigquery"


class State(StrEnum):
    """How a part is."""

    UP = "up"
    SILENT = "silent"
    """It runs and does not answer: it is starting, or overloaded."""
    DOWN = "down"


@dataclass(frozen=True)
class PartStatus:
    """What there is to say of a part. Only a part that runs has a pid and a time since when."""

    name: str
    state: State
    address: str
    pid: int | None
    since: datetime | None
    log: Path


def start(settings: Settings, progress: Progress) -> None:
    """Have all parts running and answering, and write where they listen into the state folder's endpoints.env.

    Parts that run already are left alone. Two callers at the same time are fine: the second one finds everything up.

    Raises:
        EmulatorError: a part will not start (then none is left running), or the emulators' environment is missing.
    """
    if not PYTHON.exists():
        raise EmulatorError(f"the emulators' environment is missing ({PYTHON}): run `make setup`")
    folder = _folder(settings.state_folder)
    with _alone(folder, progress):
        running = _running(folder)
        in_use = {name for part in running for name in ADDRESSES[part]}
        chosen = addresses.choose(_ports_file(folder), in_use=in_use, progress=progress)
        commands = {part: _command(part, settings, folder, chosen) for part in Part}
        outdated = [daemon for part, daemon in running.items() if daemon.command != commands[part]]
        daemons.stop(outdated)
        missing = [part for part in Part if part not in running or running[part] in outdated]
        for part in missing:
            progress(f"{part}: starting")
            running[part] = daemons.spawn(commands[part], _record(folder, part), _log(folder, part))
        try:
            _wait_until_they_answer(folder, running, chosen, progress)
        except EmulatorError:
            daemons.stop(list(running.values()))
            raise
        write_whole(settings.state_folder / ENDPOINTS_FILE, _endpoints(settings, folder, chosen))
        if not missing:
            progress("the emulators are up already")


def stop(state_folder: Path, progress: Progress) -> None:
    """Stop all parts that run. Their state stays, and so do their addresses."""
    folder = _folder(state_folder)
    if not folder.is_dir():
        progress("no emulators were ever started here")
        return
    with _alone(folder, progress):
        running = _running(folder)
        daemons.stop(list(running.values()))
        for part in Part:
            _record(folder, part).unlink(missing_ok=True)
    for part in running:
        progress(f"{part}: stopped")
    if not running:
        progress("the emulators are down already")


def status(state_folder: Path) -> list[PartStatus]:
    """How every part is."""
    folder = _folder(state_folder)
    chosen = addresses.read(_ports_file(folder))
    running = _running(folder)
    return [_part_status(part, running.get(part), chosen, _log(folder, part)) for part in Part]


def _part_status(part: Part, daemon: Daemon | None, chosen: Addresses | None, log: Path) -> PartStatus:
    address = _address(part, chosen) if chosen else ""
    if daemon is None or chosen is None:
        return PartStatus(part, State.DOWN, address, None, None, log)
    state = State.UP if _answers(part, chosen) else State.SILENT
    return PartStatus(part, state, address, daemon.pid, datetime.fromisoformat(daemon.since), log)


def _folder(state_folder: Path) -> Path:
    return state_folder.absolute() / "emulators"


def _ports_file(folder: Path) -> Path:
    return folder / "ports.json"


def _record(folder: Path, part: Part) -> Path:
    return folder / f"{part}.pid"


def _log(folder: Path, part: Part) -> Path:
    return folder / "logs" / f"{part}.log"


def _running(folder: Path) -> dict[Part, Daemon]:
    found = {part: daemons.find(_record(folder, part)) for part in Part}
    return {part: daemon for part, daemon in found.items() if daemon is not None}


@contextlib.contextmanager
def _alone(folder: Path, progress: Progress) -> Iterator[None]:
    """Only one `up` or `down` at a time."""
    with exclusive_lock(folder / "lock", on_busy=lambda: progress("waiting for another `perennial up` or `down`")):
        yield


ADDRESSES = {
    Part.CLOUD_SQL: ("cloud_sql", "instance"),
    Part.CLOUD_STORAGE: ("cloud_storage",),
    Part.BIGQUERY: ("bigquery", "bigquery_storage"),
}
"""The names of the addresses that a part listens on."""


def _command(part: Part, settings: Settings, folder: Path, chosen: Addresses) -> tuple[str, ...]:
    """The command line of a part. -P: a folder that happens to be called like a package is not one."""
    arguments = {
        Part.CLOUD_SQL: (
            settings.cloudsql_instance,
            f"--address={chosen.instance}",
            *(f"--service-account={email}={_key_file(folder, role)}" for role, email in service_accounts(settings).items()),
            f"--database={settings.database}",
        ),
        Part.CLOUD_STORAGE: (f"--service-accounts={folder / Part.CLOUD_SQL / 'service-accounts'}",),
        Part.BIGQUERY: (
            f"--project={settings.project}",
            f"--grpc-port={chosen.bigquery_storage}",
            f"--storage-endpoint=http://{HOST}:{chosen.cloud_storage}",
        ),
    }
    place = (f"--port={getattr(chosen, part)}", f"--data={folder / part}", f"--token-key={folder / 'token.key'}")
    return (str(PYTHON), "-P", "-u", "-m", part, *arguments[part], *place)


def service_accounts(settings: Settings) -> dict[str, str]:
    """The address of each role's service account; the owner, who is first, is the instance's administrator too.

    A database's user is an IAM service account without its ending, unless it has a password of its own.
    """
    users = {"owner": settings.owner_user, "writer": settings.database_user, "reader": None}
    others = {"owner": "owner", "writer": "perennial", "reader": "console"}
    return {
        role: f"{user}.gserviceaccount.com"
        if user is not None and user.endswith(".iam")
        else f"{others[role]}@{settings.project}.iam.gserviceaccount.com"
        for role, user in users.items()
    }


def _key_file(folder: Path, role: str) -> Path:
    return folder / f"{role}.json"


def _endpoints(settings: Settings, folder: Path, chosen: Addresses) -> str:
    values = {
        "PERENNIAL_BIGQUERY_ENDPOINT": f"http://{HOST}:{chosen.bigquery}",
        "PERENNIAL_BIGQUERY_STORAGE_ENDPOINT": f"{HOST}:{chosen.bigquery_storage}",
        "PERENNIAL_STORAGE_ENDPOINT": f"http://{HOST}:{chosen.cloud_storage}",
        "PERENNIAL_CLOUDSQL_ENDPOINT": f"http://{HOST}:{chosen.cloud_sql}",
        "PERENNIAL_CREDENTIALS_FILE": str(_key_file(folder, "writer")),
        "PERENNIAL_OWNER_USER": service_accounts(settings)["owner"].removesuffix(".gserviceaccount.com"),
        "PERENNIAL_OWNER_CREDENTIALS_FILE": str(_key_file(folder, "owner")),
    }
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def _address(part: Part, chosen: Addresses) -> str:
    """Where a part listens, for people."""
    beside = {
        Part.CLOUD_SQL: f", {chosen.instance}:{CLOUD_SQL_PORT}",
        Part.CLOUD_STORAGE: "",
        Part.BIGQUERY: f", gRPC {HOST}:{chosen.bigquery_storage}",
    }
    return f"http://{HOST}:{getattr(chosen, part)}{beside[part]}"


def _wait_until_they_answer(folder: Path, running: dict[Part, Daemon], chosen: Addresses, progress: Progress) -> None:
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


def _answers(part: Part, chosen: Addresses) -> bool:
    """Whether a part does its work. Cloud SQL says so itself; of the others any answer is good, also that a token is missing."""
    connection = http.client.HTTPConnection(HOST, getattr(chosen, part), timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/healthz" if part is Part.CLOUD_SQL else "/")
        code = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return code == http.HTTPStatus.OK or part is not Part.CLOUD_SQL


def _last_words(folder: Path, part: Part) -> str:
    log = _log(folder, part)
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return f"{lines[-1].removeprefix(f'{part}: ') if lines else 'it said nothing'} (log: {log})"
