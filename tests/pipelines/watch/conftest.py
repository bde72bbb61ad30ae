"""A registry, a source of a test's own, and a model that is watched."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from components.model.folder import Model
from tests.components.conftest import empty_site, own_site, reader, warehouse  # noqa: F401
from tests.components.registered import bucket, child, client, engine, name, new_run, new_snapshot, new_version, owner_engine  # noqa: F401
from tests.components.visits import TOML, Site

CONTINUOUS = "[continuous]\nsettle_days = 0\ncooldown_hours = 0\nruns_a_day = 100\ntraining_cost = 0\n"
LAST = "latency_milliseconds = 50\n"


@pytest.fixture
def source(own_site: Site, engine: sa.Engine) -> Site:  # noqa: F811
    """Six days of visits, and the registry's tables."""
    targets = ("staging", "prod", "prod-canary", "prod-shadow")
    changes = {"targets": targets, "trainings_at_once": 10_000}  # runs that other tests have left under way are not in the way
    assert TOML.endswith(LAST)
    return replace(own_site, settings=own_site.settings.model_copy(update=changes))


@pytest.fixture
def watched(source: Site, name: str) -> Callable[..., Model]:  # noqa: F811
    """Writes the model with a policy."""

    def make(more: str = "") -> Model:
        return source.model(name=name, toml={LAST: f"{LAST}\n{CONTINUOUS}{more}"})

    return make
