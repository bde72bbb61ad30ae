"""A Cloud SQL emulator in a process of its own, which a test may break, kill and start again."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.auth.credentials import Credentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud.sql.connector import Connector

from components.google import credentials
from components.settings import REPOSITORY, Settings

PYTHON = REPOSITORY / "infra" / "emulators" / ".venv" / "bin" / "python"
TRAINER = "trainer@perennial-test.iam.gserviceaccount.com"
SERVER = "server@perennial-test.iam.gserviceaccount.com"
PASSWORD = "correct horse"
START_SECONDS = 30.0


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def free_address() -> str:
    """A loopback address on whose port 3307 nobody listens now."""
    for last in range(1, 255):
        address = f"127.77.{free_port() % 250}.{last}"
        try:
            with socket.create_server((address, 3307)):
                return address
        except OSError:
            continue
    raise AssertionError("port 3307 is taken on every loopback address")


@dataclass
class CloudSqlProcess:
    """The emulator of one instance with its state in `folder`, and two service accounts, the first of which is the administrator."""

    folder: Path
    connection_name: str = "perennial-test:europe-west1:registry"
    port: int = field(default_factory=free_port)
    address: str = field(default_factory=free_address)
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def instance_path(self) -> str:
        project, _, name = self.connection_name.rsplit(":", 2)
        return f"/sql/v1beta4/projects/{project}/instances/{name}"

    def key_file(self, email: str) -> Path:
        return self.folder / f"{email.partition('@')[0]}.json"

    @property
    def credentials_file(self) -> Path:
        return self.key_file(TRAINER)

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    def launch(self, *options: str) -> subprocess.Popen[bytes]:
        """Start the process, without waiting for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [str(PYTHON), "-m", "cloud_sql", self.connection_name, "--port", str(self.port), "--address", self.address]
        command += ["--data", str(self.folder / "data"), "--token-key", str(self.folder / "token.key")]
        command += ["--database", "registry"]
        command += [f"--service-account={email}={self.key_file(email)}" for email in (TRAINER, SERVER)]
        command += options
        with (self.folder / "output").open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        return self.process

    def start(self) -> "CloudSqlProcess":
        """Start the process, and wait until it is healthy."""
        process = self.launch("--faults")
        deadline = time.monotonic() + START_SECONDS
        while self.health() != 200:
            assert process.poll() is None and time.monotonic() < deadline, self.output
            time.sleep(0.05)
        return self

    @contextmanager
    def running(self) -> Iterator["CloudSqlProcess"]:
        """Start it, and stop it whatever happens."""
        try:
            yield self.start()
        finally:
            self.stop()

    def stop(self) -> None:
        """Stop it as `perennial down` does."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(15) == 0, self.output

    def kill(self) -> None:
        """Kill it as a crash does: its PostgreSQL lives on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(15)

    def health(self) -> int:
        """The status of GET /healthz; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.endpoint}/healthz", timeout=15) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def postgres_pid(self) -> int:
        return int((self.folder / "data" / "postgres" / "postmaster.pid").read_text().split()[0])

    def credentials(self) -> Credentials:
        """The first service account's."""
        return credentials(self.settings())

    @contextmanager
    def connector(self, credentials: Credentials | None = None, **options: Any) -> Iterator[Connector]:
        """The unmodified connector; in the name of the first service account unless told."""
        options = {"refresh_strategy": "lazy"} | options
        connector = Connector(sqladmin_api_endpoint=self.endpoint, credentials=credentials or self.credentials(), **options)
        try:
            yield connector
        finally:
            connector.close()
            connector._loop.close()  # which it forgets

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """A request of the Admin API, below the instance, in the name of the first service account."""
        with AuthorizedSession(self.credentials()) as session:
            response = session.request(method, f"{self.endpoint}{self.instance_path}{path}", json=body)
            response.raise_for_status()
            return response.json()

    def set_password(self, user: str = "postgres") -> None:
        """Let `user` log in by PASSWORD."""
        self.admin("PUT", f"/users?name={user}", {"password": PASSWORD})

    def control(self, method: str, path: str, body: object = None) -> Any:
        """A request that only tests may make: see infra/emulators/cloud_sql/faults.py."""
        request = urllib.request.Request(f"{self.endpoint}{path}", json.dumps(body).encode(), method=method)
        with urllib.request.urlopen(request, timeout=15) as response:
            content = response.read()
        return json.loads(content) if content else None

    def settings(self, **changes: Any) -> Settings:
        """Settings of the first service account, with which an engine connects here."""
        settings = Settings(
            project="perennial-test",
            bucket="unused",
            credentials_file=self.credentials_file,
            cloudsql_endpoint=self.endpoint,
            cloudsql_instance=self.connection_name,
            cloudsql_ip_type="PUBLIC",
            database_user=TRAINER.removesuffix(".gserviceaccount.com"),
            connect_timeout_seconds=5.0,
        )
        return settings.model_copy(update=changes)
