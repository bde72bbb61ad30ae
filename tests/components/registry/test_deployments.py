"""The log of deployments on a real PostgreSQL: compare and set, retries, and where a rollback goes."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
import sqlalchemy as sa

from components.errors import RegistryError
from components.registry.champion import _find_champion
from components.registry.deployments import (
    Action,
    Event,
    NewEvent,
    Request,
    append,
    history,
    last_event,
    live_of_model,
    live_on_target,
    restorable,
)
from components.registry.history import list_versions, read_version
from components.registry.retirements import _kept, retire, retired
from components.registry.versions import NewVersion, register_version
from components.settings import Settings

MakeVersion = Callable[..., NewVersion]
Deploy = Callable[..., Event]


@pytest.fixture
def versions(engine: sa.Engine, new_version: MakeVersion, name: str) -> str:
    """A model with three versions; its name."""
    with engine.begin() as connection:
        for _ in range(3):
            register_version(connection, new_version(connection))
    return name


def request_of(model: str, version: int | None = 1, **changes: str) -> Request:
    given = {"target": "prod", "request_id": uuid4().hex, "actor": "ann@laptop", "reason": "better by night", **changes}
    action = Action(given.pop("action", "deploy"))
    return Request(model=model, version=version, action=action, **given)


@pytest.fixture
def deploy(engine: sa.Engine, versions: str) -> Deploy:
    """Appends an event after the last one; `to` makes it a rollback to that seq."""

    def deploy(version: int, *, to: int | None = None, target: str = "prod") -> Event:
        with engine.begin() as connection:
            last = last_event(connection, versions, target)
            request = request_of(versions, version, target=target, action="deploy" if to is None else "rollback")
            new = NewEvent(request=request, version=version, seen=last.seq if last else 0, rolls_back_to=to, smoke={"examples": 32})
            return append(connection, new)

    return deploy


def new_event(request: Request, seen: int) -> NewEvent:
    return NewEvent(request=request, version=request.version or 1, seen=seen, smoke={})


def test_the_log_tells_who_what_when_and_why(engine: sa.Engine, versions: str, deploy: Deploy) -> None:
    first, second, elsewhere = deploy(1), deploy(2), deploy(3, target="staging")
    with engine.connect() as connection:
        assert history(connection, versions) == [elsewhere, second, first]
        assert history(connection, versions, "prod", limit=1) == [second]
        assert last_event(connection, versions, "prod") == second
        assert last_event(connection, versions, "local") is None
        assert live_of_model(connection, versions) == {2: ("prod",), 3: ("staging",)}
        assert live_on_target(connection, "prod")[versions] == 2
        told = {version.number: (version.live_on, version.retired) for version in list_versions(connection, versions)}
        story = read_version(connection, versions, 2)
    assert told == {1: ((), False), 2: (("prod",), False), 3: (("staging",), False)}
    assert (story.live_on, story.deployments, story.retirement) == (("prod",), (second,), None)
    assert (second.seq, second.actor, second.reason, second.smoke) == (2, "ann@laptop", "better by night", {"examples": 32})
    assert second.sentence == f"version 2 is live since {second.created_at:%Y-%m-%d %H:%M:%S} by ann@laptop (seq 2)"


def test_of_twenty_at_once_one_wins_and_the_others_are_told_who_did(
    cloud: Settings, engine: sa.Engine, open_engine: Callable[..., sa.Engine], versions: str
) -> None:
    barrier, crowded = threading.Barrier(20), open_engine(cloud, pool_size=20)

    def try_to(request: Request) -> Event | RegistryError:
        with crowded.connect() as connection:
            barrier.wait(timeout=30)
            try:
                with connection.begin():
                    return append(connection, new_event(request, 0))
            except RegistryError as error:
                return error

    requests = [request_of(versions, 1 + number % 3, actor=f"person {number}") for number in range(20)]
    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(try_to, requests))

    (won,) = [outcome for outcome in outcomes if isinstance(outcome, Event)]
    refusals = [str(outcome) for outcome in outcomes if isinstance(outcome, RegistryError)]
    assert len(refusals) == 19
    assert all(f"is stale: {won.sentence}, and when this began the last was seq 0; look at" in refusal for refusal in refusals)
    assert all(f"`perennial history {versions} --target prod` and try again" in refusal for refusal in refusals)
    (request,) = [request for request in requests if request.request_id == won.request_id]
    with engine.begin() as connection:
        assert append(connection, new_event(request, 0)) == won, "the winner's retry finds its own event"
        assert history(connection, versions) == [won]


def test_who_saw_what_never_was_is_told_what_is(engine: sa.Engine, versions: str) -> None:
    sentence = "is stale: nothing was ever deployed, and when this began the last was seq 7"
    with engine.begin() as connection, pytest.raises(RegistryError, match=sentence):
        append(connection, new_event(request_of(versions), 7))


def rollbacks(engine: sa.Engine, model: str) -> list[tuple[int, int | None]]:
    with engine.connect() as connection:
        out = frozenset(retired(connection, model))
        return [(event.seq, event.version) for event in restorable(history(connection, model, "prod"), retired=out)]


def test_a_second_rollback_goes_further_back_and_not_forth(engine: sa.Engine, versions: str, deploy: Deploy) -> None:
    assert rollbacks(engine, versions) == []
    deploy(1)
    assert rollbacks(engine, versions) == []
    deploy(2)
    deploy(3)
    assert rollbacks(engine, versions) == [(2, 2), (1, 1)]
    deploy(2, to=2)
    assert rollbacks(engine, versions) == [(1, 1)]
    deploy(1, to=1)
    assert rollbacks(engine, versions) == []


def test_what_a_rollback_left_counts_again_once_it_is_deployed_again(engine: sa.Engine, versions: str, deploy: Deploy) -> None:
    for version in (3, 1, 3):
        deploy(version)
    deploy(1, to=2)
    assert rollbacks(engine, versions) == [], "3 was left by a rollback"
    deploy(3)
    deploy(2)
    assert rollbacks(engine, versions) == [(5, 3), (2, 1), (1, 3)]


def test_going_forth_leaves_nothing_behind(engine: sa.Engine, versions: str, deploy: Deploy) -> None:
    deploy(1)
    deploy(2)
    deploy(1, to=1)
    deploy(2, to=2)
    assert rollbacks(engine, versions) == [(1, 1)]


def test_only_what_is_out_of_reach_is_retired(engine: sa.Engine, versions: str, deploy: Deploy) -> None:
    for version in (1, 2, 3):
        deploy(version)
    deploy(2, target="staging")
    with engine.begin() as connection:
        assert _kept(connection, versions) == {3: ("live on prod",), 2: ("live on staging", "what a rollback of prod goes to")}
        for number, why in ((3, "live on prod"), (2, "live on staging and what a rollback of prod goes to")):
            with pytest.raises(
                RegistryError, match=f"{versions} {number} cannot be retired: it is {why}; deploy another version there first"
            ):
                retire(connection, versions, number, actor="ann", reason="old")
        done = retire(connection, versions, 1, actor="ann", reason="trained on half a day")
        assert retire(connection, versions, 1, actor="bob", reason="trained on half a day") == done
        with pytest.raises(RegistryError, match="is already recorded with reason 'trained on half a day', not 'other'"):
            retire(connection, versions, 1, actor="ann", reason="other")
        assert read_version(connection, versions, 1).retirement == done
        assert [version.retired for version in list_versions(connection, versions)] == [True, False, False]
    assert rollbacks(engine, versions) == [(2, 2)]
    with pytest.raises(RegistryError, match=rf"{versions} 1 was retired on .* by ann \(trained on half a day\): choose another version"):
        deploy(1)


def test_a_retired_version_is_no_champion(engine: sa.Engine, versions: str) -> None:
    with engine.begin() as connection:
        for number in (1, 2, 3):
            bless = "INSERT INTO registry.blessing (model_version_id, run_id, policy_sha256, blessed, checks, decided_by) SELECT "
            bless += "model_version_id, run_id, repeat('a', 64), true, '[]', 'a test' FROM registry.model_version JOIN registry.model "
            connection.execute(
                sa.text(f"{bless} USING (model_id) WHERE name = :name AND version = :version"), {"name": versions, "version": number}
            )
        retire(connection, versions, 3, actor="ann", reason="old")
        found = _find_champion(connection, versions)
    assert found is not None and found.version == 2


@pytest.mark.parametrize("statement", ["UPDATE registry.{} SET reason = ''", "DELETE FROM registry.{}", "TRUNCATE registry.{} CASCADE"])
@pytest.mark.parametrize("table", ["deployment_event", "retirement"])
def test_the_log_is_only_appended_to(
    engine: sa.Engine, owner_engine: sa.Engine, versions: str, deploy: Deploy, table: str, statement: str
) -> None:
    deploy(2)
    with engine.begin() as connection:
        retire(connection, versions, 1, actor="ann", reason="old")
    with owner_engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match=f"registry.{table} is append-only"):
        connection.execute(sa.text(statement.format(table)))
