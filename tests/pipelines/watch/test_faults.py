"""What goes wrong around a watcher is told in a sentence, and the next look puts it right."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import pytest
import sqlalchemy as sa

from components.cloud import Cloud
from components.decisions.orders import request_training
from components.model.folder import Model
from components.registry.history import list_versions
from pipelines.watch.models import watch_once
from tests.components.conftest import BY_DAY
from tests.components.visits import Row, Site, day, query, visits
from tests.pipelines.watch.trainer import watcher_of

WORDS = "the labels of span 2026-03-05 are known, and there is no version yet"
FIRST, TRAINED = f"train: {WORDS}", "version: version {} passed both gates"
AGAIN = "train: partition 2026-03-05 was rewritten after version {} was trained on it"


@dataclass(frozen=True)
class World:
    """A watched model, and what may go wrong around it."""

    source: Site
    model: Model
    engine: sa.Engine

    def look(self, cloud: Cloud | None = None, on_point: Callable[[str], None] = lambda _: None) -> list[str]:
        news: list[str] = []
        watch_once(replace(watcher_of(cloud or self.source.cloud, news=news), on_point=on_point), (self.model.name,))
        return [sentence.replace(str(self.model.folder), "FOLDER") for sentence in news]

    def edit(self, old: str, new: str) -> None:
        toml = self.model.folder / "model.toml"
        assert old in toml.read_text()
        toml.write_text(toml.read_text().replace(old, new))

    def cut_connections(self, point: str) -> None:
        """As an instance that is started again in the middle of a look."""
        if point == "claimed":
            own = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = session_user AND pid <> pg_backend_pid()"
            with Cloud(self.source.settings).engine.connect() as connection:
                connection.exec_driver_sql(own)
                connection.commit()

    def trained(self) -> int:
        with Cloud(self.source.settings).engine.connect() as connection:
            return len(list_versions(connection, self.model.name))


def event_that_comes_a_hundred_times(world: World) -> list[list[str]]:
    looks = []
    for _ in range(100):
        with world.engine.begin() as connection:
            asked = {"reason": "a file came", "source": "//storage", "event_id": world.model.name}
            request_training(connection, world.model.name, actor="shop", **asked)
    looks.append(world.look())
    with world.engine.begin() as connection:
        assert not request_training(connection, world.model.name, actor="shop", **asked)
    return [*looks, world.look()]


def partition_that_vanishes_and_comes_back(world: World) -> list[list[str]]:
    world.look()
    query(world.source, f"DELETE FROM `{world.source.name}` WHERE day = '{day(5)}'")
    looks = [world.look(), world.look()]
    world.source.load(visits(5), day(5))
    return [*looks, world.look(), world.look()]


def partition_from_the_future(world: World) -> list[list[str]]:
    world.look()
    future = date(2226, 1, 1)
    rows: list[Row] = [{**row, "day": future.isoformat()} for row in visits(7)]
    world.source.load(rows, future)
    looks = [world.look()]
    world.source.load(visits(7), day(7))
    return [*looks, world.look()]


def policy_that_contradicts_itself(world: World) -> list[list[str]]:
    world.edit("settle_days = 0", 'settle_days = 0\ntriggers = ["schedule"]')
    looks = [[re.sub(r"\(line \d+\)", "(line N)", sentence) for sentence in world.look()]]
    world.edit('\ntriggers = ["schedule"]', "")
    return [*looks, world.look()]


def registry_that_goes_in_the_middle(world: World) -> list[list[str]]:
    first = world.look(on_point=world.cut_connections)
    return [[first[0], *(sentence.partition(":")[0] for sentence in first[1:])], world.look()]


def registry_that_is_not_there(world: World) -> list[list[str]]:
    away = world.source.settings.model_copy(update={"cloudsql_endpoint": "http://127.0.0.1:9", "connect_timeout_seconds": 0.5})
    cloud = Cloud(away)
    vars(cloud).update(warehouse=world.source.client)
    return [[sentence.partition(": Cloud SQL instance")[0] for sentence in world.look(cloud)], world.look()]


def table_that_is_gone_for_a_while(world: World) -> list[list[str]]:
    query(world.source, f"CREATE TABLE `{world.source.name}_away` AS SELECT * FROM `{world.source.name}`")
    world.source.client.delete_table(world.source.name)
    looks = [[sentence.partition(" of model ")[0].replace(world.source.name, "TABLE") for sentence in world.look()]]
    world.source.create(partitioning=BY_DAY)
    world.source.load([row for number in range(1, 7) for row in visits(number)])
    return [*looks, world.look()]


SCHEDULE = "continuous.schedule is missing: a schedule needs both"
NAMED = " (line N); correct it (see pipelines/models/churn)"
CASES: dict[Callable[[World], list[list[str]]], tuple[list[list[str]], int]] = {
    event_that_comes_a_hundred_times: ([[f"train: shop asks: a file came; {WORDS}", TRAINED.format(1)], []], 1),
    partition_that_vanishes_and_comes_back: ([[AGAIN.format(1), TRAINED.format(2)], [], [AGAIN.format(2), TRAINED.format(3)], []], 3),
    partition_from_the_future: (
        [[], ["train: the labels of span 2026-03-06 are known, and version 1 knows spans up to 2026-03-05", TRAINED.format(2)]],
        2,
    ),
    policy_that_contradicts_itself: ([[f"not looked at: FOLDER/model.toml: continuous: {SCHEDULE}{NAMED}"], [FIRST, TRAINED.format(1)]], 1),
    registry_that_goes_in_the_middle: ([[FIRST, "version", "not looked at to the end"], []], 1),
    registry_that_is_not_there: ([["not looked at to the end", "no other model is looked at now"], [FIRST, TRAINED.format(1)]], 1),
    table_that_is_gone_for_a_while: ([["wait: there is nothing to train on: source table TABLE"], [FIRST, TRAINED.format(1)]], 1),
}
"""What the looks tell, and how many versions there are at the end."""


@pytest.mark.parametrize("happens", CASES, ids=lambda case: case.__name__)
def test_what_goes_wrong_is_told_and_the_next_look_puts_it_right(
    source: Site, watched: Callable[..., Model], engine: sa.Engine, happens: Callable[[World], list[list[str]]]
) -> None:
    world = World(source, watched(), engine)
    assert (happens(world), world.trained()) == CASES[happens]
