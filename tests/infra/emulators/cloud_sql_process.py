"""A Cloud SQL emulator in a process of its own, which a test may break, kill and start again."""

import json
import socket
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from google.auth.credentials import Credentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud.sql.connector import Connector

from components.google import credentials
from components.settings import Settings
from tests.infra.emulators.emulator_process import EmulatorProcess, free_port

TRAINER = "trainer@perennial-test.iam.gserviceaccount.com"
SERVER = "server@perennial-test.iam.gserviceaccount.com"
PASSWORD = "correct horse"


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
class CloudSqlProcess(EmulatorProcess):
    """The emulator of one instance, which tests may break, and two service accounts, the first of which is the administrator."""

    connection_name: str = "perennial-test:europe-west1:registry"
    address: str = field(default_factory=free_address)
    options: Sequence[str] = field(default=("--faults",), kw_only=True)

    @property
    def module(self) -> str:
        return "cloud_sql"

    @property
    def arguments(self) -> Sequence[str]:
        accounts = (f"--service-account={email}={self.key_file(email)}" for email in (TRAINER, SERVER))
        key = str(self.folder / "token.key")
        return (self.connection_name, "--address", self.address, "--token-key", key, "--database", "registry", *accounts)

    @property
    def health_path(self) -> str:
        return "/healthz"

    def is_ready(self) -> bool:
        return self.health() == HTTPStatus.OK

    @property
    def instance_path(self) -> str:
        project, _, name = self.connection_name.rsplit(":", 2)
        return f"/sql/v1beta4/projects/{project}/instances/{name}"

    def key_file(self, email: str) -> Path:
        return self.folder / f"{email.partition('@')[0]}.json"

    @property
    def credentials_file(self) -> Path:
        return self.key_file(TRAINER)

    def postgres_pid(self) -> int:
        return int((self.folder / "data" / "postgres" / "postmaster.pid").read_text().split()[0])

    def postgres_pid_now(self) -> int | None:
        """The same, or None while there is no PostgreSQL."""
        try:
            return self.postgres_pid()
        except (FileNotFoundError, IndexError):
            return None

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
