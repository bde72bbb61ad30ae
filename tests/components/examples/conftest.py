"""One snapshot of the shared table, which models with other queries read as well."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from components.examples.read import read_examples
from components.examples.span_cache import SplitCount
from components.snapshot.document import Snapshot
from tests.components.visits import SQL, Site

Read = Callable[..., tuple[SplitCount, ...]]


@pytest.fixture(scope="session")
def pinned() -> dict[str, Snapshot]:
    """By table."""
    return {}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "examples"


@pytest.fixture
def read(site: Site, pinned: dict[str, Snapshot], folder: Path) -> Read:
    """Read the examples of a query over the shared table, pinned once."""

    def read(sql: str = SQL, **changes: object) -> tuple[SplitCount, ...]:
        model = site.model(sql=sql, **changes)
        if site.table not in pinned:
            pinned[site.table] = site.pin(site.model())
            site.model(sql=sql, **changes)
        snapshot = replace(pinned[site.table], query_sha256=sha256(sql.encode()).hexdigest())
        return read_examples(site.cloud, model, snapshot, folder)

    return read
