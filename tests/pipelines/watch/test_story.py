"""The story of `make demo-continuous` at small size, told by a watcher that dies at every moment of it: it ends as if nobody had died."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from components.decisions.orders import request_training
from components.decisions.record import read_decisions
from components.policy.facts import AlarmFact, Cause
from components.registry.deployments import Action
from tests.components.served_model import saved_model  # noqa: F401
from tests.pipelines.watch.house import House, make_house  # noqa: F401

POLICY = 'triggers = ["new_partition", "alarm", "person"]\n[continuous.deploy]\nstaging = "at once"\n'
MOMENTS = {"decided", "claimed", "started", "trained", "placed", "deployed", "recorded"}
"""All between which a watcher does something."""
STORY = [
    ("train", "train", "partition", ["deployment staging done 1", "training version 1"]),
    ("train", "train", "partition", ["deployment staging done 2", "training version 2"]),
    ("train", "train", "alarm", ["deployment staging done 3", "training version 3"]),
    ("mend", "broken source", None, []),
    ("train", "train", "person", ["deployment staging done 4", "training version 4"]),
    ("roll back", "probation", None, ["rollback done 3"]),
]


class DeathError(Exception):
    """Of a watcher."""


def look(house: House) -> set[str]:
    """Look until a look comes to its end. The watcher of each before it died at a moment at which none had died. Returns the moments."""
    died: set[str] = set()

    def die(moment: str) -> None:
        if moment not in died:
            died.add(moment)
            raise DeathError

    for _ in range(2 * len(MOMENTS)):
        try:
            house.watch(die)
        except DeathError:
            continue
        return died
    raise AssertionError(f"no look comes to its end after {sorted(died)}")


def log_of(house: House) -> list[tuple[str, str, str | None, list[str]]]:
    with house.cloud.engine.connect() as connection:
        found = read_decisions(connection, house.model.name)[::-1]
    return [
        (
            one.verdict.value,
            one.rule,
            one.trigger,
            [" ".join(str(part) for part in (end.kind, end.subject, end.result, end.version) if part) for end in one.outcomes],
        )
        for one in found
    ]


@pytest.mark.slow
@pytest.mark.story
def test_a_watcher_that_dies_at_every_moment_tells_the_story_as_one_that_lives(
    make_house: Callable[[str], House],  # noqa: F811
    engine: sa.Engine,
) -> None:
    house = make_house(POLICY)
    died = look(house)
    house.load_a_day()
    died |= look(house)
    house.alarms = [AlarmFact("1", Cause.CHANGED_WORLD, "auc fell from 0.81 to 0.74")]
    died |= look(house)
    house.alarms = [AlarmFact("2", Cause.BROKEN_SOURCE, "62% of pages is NULL", column="pages")]
    with engine.begin() as connection:
        request_training(connection, house.model.name, actor="desk", reason="odd", source="//desk", event_id=house.model.name)
    died |= look(house)
    house.alarms = []
    died |= look(house)
    house.alarms = [AlarmFact("3", Cause.BAD_VERSION, "log loss is higher", target="staging", version=4)]
    died |= look(house)
    house.alarms = []
    look(house)
    assert died == MOMENTS
    assert log_of(house) == STORY
    deploys = [(Action.DEPLOY, version) for version in (1, 2, 3, 4)]
    assert house.live("staging") == [*deploys, (Action.ROLLBACK, 3)]
