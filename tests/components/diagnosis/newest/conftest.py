"""The registry of the tests of its room, and a shop whose versions are held against what its table holds today."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from components.cloud import Cloud
from components.runs.record import Run
from components.storage.objects import ensure_bucket
from tests.components.conftest import BY_DAY
from tests.components.diagnosis.newest.shop import Shop
from tests.components.registered import engine, name, new_run, owner_engine  # noqa: F401
from tests.components.visits import Site


@pytest.fixture
def shop(empty_site: Site, engine: sa.Engine, new_run: Callable[..., Run], tmp_path: Path) -> Shop:  # noqa: F811
    """Of a model that no other test has."""
    empty_site.create(partitioning=BY_DAY)
    cloud = Cloud(empty_site.settings)
    ensure_bucket(cloud.storage, empty_site.settings.bucket, "EU")
    return Shop(empty_site, cloud, new_run, tmp_path / "shelf", f"visits_{uuid4().hex[:8]}")
