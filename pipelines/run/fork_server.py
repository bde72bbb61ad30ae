"""Import TFX once, then fork a process for every task: tasks are isolated as in KFP, without six seconds of imports for each.

There are two such servers: `heavy` has imported TFX; `light` is a fork of the launcher, has imported what a task without TFX needs, and is
ready within two seconds. The launcher and a server share a pair of sockets, through which the launcher sends a socket for each task.

Both servers and every task end when the launcher ends, however it ends: no task of a killed run goes on writing. Nor does one whose
supervisor was killed, and whatever processes a task has started end with it.

Linux only: forking after TensorFlow's import is not safe on macOS.
"""

import contextlib
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from pipelines.run.task import EXECUTOR, end_with, run_task
from pipelines.warm.forking import import_for_forks, receive_request

END = struct.Struct(">idQ")
"""How a task ended: its exit code, the processor's seconds, and the most memory that it had, in bytes."""
KIBIBYTE = 1024
"""What Linux counts a process's memory in."""
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
    """Import TFX and serve the socket that is the standard input."""
    end_with(os.getppid())  # while it imports, it would not notice that the launcher is gone
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the launcher too, which ends the tasks in order
    import_for_forks(HEAVY)
    _serve(socket.socket(fileno=os.dup(0)))


def fork_light(*, to_close: Sequence[socket.socket]) -> tuple[int, socket.socket]:
    """Serve in a fork of this process, which must not have threads. The fork closes the sockets `to_close`.

    Returns the process id of the fork, and this process's socket of the pair: the fork lives as long as it is open.
    """
    if "IPython" not in sys.modules:  # BigQuery's client would import it, for notebooks
        sys.modules["IPython"] = None  # type: ignore[assignment]
    try:
        import_for_forks(LIGHT)
    finally:
        if sys.modules["IPython"] is None:
            del sys.modules["IPython"]
    sys.stdout.flush()  # or the child would write it again
    sys.stderr.flush()
    launcher, server = socket.socketpair()
    child = os.fork()
    if child:
        server.close()
        return child, launcher
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        launcher.close()
        for connection in to_close:
            connection.close()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        _serve(server)
    finally:
        os._exit(1)  # never back into what the launcher is doing


def _serve(control: socket.socket) -> NoReturn:
    """Start a supervisor for every socket that the launcher sends, until its end of `control` is closed."""
    supervisors: dict[int, int] = {}  # process ids, by a descriptor that is ready when the process has ended
    while True:
        ready, _, _ = select.select([control.fileno(), *supervisors], [], [])
        for ended in supervisors.keys() & set(ready):
            _bury(supervisors.pop(ended))
            os.close(ended)
        if control.fileno() not in ready:
            continue
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not descriptors:  # the launcher is gone
            os._exit(0)
        supervisor = os.fork()
        if supervisor == 0:
            control.close()
            _supervise(socket.socket(fileno=descriptors[0]))
        os.close(descriptors[0])
        supervisors[os.pidfd_open(supervisor)] = supervisor


def _bury(supervisor: int) -> None:
    """Let a supervisor go that has ended, and end what it or its task has left running."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(supervisor, signal.SIGKILL)
    os.waitpid(supervisor, 0)  # only now may another process get its number


def _supervise(connection: socket.socket) -> NoReturn:
    """Run one task in a child of this process, and kill it if the launcher ends or closes the connection."""
    os.setsid()
    _, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
    request, own = receive_request(connection), os.getpid()
    child = os.fork()
    if child == 0:
        connection.close()  # so that the launcher sees this supervisor end, whatever becomes of the task
        end_with(own)
        _become_task(request, descriptors[0])
    exit_watch = os.pidfd_open(child)
    ready, _, _ = select.select([exit_watch, connection.fileno()], [], [])
    if exit_watch not in ready:
        os.killpg(own, signal.SIGKILL)  # the task, what it has started, and this process
    _, status, used = os.wait4(child, 0)
    with contextlib.suppress(OSError):  # nobody may wait for it any more
        connection.sendall(END.pack(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss * KIBIBYTE))
    os._exit(0)


def _become_task(request: dict[str, Any], log: int) -> NoReturn:
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    os.environ.update(request["environment"])  # noqa: TID251 - handed over, not read
    run_task(request["code"], request["arguments"])


if __name__ == "__main__":
    main()
