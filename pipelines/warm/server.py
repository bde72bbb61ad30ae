"""An interpreter that has imported the locked libraries, and forks a process for every command.

`python -P -m pipelines.warm.server FOLDER` never imports our own code: that is done in each fork, so that no change of it is missed. It
knows no settings and no credentials.
`perennial up` starts it, `perennial down` stops it, and it ends by itself when nobody has asked for an hour.

Linux only, and without threads: forking is not safe otherwise.
"""

import atexit
import contextlib
import importlib
import os
import select
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from pipelines.warm.address import Warmth, short_path
from pipelines.warm.forking import import_for_forks, receive_request

IDLE_SECONDS = 3600
FATAL = "3"
"""What TensorFlow's C++ may print: it does not know whether its standard error is a step's log or somebody's terminal."""
LIGHT = (
    "aiohttp",
    "alembic.command",
    "altair",
    "click",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "google.auth.transport.requests",
    "google.cloud.sql.connector",
    "google.cloud.storage",
    "google.oauth2.service_account",
    "psycopg",
    "pydantic_settings",
    "scipy.special",
    "sqlalchemy.dialects.postgresql.psycopg",
    "jinja2",
    "psutil",
    "vl_convert",
    "kfp.dsl.executor_main",
    "kfp.compiler",
    "kfp.local",
    "google.cloud.bigquery",
    "google.cloud.bigquery_storage_v1",
    "pyarrow.parquet",
    "tfx_bsl.coders.example_coder",
    "google.protobuf.text_format",
    "tensorflow_metadata.proto.v0.schema_pb2",
    "tensorflow_metadata.proto.v0.statistics_pb2",
)
HEAVY = (
    "tfx.components.statistics_gen.executor",
    "tfx.components.example_validator.executor",
    "tfx.components.transform.executor",
    "tfx.components.trainer.executor",
    "tfx.components.evaluator.executor",
    "tfx.orchestration.portable.outputs_utils",
    "apache_beam.runners.portability.fn_api_runner.fn_runner",
    "tensorflow_model_analysis",
    "tensorflow_data_validation",
    "tensorflow_transform.beam",
    "keras",
)


def main() -> None:
    """Serve both sockets in the folder that the first argument names: this process the light one, a fork of it the heavy one."""
    folder = Path(sys.argv[1])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.modules["IPython"] = None  # type: ignore[assignment]  # BigQuery's client would import it, for notebooks
    import_for_forks(LIGHT)
    del sys.modules["IPython"]
    alive, keep = os.pipe()
    if os.fork() == 0:
        os.close(keep)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", FATAL)  # noqa: TID251 - TensorFlow asks once, when it is imported
        import_for_forks(HEAVY)
        _serve(folder / Warmth.HEAVY, alive)
    os.close(alive)
    _serve(folder / Warmth.LIGHT, None)


def _serve(path: Path, alive: int | None) -> NoReturn:
    """Serve until nobody has asked for long, or the other end of the pipe `alive` is closed."""
    with socket.socket(socket.AF_UNIX) as listener:
        draft = path.with_suffix(f".{os.getpid()}")
        with short_path(draft) as short:
            listener.bind(short)
        listener.listen(64)
        draft.rename(path)  # whoever sees the socket can connect
        while True:
            ready, _, _ = select.select([listener.fileno(), *([] if alive is None else [alive])], [], [], IDLE_SECONDS)
            if listener.fileno() not in ready:
                break
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _supervise(connection)
            connection.close()
            _reap()
    path.unlink(missing_ok=True)
    os._exit(0)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _supervise(connection: socket.socket) -> NoReturn:
    """Run one command in a child of this process, hand it signals, and kill it if whoever asked for it is gone."""
    connection.sendall(b"\1")
    word, streams, _, _ = socket.recv_fds(connection, 1, 3)
    if not word:  # it could not wait
        os._exit(0)
    request = receive_request(connection)
    child = os.fork()
    if child == 0:
        connection.close()
        _run(request, streams)
    for stream in streams:
        os.close(stream)
    watch = os.pidfd_open(child)
    asked = connection.fileno()
    while watch not in select.select([watch, asked], [], [])[0]:
        numbers = _numbers(connection)
        for number in numbers or bytes([signal.SIGKILL]):
            signal.pidfd_send_signal(watch, number)
        if not numbers:
            break
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(OSError):  # nobody may wait for it any more
        connection.sendall(struct.pack(">i", os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _numbers(connection: socket.socket) -> bytes:
    try:
        return connection.recv(64)
    except ConnectionError:
        return b""


def _run(request: dict[str, Any], streams: Sequence[int]) -> NoReturn:
    """Become the command: its streams, folder, variables and arguments; then import its entry and call it."""
    code = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - they stay open to the end
        sys.stdout = open(1, "w", buffering=1 if os.isatty(1) else -1, closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
        os.umask(request["umask"])
        os.chdir(request["folder"])
        os.environ.clear()  # noqa: TID251 - handed over, not read
        os.environ.update(request["environment"])  # noqa: TID251
        tempfile.tempdir = None  # TMPDIR may be another one here
        time.tzset()
        importlib.invalidate_caches()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.argv = ["perennial", *request["arguments"]]
        module, _, function = request["entry"].partition(":")
        getattr(importlib.import_module(module), function)()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:  # the last frame of a process: report whatever it is
        traceback.print_exc()
    finally:
        _end(code)


def _end(code: int) -> NoReturn:
    """End as an interpreter does, but for its own teardown, which takes longer than most commands."""
    try:
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
        atexit._run_exitfuncs()  # noqa: SLF001 - there is no public way, and connections are closed there
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:  # as in `perennial models | head -1`
        pass
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
