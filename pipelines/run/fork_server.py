"""Import TFX once, then fork a process for every task: tasks are isolated as in KFP, without six seconds of imports for each.

There are two such servers: `heavy` has imported TFX; `light` is a fork of the launcher, has imported what a task without TFX needs, and is
ready within two seconds. Both servers and every task end when the launcher ends, however it ends: no task of a killed run goes on writing.

Linux only: forking after TensorFlow's import is not safe on macOS.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from components.files import OTHERS

END = struct.Struct(">idQ")
"""How a task ended: its exit code, the processor's seconds, and the most memory that it had, in bytes."""
KIBIBYTE = 1024
"""What Linux counts a process's memory in."""
EXECUTOR = "kfp.dsl.executor_main"
"""The module of kfp that runs a component's function."""
LIGHT = (
    EXECUTOR,
    "kfp.dsl",
    "components.registry.step",
    "components.runs.outcome",
    "google.cloud.sql.connector",
    "components.examples.step",
    "components.snapshot.step",
    "components.checks.step",
    "components.checks.admit",
    "pyarrow.parquet",
    "tfx_bsl.coders.example_coder",
    "google.protobuf.text_format",
    "tensorflow_metadata.proto.v0.schema_pb2",
)
HEAVY = (
    EXECUTOR,
    "kfp.dsl",
    "tfx.components.statistics_gen.executor",
    "tfx.components.example_validator.executor",
    "tfx.components.transform.executor",
    "tfx.components.trainer.executor",
    "tfx.components.evaluator.executor",
    "tfx.orchestration.portable.outputs_utils",
    "apache_beam.runners.portability.fn_api_runner.fn_runner",
    "components.checks.gate",
    "components.checks.step",
    "components.checks.admit",
    "pyarrow.parquet",
    "components.evaluation.step",
    "google.cloud.sql.connector",
    "components.training.fit",
    "components.training.trainer",
    "keras",
)


def main() -> None:
    """Import TFX and serve the socket that the first argument names, until the standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the launcher too, which ends the tasks in order
    _import(HEAVY)
    _serve(Path(sys.argv[1]), sys.stdin.fileno())


def fork_light(path: Path, *, to_close: Sequence[int]) -> tuple[int, int]:
    """Serve a socket in a fork of this process, which must not have threads. The fork closes the descriptors `to_close`.

    Returns the process id of the fork, and a descriptor: the fork lives as long as this process keeps it open.
    """
    if "IPython" not in sys.modules:  # BigQuery's client would import it, for notebooks
        sys.modules["IPython"] = None  # type: ignore[assignment]
    try:
        _import(LIGHT)
    finally:
        if sys.modules["IPython"] is None:
            del sys.modules["IPython"]
    sys.stdout.flush()  # or the child would write it again
    sys.stderr.flush()
    alive, keep = os.pipe()
    child = os.fork()
    if child:
        os.close(alive)
        return child, keep
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.close(keep)
        for descriptor in to_close:
            os.close(descriptor)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        _serve(path, alive)
    finally:
        os._exit(1)  # never back into what the launcher is doing


def _import(names: Sequence[str]) -> None:
    gc.disable()  # importing makes no garbage worth a fifth of its time
    for name in names:
        importlib.import_module(name)
    gc.freeze()  # children share these pages: the collector must not touch them
    gc.enable()


def _serve(path: Path, alive: int) -> NoReturn:
    """Serve until the launcher's end of the pipe `alive` is closed."""
    with socket.socket(socket.AF_UNIX) as listener:
        unfinished = path.with_suffix(".unfinished")
        listener.bind(str(unfinished))
        listener.listen(16)
        unfinished.rename(path)  # whoever sees the socket can connect
        while True:
            ready, _, _ = select.select([listener.fileno(), alive], [], [])
            if alive in ready:  # the launcher is gone
                os._exit(0)
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _supervise(connection)
            connection.close()
            _reap()


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _supervise(connection: socket.socket) -> NoReturn:
    """Run one task in a child of this process, and kill it if the launcher ends."""
    _, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
    request = _receive(connection)
    child = os.fork()
    if child == 0:
        os.setsid()
        _run_task(request, descriptors[0])
    exit_watch = os.pidfd_open(child)
    ready, _, _ = select.select([exit_watch, connection.fileno()], [], [])
    if exit_watch not in ready:
        os.killpg(child, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    with contextlib.suppress(OSError):  # nobody may wait for it any more
        connection.sendall(END.pack(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss * KIBIBYTE))
    os._exit(0)


def _receive(connection: socket.socket) -> dict[str, Any]:
    with connection.makefile("rb") as stream:
        (length,) = struct.unpack(">Q", stream.read(8))
        request: dict[str, Any] = json.loads(stream.read(length))
    return request


def _run_task(request: dict[str, Any], log: int) -> NoReturn:
    """Do what `python -m kfp.dsl.executor_main` would do. Exit without TensorFlow's teardown, which takes a second or two."""
    code = 1
    os.umask(OTHERS)
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        os.environ.update(request["environment"])  # noqa: TID251 - handed over, not read
        with tempfile.TemporaryDirectory() as folder:
            tempfile.tempdir = folder  # what libraries leave to their exit handlers, which never run here, goes with it
            module = Path(folder) / "ephemeral_component.py"
            module.write_text(request["code"])
            sys.argv = ["executor_main", "--component_module_path", str(module), *request["arguments"]]
            runpy.run_module(EXECUTOR, run_name="__main__")
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:  # the last frame of a process: report whatever it is
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
