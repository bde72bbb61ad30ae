"""What the emulators' processes have in common in the tests: a test may start, stop and kill one, and ask whether it answers."""

import http.client
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from components.settings import REPOSITORY
from tests.waiting import wait_until

PYTHON = REPOSITORY / "infra" / "emulators" / ".venv" / "bin" / "python"
START_SECONDS = 60.0
STOP_SECONDS = 30.0


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass
class EmulatorProcess:
    """An emulator in a process of its own, its state and its output in `folder`."""

    folder: Path
    port: int = field(default_factory=free_port, kw_only=True)
    options: Sequence[str] = field(default=(), kw_only=True)
    """More words of the command line."""
    process: subprocess.Popen[bytes] | None = field(default=None, kw_only=True)

    @property
    def module(self) -> str:
        """The module that is run."""
        raise NotImplementedError

    @property
    def arguments(self) -> Sequence[str]:
        """The words of the command line that each emulator has of its own."""
        return ()

    @property
    def health_path(self) -> str:
        """What is asked to learn whether the emulator answers."""
        return "/"

    def is_ready(self) -> bool:
        """Whether it answers; many do when they answer anything."""
        return self.health() != 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def launch(self, *options: str) -> subprocess.Popen[bytes]:
        """Start the process, without waiting for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [str(PYTHON), "-m", self.module, "--port", str(self.port), "--data", str(self.folder / "data")]
        with (self.folder / "output").open("wb") as output:
            self.process = subprocess.Popen([*command, *self.arguments, *self.options, *options], stdout=output, stderr=output)
        return self.process

    def start(self) -> Self:
        """Start the process, and wait until it answers."""
        process = self.launch()
        wait_until(lambda: self.is_ready() or process.poll() is not None, "the emulator does not answer", seconds=START_SECONDS)
        assert process.poll() is None, self.output
        return self

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Start it, and stop it whatever happens."""
        try:
            yield self.start()
        finally:
            self.stop()

    def stop(self) -> None:
        """Stop it as `perennial down` does."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(STOP_SECONDS) == 0, self.output

    def kill(self) -> None:
        """Kill it as a crash does. What it has started lives on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def health(self, authorization: str | None = None) -> int:
        """The status of the answer to a small request; 0 when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection.request("GET", self.health_path, headers={"Authorization": authorization} if authorization else {})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
