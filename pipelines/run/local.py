"""Run a compiled pipeline on this machine under kfp.local, each task in a process of its own, its log in a file of its own."""

import json
import logging
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.errors import TaskError
from components.files import private_files, private_folder
from components.runs.steps import STEPS, TaskResult, TaskState
from pipelines.run.fork_server import END, fork_light
from pipelines.warm.address import Warmth
from pipelines.warm.client import begin

if TYPE_CHECKING:
    from pipelines.run.kfp_internals import TaskCommand

READY_SECONDS = 180.0
LIKELY: dict[int, str] = {
    signal.SIGKILL: "likely the machine or the container ran out of memory (dmesg says so); free some, or train on fewer rows",
    signal.SIGSEGV: "a library crashed",
    signal.SIGABRT: "a library gave up, or memory ran out",
    signal.SIGBUS: "a file vanished under it, or the disk is full",
}
"""Why a task is killed by a signal, mostly."""
SHELL = 128
"""A shell ends with this and the number of the signal that killed its command."""
SERVER_GONE = -1000
"""Instead of an exit code: whoever watched over the task ended before it."""


@dataclass(frozen=True)
class Ended:
    """How a task ended. What it used is None where nobody watched over it."""

    code: int
    processor_seconds: float | None = None
    peak_bytes: int | None = None


@dataclass
class ForkServer:
    """The two processes of pipelines.run.fork_server. `heavy` imports TFX while the launcher prepares the run."""

    folder: Path
    has_ended: Callable[[], bool]
    """Whether `heavy` has ended, which it should not before the run does."""
    connections: set[socket.socket] = field(default_factory=set)
    """One for each task that runs."""

    def run(self, code: str, arguments: list[str], environment: Mapping[str, str], *, heavy: bool, log: Path) -> "Ended":
        """Run one task's code to its end."""
        request = json.dumps({"code": code, "arguments": arguments, "environment": dict(environment)}).encode()
        with self._connect("heavy" if heavy else "light") as connection, log.open("ab") as output:
            self.connections.add(connection)
            try:
                socket.send_fds(connection, [b"\0"], [output.fileno()])
                connection.sendall(struct.pack(">Q", len(request)) + request)
                answer = connection.recv(END.size)
            finally:
                self.connections.discard(connection)
        return Ended(*END.unpack(answer)) if answer else Ended(SERVER_GONE)

    def stop(self) -> None:
        """Kill the tasks that run."""
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _connect(self, name: str) -> socket.socket:
        path, deadline = self.folder / name, time.monotonic() + READY_SECONDS
        while not path.exists():
            if self.has_ended() or time.monotonic() > deadline:
                raise TaskError("the process that imports TFX ended before it was ready: run again with --cold to see why")
            time.sleep(0.02)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(path))
        return connection


@contextmanager
def fork_server(state_folder: Path) -> Iterator[ForkServer]:
    """A fork server that ends with the block, or with this process, which must not have threads yet.

    `heavy` is itself a fork of the state folder's warm interpreter if there is one, and so has imported TFX already.
    """
    folder = Path(tempfile.mkdtemp(prefix="perennial-"))
    with _heavy(state_folder, folder / "heavy") as (has_ended, to_close):
        light, keep = fork_light(folder / "light", to_close=to_close)
        try:
            yield ForkServer(folder, has_ended)
        finally:
            os.kill(light, signal.SIGKILL)
            os.waitpid(light, 0)
            os.close(keep)
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _heavy(state_folder: Path, path: Path) -> Iterator[tuple[Callable[[], bool], tuple[int, ...]]]:
    """Start the server that has TFX, for the length of the block. Yields how to ask whether it ended, and what keeps it alive."""
    reading, writing = os.pipe()
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        connection = begin(state_folder, Warmth.HEAVY, "pipelines.run.fork_server:main", [str(path)], (reading, nowhere, nowhere))
        if connection is not None:
            with connection:
                yield lambda: connection in select.select([connection], [], [], 0)[0], (writing, connection.fileno())
            return
        command = [sys.executable, "-m", "pipelines.run.fork_server", str(path)]
        with subprocess.Popen(command, stdin=reading, stdout=nowhere, stderr=nowhere) as process:
            try:
                yield lambda: process.poll() is not None, (writing,)
            finally:
                process.kill()
    finally:
        for descriptor in (reading, writing, nowhere):
            os.close(descriptor)


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
            process.kill()

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
        environment = {**os.environ, **self.environment, **(env_vars or {})}  # noqa: TID251 - handed over, not read
        if self.server is None:
            ended = Ended(self._run_cold(full_command, environment, log))
        else:
            environment["_KFP_RUNTIME"] = "true"
            ended = self._run_warm(command, environment, log)
        code = ended.code
        if code < 0 and not self.is_stopped:
            self.on_death(_obituary(name, code, log))
        state = TaskState.FAILED if code else TaskState.DONE
        seconds = time.monotonic() - started
        self.results.append(TaskResult(name, state, seconds, log, ended.processor_seconds, ended.peak_bytes))
        self.on_end(self.results[-1])
        return code

    def _run_warm(self, command: "TaskCommand", environment: Mapping[str, str], log: Path) -> Ended:
        if self.server is None:
            raise ValueError("there is no fork server")
        try:
            return self.server.run(command.source, command.arguments, environment, heavy=STEPS[command.name].needs_tfx, log=log)
        except OSError:  # nobody listens any more, or the connection broke
            return Ended(SERVER_GONE)
        except TaskError as error:
            self.on_death(str(error))
            return Ended(1)

    def _run_cold(self, command: list[str], environment: Mapping[str, str], log: Path) -> int:
        with log.open("ab") as output, subprocess.Popen(command, stdout=output, stderr=output, env=dict(environment)) as process:
            self.processes.add(process)
            try:
                code = process.wait()
                return SHELL - code if code > SHELL else code
            finally:
                self.processes.discard(process)


def _obituary(name: str, code: int, log: Path) -> str:
    """What is known of a task that did not end by itself."""
    if code == SERVER_GONE:
        return f"step {name} was lost: the process that starts the steps was killed, likely for lack of memory; run again (log: {log})"
    killed_by = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    likely = LIKELY.get(-code, "somebody or something sent it")
    return f"step {name} was killed by {killed_by}: {likely}; run again (log: {log})"


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
