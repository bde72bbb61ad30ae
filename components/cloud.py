"""The services of the project, each client made when it is first asked for."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import sqlalchemy as sa

from components.database.engine import make_engine
from components.google import bigquery_client, bigquery_read_client, storage_client
from components.settings import Settings

if TYPE_CHECKING:
    from google.cloud import bigquery, storage
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient


@dataclass(frozen=True)
class Cloud:
    """Clients of the services that the settings name. Each is made at first use: BigQuery's takes seconds."""

    settings: Settings

    @cached_property
    def engine(self) -> sa.Engine:
        """Of the registry."""
        return make_engine(self.settings)

    @cached_property
    def storage(self) -> "storage.Client":
        """Of Cloud Storage."""
        return storage_client(self.settings)

    @cached_property
    def warehouse(self) -> "bigquery.Client":
        """Of BigQuery."""
        return bigquery_client(self.settings)

    @cached_property
    def reader(self) -> "BigQueryReadClient":
        """Of BigQuery's Storage Read API."""
        return bigquery_read_client(self.settings)
