"""BigQuery's clients, and a small table to read with them."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient

from components.google import bigquery_client, bigquery_read_client
from components.settings import Settings
from tests.components.registered import (  # noqa: F401
    breakable,
    bucket,
    child,
    client,
    cloud_sql,
    connection,
    empty,
    engine,
    folder,
    hasty,
    hasty_engine,
    make_database,
    mlflow_uri,
    name,
    new_run,
    new_snapshot,
    new_version,
    open_engine,
    owner_engine,
    owning,
    push,
)
from tests.components.visits import DAYS, Site, visits

BY_DAY = bigquery.TimePartitioning(field="day")


@pytest.fixture(scope="session")
def warehouse(cloud: Settings) -> Iterator[bigquery.Client]:
    with closing(bigquery_client(cloud)) as warehouse:
        yield warehouse


@pytest.fixture(scope="session")
def reader(cloud: Settings) -> Iterator[BigQueryReadClient]:
    with bigquery_read_client(cloud) as reader:
        yield reader


@pytest.fixture
def empty_site(cloud: Settings, warehouse: bigquery.Client, reader: BigQueryReadClient, tmp_path: Path) -> Site:
    """A site whose table is still to be made; its models and caches are the test's own."""
    settings = cloud.model_copy(update={"models_folder": tmp_path / "models", "state_folder": tmp_path / "state"})
    return Site(settings, warehouse, reader, f"site_{uuid4().hex[:8]}.visits")


@pytest.fixture
def own_site(empty_site: Site) -> Site:
    """Six days of visits, for a test that changes them."""
    empty_site.create(partitioning=BY_DAY)
    empty_site.load([row for number in range(1, DAYS + 1) for row in visits(number)])
    return empty_site


@pytest.fixture(scope="session")
def shared_table(cloud: Settings, warehouse: bigquery.Client, reader: BigQueryReadClient) -> str:
    site = Site(cloud, warehouse, reader, f"site_{uuid4().hex[:8]}.visits")
    site.create(partitioning=BY_DAY)
    site.load([row for number in range(1, DAYS + 1) for row in visits(number)])
    return site.table


@pytest.fixture
def site(empty_site: Site, shared_table: str) -> Site:
    """Six days of visits that no test changes."""
    return replace(empty_site, table=shared_table)
