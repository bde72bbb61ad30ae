"""Deployments that are killed, refused or given other bytes: what was live stays live."""

import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from components.cloud import Cloud
from components.deployment import target
from components.deployment.deploy import _pull_served
from components.errors import AccessError, RegistryError
from components.registry.deployments import read_candidate
from components.registry.publish import published_uri
from components.storage.manifest import Manifest
from components.storage.objects import split_uri
from tests.components.deployment.shop import Shop, refusal, shop
from tests.components.served_model import saved_model
from tests.components.upkeep.between import between

__all__ = ["saved_model", "shop"]

DIE = """
from components.registry.deployments import Action, NewEvent, append
from components.cloud import Cloud
from components.deployment.request import new_request
from components.deployment.target import switch
model, target, when = arguments
cloud = Cloud(settings)
request = new_request(settings, Action.DEPLOY, model=model, version=2, target=target, reason="killed")
with cloud.engine.begin() as connection:
    append(connection, NewEvent(request=request, version=2, seen=1, smoke={}))
    if when == "after the switch":
        switch(connection, cloud.storage, settings, target)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("when", ["before the switch", "after the switch"])
def test_a_deployment_that_is_killed_leaves_the_old_version_live(
    shop: Shop, child: Callable[..., subprocess.Popen[str]], when: str
) -> None:
    shop.make()
    shop.make()
    shop.deploy(1)
    killed = child(DIE, shop.cloud.settings, shop.model, shop.target, when)
    output, _ = killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL, output
    told = 2 if when == "after the switch" else 1
    assert shop.live() == (1, {shop.model: told})
    uri = f"gs://{shop.cloud.settings.bucket}/serving/{shop.target}/models.config"
    problem = f"{uri} named version 2 of {shop.model}, and the log says version 1" if told == 2 else None
    assert shop.problem == problem
    assert (shop.deploy(1).repaired, shop.live()) == (problem, (1, {shop.model: 1})), "any next command puts it right"
    done = shop.deploy(2)
    assert (done.is_new, done.event.seq, shop.live()) == (True, 2, (2, {shop.model: 2}))


@pytest.mark.parametrize("status", [403, 503])
def test_a_switch_that_is_refused_leaves_the_old_version_live(shop: Shop, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "PATIENCE", target.PATIENCE.with_timeout(0.5))
    shop.make()
    shop.make()
    shop.deploy(1)

    def answer(call: str, body: bytes, forward: Callable[[], requests.Response]) -> int | None:
        return status if is_switch(call, body) else None

    with between(shop.cloud.settings, answer) as settings:
        sentence = refusal(lambda: replace(shop, cloud=Cloud(settings)).deploy(2), AccessError)
    assert sentence.startswith("Cloud Storage refuses this in bucket" if status == 403 else "Cloud Storage cannot be reached")
    assert (shop.live(), len(shop.story), shop.problem) == ((1, {shop.model: 1}), 1, None)
    assert shop.deploy(2).event.seq == 2


def is_switch(call: str, body: bytes) -> bool:
    return call.startswith("POST /upload/") and b"models.config" in body


def test_a_switch_whose_answer_is_lost_has_happened(shop: Shop) -> None:
    shop.make()
    lost: list[int] = []

    def answer(call: str, body: bytes, forward: Callable[[], requests.Response]) -> int | None:
        if is_switch(call, body) and not lost:
            lost.append(forward().status_code)
            return 503
        return None

    with between(shop.cloud.settings, answer) as settings:
        assert replace(shop, cloud=Cloud(settings)).deploy(1).is_new
    assert (lost, shop.live(), shop.problem) == ([200], (1, {shop.model: 1}), None)


def test_a_configuration_that_somebody_else_writes_at_the_same_time_is_not_written_over(shop: Shop) -> None:
    shop.make()
    shop.make()
    shop.deploy(1)
    blob = shop.cloud.storage.bucket(shop.cloud.settings.bucket).blob(f"serving/{shop.target}/models.config")

    def answer(call: str, body: bytes, forward: Callable[[], requests.Response]) -> int | None:
        if is_switch(call, body):
            blob.upload_from_string("theirs")
        return None

    with between(shop.cloud.settings, answer) as settings:
        sentence = refusal(lambda: replace(shop, cloud=Cloud(settings)).deploy(2))
    assert sentence == f"gs://{blob.bucket.name}/{blob.name} is written by something else: run the command again"
    assert (shop.live()[0], blob.download_as_bytes()) == (1, b"theirs")
    assert shop.deploy(2).repaired == f"gs://{blob.bucket.name}/{blob.name} named nothing of {shop.model}, and the log says version 1"
    assert shop.live() == (2, {shop.model: 2})


def test_bytes_that_changed_are_not_deployed(shop: Shop) -> None:
    shop.make()
    shop.make()
    shop.deploy(1)
    shop.deploy(2)
    blob = shop.cloud.storage.bucket(shop.cloud.settings.bucket).blob(f"models/{shop.model}/1/saved_model.pb")
    blob.upload_from_string(b"!" + blob.download_as_bytes()[1:])
    assert f"gs://{blob.bucket.name}/{blob.name}" in refusal(shop.rollback)
    assert shop.live() == (2, {shop.model: 2})


def test_what_is_served_must_be_the_manifest_by_sha256(shop: Shop, tmp_path: Path) -> None:
    shop.make()
    shop.deploy(1)
    bucket = shop.cloud.settings.bucket
    uri = published_uri(bucket, shop.model, 1)
    with shop.cloud.engine.connect() as connection:
        manifest = read_candidate(connection, shop.model, 1).manifest
    _pull_served(shop.cloud.storage, uri, manifest, tmp_path / "same")
    forged = Manifest(manifest.uri, (replace(manifest.entries[0], sha256="0" * 64), *manifest.entries[1:]))
    with pytest.raises(RegistryError, match=rf"{manifest.entries[0].path} of {uri} has SHA-256 .*, not 0+: do not use it"):
        _pull_served(shop.cloud.storage, uri, forged, tmp_path / "forged")
    prefix = split_uri(uri)[1]
    shop.cloud.storage.bucket(bucket).blob(f"{prefix}/assets/extra.txt").upload_from_string("?")
    with pytest.raises(RegistryError, match=f"{uri}/assets/extra.txt is no part of the version: something else wrote it"):
        _pull_served(shop.cloud.storage, uri, manifest, tmp_path / "stranger")
