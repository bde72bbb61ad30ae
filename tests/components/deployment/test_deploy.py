"""Deployments of a real SavedModel: tested as served, switched and recorded at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from components.deployment import deploy as deploying
from components.deployment.deploy import DeploymentResult, deploy
from components.deployment.request import new_request
from components.deployment.target import _config_text, _read_config
from components.errors import RegistryError
from components.registry.deployments import Action, read_candidate
from components.registry.versions import NewVersion, register_version
from components.storage.objects import blobs_by_path
from tests.components.deployment.shop import PATHS, SLOW, MakeVersion, Shop, refusal, shop
from tests.components.served_model import saved_model

__all__ = ["saved_model", "shop"]


def test_a_deployment_is_tested_published_switched_and_recorded(shop: Shop) -> None:
    first, second = shop.make(), shop.make()
    assert (shop.live(), shop.problem) == ((None, {}), None)
    done = shop.deploy(first, reason="the first of all")
    event = done.event
    assert (done.is_new, done.repaired, list(done.seconds)) == (True, None, ["publish", "checksums", "smoke test", "switch"])
    assert (event.seq, event.action, event.version, event.forced, event.reason) == (1, "deploy", 1, False, "the first of all")
    assert event.smoke["rows"] == 32 and event.smoke["largest_difference"] == 0 and event.smoke["limit_milliseconds"] == 1000
    assert (shop.live(), shop.problem) == ((1, {shop.model: 1}), None)
    assert shop.deploy(second).event.seq == 2
    bucket = shop.cloud.settings.bucket
    assert _read_config(shop.cloud.storage, shop.cloud.settings, shop.target).text == _config_text(bucket, {shop.model: 2})
    served = {blob.name for blob in shop.cloud.storage.list_blobs(bucket, prefix=f"models/{shop.model}/")}
    assert {f"models/{shop.model}/{number}/saved_model.pb" for number in (1, 2)} <= served


def test_what_is_live_already_is_not_deployed_again(shop: Shop) -> None:
    event = shop.deploy(shop.make()).event
    again = shop.deploy(1, reason="again")
    assert (again.event, again.is_new) == (event, False)
    assert (shop.rollback(1).event, len(shop.story)) == (event, 1)


def test_a_request_is_carried_out_once(shop: Shop) -> None:
    shop.make()
    shop.make()
    first, second = shop.deploy(1, request_id="job/1"), shop.deploy(2, request_id="job/2")
    assert (shop.deploy(1, request_id="job/1").event, shop.live()[0]) == (first.event, 2)
    back = shop.rollback(request_id="job/3")
    assert (back.event.version, back.is_new) == (1, True)
    again = shop.rollback(request_id="job/3")
    assert (again.event, again.is_new, len(shop.story)) == (back.event, False, 3)
    sentence = f"request job/2 is already recorded with version {second.event.version}, not 1: what is recorded does not change"
    assert refusal(lambda: shop.deploy(1, request_id="job/2")) == sentence
    assert "request job/2 is already recorded with reason 'a test', not 'other'" in refusal(
        lambda: shop.deploy(2, request_id="job/2", reason="other")
    )


def test_of_twenty_deployers_one_wins_and_the_rest_are_stale(shop: Shop) -> None:
    for _ in range(3):
        shop.make()
    shop.deploy(3)
    settings, barrier = shop.cloud.settings, threading.Barrier(20)
    given = {"model": shop.model, "target": shop.target, "reason": "at once"}
    wanted = [new_request(settings, Action.DEPLOY, version=1 + number % 2, **given) for number in range(20)]

    def try_to(number: int) -> DeploymentResult | str:
        plan = deploying._plan_deployment(shop.cloud, wanted[number])
        barrier.wait(timeout=60)
        try:
            return deploying._carry_out(shop.cloud, wanted[number], plan, force=False)
        except RegistryError as error:
            return str(error)

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(try_to, range(20)))
    (won,) = [outcome for outcome in outcomes if isinstance(outcome, DeploymentResult)]
    stale = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert len(stale) == 19
    assert all(f"is stale: {won.event.sentence}, and when this began the last was seq 1" in sentence for sentence in stale)
    assert (shop.live(), shop.problem, len(shop.story)) == ((won.event.version, {shop.model: won.event.version}), None, 2)
    (request,) = [request for request in wanted if request.request_id == won.event.request_id]
    assert deploy(shop.cloud, request).event == won.event


def test_two_models_share_a_target(shop: Shop, engine: sa.Engine, new_version: MakeVersion) -> None:
    shop.make()
    other = replace(shop, model=f"{shop.model}_too")
    with engine.begin() as connection:
        new = new_version(connection)
        given = {**vars(new), "model": other.model, "manifest": read_candidate(connection, shop.model, 1).manifest}
        register_version(connection, NewVersion(**given))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda one: one.deploy(1, force=True), (shop, other)))
    assert shop.live() == (1, {shop.model: 1, other.model: 1})
    assert other.live()[0] == 1 and shop.problem is None


def test_a_version_from_before_they_ran_in_tensorflow_serving_is_not_deployed_whatever_the_force(shop: Shop) -> None:
    shop.make(signatures=None)
    sentence = refusal(lambda: shop.deploy(1, force=True))
    assert sentence == (
        f"{shop.model} 1 has no assets.extra/signatures.json: it was made before versions ran in TensorFlow Serving; "
        "train the model again with `perennial train MODEL --force`, and deploy that version"
    )
    assert not blobs_by_path(shop.cloud.storage, shop.cloud.settings.bucket, f"models/{shop.model}/1")


def test_a_model_that_answers_otherwise_is_not_deployed_whatever_the_force(shop: Shop, saved_model: Path) -> None:
    shop.make()
    shop.deploy(1)
    shop.make(outputs=(saved_model / PATHS["outputs"]).read_text().replace("0.0", "0.1", 1))
    for force in (False, True):
        sentence = refusal(lambda force=force: shop.deploy(2, force=force))  # type: ignore[misc]
        where = "on recorded row 1 by its signature serving_default in Python"
        assert sentence == f"{shop.model} 2 answers 0 {where}, and gave 0.1 when it was trained: do not deploy it"
    assert shop.live() == (1, {shop.model: 1})


@pytest.mark.parametrize(
    ("made", "doubt"),
    [
        ({"blessed": None}, "was never judged by the gate"),
        ({"blessed": False}, "was refused by the gate"),
        ({"smoke": None}, "has no recorded answers, so nobody can say whether it answers as it did when it was trained"),
        ({"toml": SLOW}, "ms for a row, where its model.toml promises 0.001 ms"),
    ],
)
def test_a_doubtful_version_is_deployed_by_force_only_and_restored_without(shop: Shop, made: dict[str, Any], doubt: str) -> None:
    shop.make(**made)
    sentence = refusal(lambda: shop.deploy(1))
    assert sentence.startswith(f"{shop.model} 1 ")
    assert doubt in sentence
    assert sentence.endswith(": deploy another version, or this one with --force and a --reason")
    assert shop.live() == (None, {})
    assert shop.deploy(1, force=True, reason="nothing else works").event.forced
    shop.make()
    assert not shop.deploy(2, force=True).event.forced, "there was nothing to force"
    back = shop.rollback()
    assert (back.event.version, back.event.forced, shop.live()) == (1, True, (1, {shop.model: 1}))


def test_unknown_versions_are_named_before_anything_is_written(shop: Shop) -> None:
    shop.make()
    for version in (0, -1, 2, 10**30):
        assert "no version" in refusal(lambda version=version: shop.deploy(version)) or version == 10**30  # type: ignore[misc]
    assert "'never_was' is not in the registry" in refusal(lambda: shop.deploy(1, model="never_was"))
    assert (shop.live(), shop.story) == ((None, {}), [])
