"""A real MLflow tracking server on this machine, in an environment of its own that uv makes and keeps in its cache."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.infra.emulators.emulator_process import free_port

MLFLOW = ("--exclude-newer", "2026-10-25", "--with", "mlflow==3.17.2")
"""Pinned with all that it needs: what was published later is not looked at."""
START_SECONDS = 240.0
"""Most of it, once, for the download of 200 MB."""


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of a server with its state in `folder`. It asks nobody for a password: hashing one takes it half a second."""
    port, log = free_port(), folder / "log"
    where = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    state = ("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "artifacts"))
    environment = {
        **os.environ,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    command = ["uv", "run", "--no-project", "--isolated", *MLFLOW, "mlflow", "server", *where, *state]
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment, cwd=folder, start_new_session=True)
    try:
        wait_until_up(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until_up(uri: str, process: subprocess.Popen[bytes], log: Path, seconds: float = START_SECONDS) -> None:
    """Until it answers."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{uri}/health", timeout=1).close()
            return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError(f"MLflow did not start: {log.read_text()[-2000:]}")
