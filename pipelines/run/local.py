"""Run a compiled pipeline on this machine under kfp.local, each task in a process of its own, its log in a file of its own."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.errors import TaskError
from components.files import NO_ROOM_CODE, is_full, private_files, private_folder
from components.runs.steps import STEPS, TaskResult, TaskState
from pipelines.run.fork_server import END, fork_light
from pipelines.warm.address import Warmth
from pipelines.warm.client import begin
from pipelines.warm.forking import send_request

if TYPE_CHECKING:
    from pipelines.run.kfp_internals import TaskCommand

LIKELY: dict[int, str] = {
    signal.SIGKILL: "likely the machine or the container ran out of memory (dmesg says so); free some, or train on fewer rows",
    signal.SIGSEGV: "a library crashed",
    signal.SIGABRT: "a library gave up, or memory ran out",
    signal.SIGBUS: "a file vanished under it, or the disk is full",
}
"""Why a task is killed by a signal, mostly."""
SERVER_GONE, OVERDUE, WORKLESS = -1000, -1001, -1002
"""Instead of an exit code: whoever watched over the task ended before it; it took too long; it ended before its function returned."""
GRACE_SECONDS = 60.0
"""After its time limit a step ends by itself, with a sentence in the registry. It is killed if it has not after so long."""


@dataclass(frozen=True)
class Ended:
    """How a task ended. What it used is None where nobody watched over it."""

    code: int
    processor_seconds: float | None = None
    peak_bytes: int | None = None


@dataclass
class ForkServer:
    """The two processes of pipelines.run.fork_server. `heavy` imports TFX while the launcher prepares the run."""

    has_failed: Callable[[], bool]
    """Whether `heavy` ended by itself before it was ready."""
    to_heavy: socket.socket
    to_light: socket.socket
    """Take a socket for each task."""
    connections: set[socket.socket] = field(default_factory=set)
    """One for each task that runs."""

    def run(self, command: "TaskCommand", environment: Mapping[str, str], *, log: Path, limit_seconds: float | None) -> Ended:
        """Run one task to its end."""
        request = {"code": command.source, "arguments": command.arguments, "environment": dict(environment)}
        is_heavy = STEPS[command.name].needs_tfx
        with self._connect(self.to_heavy if is_heavy else self.to_light) as connection, log.open("ab") as output:
            self.connections.add(connection)
            try:
                socket.send_fds(connection, [b"\0"], [output.fileno()])
                send_request(connection, request)
                ended = _ended(connection, limit_seconds)
            finally:
                self.connections.discard(connection)
        if ended.code == SERVER_GONE and is_heavy and self.has_failed():
            raise TaskError("the process that imports TFX ended before it was ready: run again with --cold to see why")
        return ended

    def stop(self) -> None:
        """Kill the tasks that run."""
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _connect(self, server: socket.socket) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(server, [b"\0"], [theirs.fileno()])
        return ours


def _ended(connection: socket.socket, limit_seconds: float | None) -> Ended:
    """How a task ended, as its supervisor tells. After the limit the task is killed."""
    connection.settimeout(limit_seconds)
    try:
        answer = connection.recv(END.size)
    except TimeoutError:
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(GRACE_SECONDS)
        with suppress(TimeoutError):
            connection.recv(END.size)  # nothing, as soon as the supervisor has killed the task and itself
        return Ended(OVERDUE)
    return Ended(*END.unpack(answer)) if answer else Ended(SERVER_GONE)


@contextmanager
def fork_server(state_folder: Path) -> Iterator[ForkServer]:
    """A fork server that ends with the block, or with this process, which must not have threads yet.

    `heavy` is itself a fork of the state folder's warm interpreter if there is one, and so has imported TFX already.
    """
    to_heavy, server = socket.socketpair()
    with to_heavy, server, _heavy(state_folder, server) as (has_failed, to_close):
        light, to_light = fork_light(to_close=(to_heavy, server, *to_close))
        server.close()  # it is heavy's alone now, and ends with it
        with to_light:
            try:
                yield ForkServer(has_failed, to_heavy, to_light)
            finally:
                os.kill(light, signal.SIGKILL)
                os.waitpid(light, 0)


@contextmanager
def _heavy(state_folder: Path, server: socket.socket) -> Iterator[tuple[Callable[[], bool], tuple[socket.socket, ...]]]:
    """Start the server that has TFX, for the length of the block. Yields how to ask whether it failed, and what keeps it alive."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        streams = (server.fileno(), nowhere, nowhere)
        connection = begin(state_folder, Warmth.HEAVY, "pipelines.run.fork_server:main", [], streams)
        if connection is not None:
            with connection:
                yield lambda: False, (connection,)  # nothing is imported there that could fail
            return
        command = [sys.executable, "-m", "pipelines.run.fork_server"]
        with subprocess.Popen(command, stdin=streams[0], stdout=nowhere, stderr=nowhere) as process:
            try:
                yield lambda: (process.poll() or 0) > 0, ()
            finally:
                process.kill()
    finally:
        os.close(nowhere)


