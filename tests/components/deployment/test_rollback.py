"""Rollbacks of a real SavedModel: where they go, and where not."""

import sqlalchemy as sa

from components.registry.retirements import retire
from tests.components.deployment.shop import Shop, refusal, shop
from tests.components.served_model import saved_model

__all__ = ["saved_model", "shop"]


def test_rolling_back_twice_goes_back_twice(shop: Shop) -> None:
    for version in (shop.make(), shop.make(), shop.make()):
        shop.deploy(version)
    assert [shop.rollback().event.version, shop.rollback().event.version] == [2, 1]
    sentence = refusal(shop.rollback)
    assert sentence == (
        f"nothing was live on {shop.target} before {shop.model} 1 that a rollback may go to: "
        f"look at `perennial history {shop.model} --target {shop.target}`, or deploy a version"
    )
    assert shop.rollback(3, reason="it was right after all").event.rolls_back_to == 3
    assert shop.story == [
        (6, "rollback", 3, 3),
        (5, "rollback", 1, 1),
        (4, "rollback", 2, 2),
        (3, "deploy", 3, None),
        (2, "deploy", 2, None),
        (1, "deploy", 1, None),
    ]
    assert shop.live() == (3, {shop.model: 3})


def test_there_must_be_something_to_go_back_to(shop: Shop) -> None:
    shop.make()
    shop.make()
    assert refusal(shop.rollback).startswith(f"{shop.model} was never deployed to {shop.target}: there is nothing to roll back")
    shop.deploy(1)
    assert refusal(shop.rollback).startswith(f"nothing was live on {shop.target} before {shop.model} 1 that a rollback may go to")
    assert refusal(lambda: shop.rollback(2)).startswith(f"version 2 of {shop.model} was never live on {shop.target}")
    assert f"model '{shop.model}' has no version 9: it has 1 to 2" in refusal(lambda: shop.rollback(9))


def test_retired_versions_are_passed_over(shop: Shop, engine: sa.Engine) -> None:
    for version in (shop.make(), shop.make(), shop.make()):
        shop.deploy(version)
    with engine.begin() as connection:
        retire(connection, shop.model, 1, actor="ann", reason="half a day was missing")
    assert f"{shop.model} 1 was retired on " in refusal(lambda: shop.deploy(1, force=True))
    assert f"{shop.model} 1 was retired on " in refusal(lambda: shop.rollback(1))
    assert shop.rollback().event.version == 2
    assert refusal(shop.rollback).startswith("nothing was live")
