"""`latest`, `live` and `live@TARGET`: which version each means, and what is said where it means none or several."""

from collections.abc import Callable
from uuid import uuid4

import pytest
import sqlalchemy as sa

from components.errors import RegistryError, UnknownVersionError
from components.registry.deployments import Action, NewEvent, Request, append
from components.registry.reference import referenced_version
from components.registry.versions import NewVersion, register_version


@pytest.fixture
def versions(engine: sa.Engine, new_version: Callable[..., NewVersion], name: str) -> str:
    """A model with three versions; its name."""
    with engine.begin() as connection:
        for _ in range(3):
            register_version(connection, new_version(connection))
    return name


def deploy(engine: sa.Engine, model: str, target: str, version: int, *, seen: int = 0) -> None:
    request = Request(
        model=model, target=target, action=Action.DEPLOY, version=version, request_id=uuid4().hex, actor="ann", reason="tried"
    )
    with engine.begin() as connection:
        append(connection, NewEvent(request=request, version=version, seen=seen, smoke={}))


def test_latest_is_the_newest_and_live_what_a_target_serves(engine: sa.Engine, versions: str) -> None:
    deploy(engine, versions, "prod", 1)
    deploy(engine, versions, "staging", 1)
    with engine.connect() as connection:
        found = {text: referenced_version(connection, versions, text) for text in ("latest", "live", "live@prod", "live@staging")}
    assert found == {"latest": 3, "live": 1, "live@prod": 1, "live@staging": 1}


def test_live_must_be_one_version(engine: sa.Engine, versions: str) -> None:
    deploy(engine, versions, "prod", 1)
    deploy(engine, versions, "staging", 2)
    with engine.connect() as connection:
        assert referenced_version(connection, versions, "live@staging") == 2
        with pytest.raises(
            RegistryError, match=rf"^different versions of {versions} are live: say which \(live@prod is 1, live@staging is 2\)$"
        ):
            referenced_version(connection, versions, "live")
    deploy(engine, versions, "staging", 1, seen=1)
    with engine.connect() as connection:
        assert referenced_version(connection, versions, "live") == 1


def test_where_nothing_is_live_the_next_command_is_named(engine: sa.Engine, versions: str) -> None:
    with engine.connect() as connection:
        for text, where in (("live", "any target"), ("live@prod", "prod")):
            with pytest.raises(RegistryError, match=f"^no version of {versions} is live on {where}: `perennial models` shows what is live"):
                referenced_version(connection, versions, text)
        with pytest.raises(RegistryError, match="'live@' is no version of .*: give its number, latest, live, or live@TARGET$"):
            referenced_version(connection, versions, "live@")
        with pytest.raises(UnknownVersionError, match="is not in the registry"):
            referenced_version(connection, "neverland", "latest")
