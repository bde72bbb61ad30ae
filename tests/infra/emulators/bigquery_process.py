"""A BigQuery emulator in a process of its own, which a test may kill and start again, and Google's unmodified clients of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.auth.credentials import AnonymousCredentials, Credentials
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

from tests.infra.emulators.emulator_process import EmulatorProcess, free_port

PROJECT = "perennial-test"


@dataclass
class BigQueryProcess(EmulatorProcess):
    """The emulator of one project."""

    grpc_port: int = field(default_factory=free_port)

    @property
    def module(self) -> str:
        return "bigquery"

    @property
    def arguments(self) -> Sequence[str]:
        return ("--grpc-port", str(self.grpc_port), "--project", PROJECT)

    @property
    def health_path(self) -> str:
        return f"/bigquery/v2/projects/{PROJECT}/datasets"

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
