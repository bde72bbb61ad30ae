"""Run a compiled pipeline on this machine under kfp.local, each task in a process of its own, its log in a file of its own."""

import json
import logging
import os
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
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.errors import TaskError
from components.files import private_files, private_folder
from components.runs.steps import STEPS, TaskResult, TaskState
from pipelines.run.fork_server import fork_light

READY_SECONDS = 180.0


@dataclass
class ForkServer:
    """The two processes of pipelines.run.fork_server. `heavy` imports TFX while the launcher prepares the run."""

    folder: Path
    heavy: subprocess.Popen[bytes]
    light: int
    """The process id of the other one."""

    def run(self, code: str, arguments: list[str], environment: Mapping[str, str], *, heavy: bool, log: Path) -> int:
        """Run one task's code. Returns its exit code."""
        request = json.dumps({"code": code, "arguments": arguments, "environment": dict(environment)}).encode()
        with self._connect("heavy" if heavy else "light") as connection, log.open("ab") as output:
            socket.send_fds(connection, [b"\0"], [output.fileno()])
            connection.sendall(struct.pack(">Q", len(request)) + request)
            answer = connection.recv(4)
        return int(struct.unpack(">i", answer)[0]) if answer else 1

    def _connect(self, name: str) -> socket.socket:
        path, deadline = self.folder / name, time.monotonic() + READY_SECONDS
        while not path.exists():
            if self.heavy.poll() is not None or time.monotonic() > deadline:
                raise TaskError("the process that imports TFX ended before it was ready: run again with --cold to see why")
            time.sleep(0.02)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(path))
        return connection


@contextmanager
def fork_server() -> Iterator[ForkServer]:
    """A fork server that ends with the block, or with this process, which must not have threads yet."""
    folder = Path(tempfile.mkdtemp(prefix="perennial-"))
    heavy = _start(folder / "heavy")
    light, keep = fork_light(folder / "light", to_close=heavy.stdin.fileno() if heavy.stdin else -1)
    try:
        yield ForkServer(folder, heavy, light)
    finally:
        heavy.kill()
        heavy.communicate()
        os.kill(light, signal.SIGKILL)
        os.waitpid(light, 0)
        os.close(keep)
        shutil.rmtree(folder, ignore_errors=True)


def _start(path: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pipelines.run.fork_server", str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@dataclass
class LocalRun:
    """Runs pipelines and collects the results of their tasks."""

    folder: Path
    """Its subfolder `artifacts` gets the artifacts, `logs` the logs."""
    server: ForkServer | None
    """None runs every task cold, as kfp.local does."""
    on_start: Callable[[str], None]
    on_end: Callable[[TaskResult], None]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Additional variables of every task."""
    results: list[TaskResult] = field(default_factory=list)

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
        self.on_start(name)
        started = time.monotonic()
        environment = {**os.environ, **self.environment, **(env_vars or {})}  # noqa: TID251 - handed over, not read
        if self.server is None:
            with log.open("ab") as output:
                code = subprocess.run(full_command, stdout=output, stderr=output, env=environment, check=False).returncode
        else:
            environment["_KFP_RUNTIME"] = "true"
            code = self.server.run(command.source, command.arguments, environment, heavy=STEPS[name].needs_tfx, log=log)
        state = TaskState.FAILED if code else TaskState.DONE
        self.results.append(TaskResult(name, state, time.monotonic() - started, log))
        self.on_end(self.results[-1])
        return code


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