@dataclass
class LocalRun:
    """Runs pipelines and collects the results of their tasks."""

    folder: Path
    """Its subfolder `artifacts` gets the artifacts, `logs` the logs."""
    server: ForkServer | None
    """None runs every task cold, as kfp.local does."""
    on_start: Callable[[str], None]
    on_end: Callable[[TaskResult], None]
    on_death: Callable[[str], None] = lambda _: None
    """Called with a sentence when a task was killed, and so could not say or record why."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Additional variables of every task."""
    limit_seconds: float | None = None
    """When a task that has not ended is killed."""
    results: list[TaskResult] = field(default_factory=list)
    is_stopped: bool = False
    processes: set[subprocess.Popen[bytes]] = field(default_factory=set)
    """Of the tasks that run cold."""

    def stop(self) -> None:
        """Kill the tasks that run, and begin none."""
        self.is_stopped = True
        if self.server is not None:
            self.server.stop()
        for process in list(self.processes):
            _kill_group(process)

    def run(self, pipeline: Callable[..., object], arguments: Mapping[str, str | int]) -> bool:
        """Run the pipeline. Returns whether every task that had to run succeeded."""
        from kfp import local

        from pipelines.run.dag import run_group
        from pipelines.run.kfp_internals import Result, Status, replaced

        ended: list[Status] = []

        def run_group_and_note(**context: Any) -> Result:
            outputs, state = run_group(**context)
            ended.append(state)
            return outputs, state

        private_folder(self.folder)
        with private_files(), replaced(self._run_task, run_group_and_note), _quiet():
            (self.folder / "logs").mkdir(exist_ok=True)
            runner = local.SubprocessRunner(use_venv=False)
            local.init(runner, pipeline_root=str(self.folder / "artifacts"), raise_on_error=False)
            pipeline(**arguments)
        return ended[-1] is Status.SUCCESS  # the pipeline itself is the last group that ends

    def _run_task(self, full_command: list[str], env_vars: Mapping[str, str] | None = None) -> int:
        from pipelines.run.kfp_internals import parse_command

        command = parse_command(full_command)
        name, log = command.name, self.folder / "logs" / f"{command.name}.log"
        if self.is_stopped:
            return 1
        self.on_start(name)
        started = time.monotonic()
        environment = {**os.environ, **self.environment, **(env_vars or {}), "_KFP_RUNTIME": "true"}  # noqa: TID251 - handed over, not read
        ended = self._run_warm(self.server, command, environment, log) if self.server else self._run_cold(command, environment, log)
        code = WORKLESS if ended.code == 0 and not command.output_file.exists() else ended.code
        if (code < 0 or code == NO_ROOM_CODE) and not self.is_stopped:
            self.on_death(self._obituary(name, code, log))
        state = TaskState.FAILED if code else TaskState.DONE
        seconds = time.monotonic() - started
        self.results.append(TaskResult(name, state, seconds, log, ended.processor_seconds, ended.peak_bytes))
        self.on_end(self.results[-1])
        return code

    def _run_warm(self, server: ForkServer, command: "TaskCommand", environment: Mapping[str, str], log: Path) -> Ended:
        try:
            return server.run(command, environment, log=log, limit_seconds=self.limit_seconds)
        except OSError:  # nobody listens any more, or the connection broke
            return Ended(SERVER_GONE)
        except TaskError as error:
            self.on_death(str(error))
            return Ended(1)

    def _run_cold(self, command: "TaskCommand", environment: Mapping[str, str], log: Path) -> Ended:
        request = json.dumps({"code": command.source, "arguments": command.arguments}).encode()
        words = [sys.executable, "-m", "pipelines.run.task"]
        with (
            log.open("ab") as output,
            subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=output, stderr=output, env=dict(environment), start_new_session=True
            ) as process,
        ):
            self.processes.add(process)
            try:
                process.communicate(request, timeout=self.limit_seconds)
                return Ended(process.returncode)
            except subprocess.TimeoutExpired:
                return Ended(OVERDUE)
            finally:
                _kill_group(process)  # it, if it runs still, and what it has started
                self.processes.discard(process)

    def _obituary(self, name: str, code: int, log: Path) -> str:
        """What is known of a task that did not end as it should."""
        if code == SERVER_GONE:
            return f"step {name} was lost: the process that starts the steps was killed, likely for lack of memory; run again (log: {log})"
        if code == NO_ROOM_CODE or is_full(log.parent):
            return f"step {name} failed since the disk of {self.folder} is full: free some room and run the same command again"
        if code == OVERDUE:
            return f"step {name} did not end within {self.limit_seconds:g} s and was killed: its log tells what it waited for (log: {log})"
        if code == WORKLESS:
            return f"the code that {name} runs called os._exit, and its work is not done: let it return, or raise an exception (log: {log})"
        killed_by = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        likely = LIKELY.get(-code, "somebody or something sent it")
        return f"step {name} was killed by {killed_by}: {likely}; run again (log: {log})"


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of which only remains are left
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence kfp.local, which logs to the root logger and warns of image names; a run has its own progress and logs."""
    previous = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(previous)
