"""A Cloud Storage emulator that a test may break."""

from collections.abc import Sequence
from dataclasses import dataclass

import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from tests.infra.emulators.emulator_process import EmulatorProcess


@dataclass
class CloudStorageProcess(EmulatorProcess):
    """The emulator, which tests may break. It asks nobody for a token, unless an option says so."""

    @property
    def module(self) -> str:
        return "cloud_storage"

    @property
    def arguments(self) -> Sequence[str]:
        return ("--faults",)

    @property
    def health_path(self) -> str:
        return "/_calls"

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
