"""Rollbacks of a real SavedModel: where they go, and where not."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
import sqlalchemy as sa
from google.cloud import storage

from components.cloud import Cloud
from components.deployment.target import require_replaceable
from components.errors import AccessError, SettingsError
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


@pytest.fixture
def kept(client: storage.Client, bucket: str) -> Iterator[storage.Bucket]:
    """The bucket of the versions, with a retention policy."""
    kept = client.get_bucket(bucket)
    kept.retention_period = 36 * 3600
    kept.patch()
    yield kept
    kept.retention_period = None
    kept.patch()


def test_a_retention_policy_on_the_versions_stops_no_deployment(shop: Shop, client: storage.Client, kept: storage.Bucket) -> None:
    serving = client.create_bucket(f"serving-{uuid4().hex[:8]}").name
    settings = shop.cloud.settings.model_copy(update={"serving_bucket": serving})
    apart = replace(shop, cloud=Cloud(settings))
    for version in (shop.make(), shop.make()):
        apart.deploy(version)
    apart.rollback()

    assert apart.live() == (1, {shop.model: 1})
    text = client.bucket(serving).blob(f"serving/{shop.target}/models.config").download_as_text()
    assert f'base_path: "gs://{kept.name}/models/{shop.model}"' in text
    require_replaceable(client, settings)


def test_a_bucket_that_would_keep_the_configuration_is_named_with_the_setting(
    shop: Shop, client: storage.Client, kept: storage.Bucket
) -> None:
    shop.deploy(shop.make())
    second = shop.make()
    sentence = refusal(lambda: shop.deploy(second), AccessError)

    assert sentence.startswith(
        f"Cloud Storage refuses this in bucket {kept.name}: Object '{kept.name}/serving/{shop.target}/models.config' "
        "is subject to bucket's retention policy and cannot be deleted, overwritten or archived until 20"
    )
    assert sentence.endswith(
        "; objects under a retention policy stay as they are until then: have what targets serve written elsewhere by "
        "PERENNIAL_SERVING_BUCKET, or wait (docs/storage.md)"
    )
    assert shop.live() == (1, {shop.model: 1})
    assert refusal(lambda: require_replaceable(client, shop.cloud.settings), SettingsError) == (
        f"bucket {kept.name} keeps every object for 1.5 days (its retention policy), and what a target serves is replaced at every "
        "deployment: set PERENNIAL_SERVING_BUCKET to a bucket without such a rule (docs/storage.md)"
    )
