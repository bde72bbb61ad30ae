"""A Cloud Storage emulator that a test may break."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from tests.infra.emulators.cloud_sql_process import PYTHON, free_port

START_SECONDS = 30.0


@dataclass
class CloudStorageProcess:
    """Its state is in `folder`. It asks nobody for a token, unless an option says so."""

    folder: Path
    port: int = field(default_factory=free_port)
    options: Sequence[str] = ()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator["CloudStorageProcess"]:
        """Start it, wait until it answers, and stop it whatever happens."""
        command = [str(PYTHON), "-m", "cloud_storage", "--port", str(self.port), "--data", str(self.folder), "--faults", *self.options]
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not self._answers():
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)
            yield self
        finally:
            process.terminate()
            process.communicate(timeout=START_SECONDS)

    def _answers(self) -> bool:
        try:
            return bool(requests.get(f"{self.endpoint}/_calls", timeout=1).ok)
        except requests.ConnectionError:
            return False

    def client(self) -> storage.Client:
        return storage.Client("a-project", AnonymousCredentials(), client_options={"api_endpoint": self.endpoint})

    def break_next(self, *faults: dict[str, object]) -> None:
        """Let faults befall the next requests, instead of those that still wait; forget the requests so far."""
        requests.put(f"{self.endpoint}/_faults", json=faults, timeout=10).raise_for_status()
        requests.delete(f"{self.endpoint}/_calls", timeout=10).raise_for_status()

    def calls(self) -> list[str]:
        """The requests since then: method, path and query."""
        answer: list[str] = requests.get(f"{self.endpoint}/_calls", timeout=10).json()
        return answer
