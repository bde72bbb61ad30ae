"""A BigQuery emulator in a process of its own, which a test may kill and start again, and Google's unmodified clients of it."""

import http.client
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.auth.credentials import AnonymousCredentials, Credentials
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

from components.settings import REPOSITORY

PYTHON = REPOSITORY / "infra" / "emulators" / ".venv" / "bin" / "python"
PROJECT = "perennial-test"
START_SECONDS = 60.0


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass
class BigQueryProcess:
    """The emulator with its state in `folder`."""

    folder: Path
    port: int = field(default_factory=free_port)
    grpc_port: int = field(default_factory=free_port)
    options: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None

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

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process, without waiting for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [str(PYTHON), "-m", "bigquery", "--port", str(self.port), "--grpc-port", str(self.grpc_port)]
        command += ["--data", str(self.folder / "data"), "--project", PROJECT, *self.options]
        with (self.folder / "output").open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        return self.process

    def start(self) -> "BigQueryProcess":
        """Start the process, and wait until it answers."""
        process = self.launch()
        deadline = time.monotonic() + START_SECONDS
        while self.health() == 0:
            assert process.poll() is None and time.monotonic() < deadline, self.output
            time.sleep(0.02)
        return self

    @contextmanager
    def running(self) -> Iterator["BigQueryProcess"]:
        """Start it, and stop it whatever happens."""
        try:
            yield self.start()
        finally:
            self.stop()

    def stop(self) -> None:
        """Stop it as `perennial down` does."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(30) == 0, self.output

    def kill(self) -> None:
        """Kill it as a crash does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(15)

    def health(self, authorization: str | None = None) -> int:
        """The status of a list of datasets; 0 when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            headers = {"Authorization": authorization} if authorization else {}
            connection.request("GET", f"/bigquery/v2/projects/{PROJECT}/datasets", headers=headers)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def client(self, credentials: Credentials | None = None) -> bigquery.Client:
        """Google's client, over REST."""
        return bigquery.Client(PROJECT, credentials or AnonymousCredentials(), client_options={"api_endpoint": self.endpoint})

    def read_client(self) -> BigQueryReadClient:
        """Google's client of the Storage Read API."""
        channel = grpc.insecure_channel(f"127.0.0.1:{self.grpc_port}", options=[("grpc.max_receive_message_length", -1)])
        return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))


Rows = Sequence[dict[str, Any]]

SCHEMA = (
    bigquery.SchemaField("day", "DATE"),
    bigquery.SchemaField("id", "INTEGER"),
    bigquery.SchemaField("amount", "FLOAT"),
    bigquery.SchemaField("note", "STRING"),
)


def rows_of(day: str, count: int, first_id: int = 0) -> Rows:
    """Rows of one day, as JSON has them."""
    return [{"day": day, "id": first_id + i, "amount": i * 0.5, "note": f"n{i}"} for i in range(count)]


@dataclass(frozen=True)
class Dataset:
    """A dataset of a test's own."""

    client: bigquery.Client
    name: str

    def table(self, name: str) -> str:
        """The full name of a table, or of a partition of it."""
        return f"{PROJECT}.{self.name}.{name}"

    def make(self, name: str, schema: Sequence[bigquery.SchemaField] = SCHEMA, unit: str = "DAY", **properties: Any) -> bigquery.Table:
        """Make a table that is partitioned by its first column."""
        table = bigquery.Table(self.table(name), schema)
        table.time_partitioning = bigquery.TimePartitioning(type_=unit, field=schema[0].name)
        for property_name, value in properties.items():
            setattr(table, property_name, value)
        return self.client.create_table(table)

    def load(self, name: str, rows: Rows, **options: Any) -> bigquery.LoadJob:
        """Load rows into a table or `table$partition`, and wait."""
        config = bigquery.LoadJobConfig(**{"source_format": "NEWLINE_DELIMITED_JSON", "schema": SCHEMA} | options)
        job = self.client.load_table_from_json(rows, self.table(name), job_config=config)
        job.result()
        return job

    def query(self, sql: str, parameters: Sequence[Any] = (), **options: Any) -> list[tuple[Any, ...]]:
        """The rows of a query in which `{name}` stands for this dataset."""
        config = bigquery.QueryJobConfig(query_parameters=list(parameters), **options)
        sql = sql.replace("{dataset}", f"{PROJECT}.{self.name}")
        return [tuple(row.values()) for row in self.client.query(sql, config).result()]

    def counts(self, name: str) -> dict[str, int]:
        """Rows of a table by day."""
        rows = self.query(f"SELECT CAST(day AS STRING), COUNT(*) FROM `{self.table(name)}` GROUP BY 1 ORDER BY 1")
        return {day: count for day, count in rows}  # noqa: C416 - a row has a type for each column
