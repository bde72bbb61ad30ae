"""Purchases of a few customers, and what a model's source.sql makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from google.cloud import bigquery

from components.cloud import Cloud
from components.google import bigquery_client
from components.model.folder import Model, read_model
from components.settings import REPOSITORY, Settings
from components.snapshot.query import check_query, rows_parameters, rows_query
from components.snapshot.window import Window, span_history_start, span_label_end
from pipelines.local.seed import SCHEMA

AS_OF = date(2026, 1, 4)
Purchase = tuple[int, int, int | None, float]
"""Customer, days after AS_OF, CDs, dollars."""


@dataclass(frozen=True)
class Shop:
    """Purchases in a table of a project of its own."""

    client: bigquery.Client
    settings: Settings
    model: Model

    def load(self, rows: Sequence[dict[str, object]]) -> str:
        name = f"{self.settings.project}.retail_{uuid4().hex[:8]}.purchases"
        self.client.create_dataset(name.rpartition(".")[0])
        table = bigquery.Table(name, SCHEMA)
        table.time_partitioning = bigquery.TimePartitioning(field="purchase_date")
        config = bigquery.LoadJobConfig(schema=SCHEMA)
        self.client.load_table_from_json(rows, self.client.create_table(table), job_config=config).result()
        return name

    def ask(self, table: str, *spans: date) -> list[dict[str, Any]]:
        """The training rows of spans, asked for together."""
        window = Window(spans, span_history_start(self.model, spans[0]), span_label_end(self.model, spans[-1]))
        check_query(Cloud(self.settings), self.model, table=table, window=window)
        job = self.client.query(rows_query(self.model, table), bigquery.QueryJobConfig(query_parameters=rows_parameters(window)))
        return [dict(row) for row in job.result()]

    def customers(self, *purchases: Purchase) -> dict[int, dict[str, Any]]:
        """The rows of AS_OF by customer."""
        rows: list[dict[str, object]] = [
            {
                "customer_id": customer,
                "purchase_date": (AS_OF + timedelta(days=days)).isoformat(),
                "number_of_cds": cds,
                "dollar_value": dollars,
            }
            for customer, days, cds, dollars in purchases
        ]
        return {row["customer_id"]: row for row in self.ask(self.load(rows), AS_OF)}


def open_shop(cloud: Settings, model: str) -> Shop:
    """A shop for one of the repository's models."""
    settings = cloud.model_copy(update={"project": f"shop-{uuid4().hex[:8]}"})
    return Shop(bigquery_client(settings), settings, read_model(REPOSITORY / "pipelines" / "models", model))
