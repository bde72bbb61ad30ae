"""Deployments and rollbacks of a real SavedModel: tested as served, switched and recorded at once, whatever fails."""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from google.cloud import storage

from components.errors import AccessError, PerennialError, RegistryError
from components.registry.deployments import Action, history, read_candidate
from components.registry.manifest import Manifest
from components.registry.objects import split_uri
from components.registry.operands import Cloud
from components.registry.publish import published_uri
from components.registry.retirements import retire
from components.registry.versions import NewVersion, register_version
from components.serving import deploy as deploying
from components.serving import target
from components.serving.deploy import Deployed, deploy, pull_served, rollback
from components.serving.request import new_request
from components.serving.target import config_text, read_config, target_problem
from components.settings import Settings
from tests.components.registry.between import between
from tests.components.served_model import changed, register, saved_model

__all__ = ["saved_model"]

MakeVersion = Callable[..., NewVersion]
TARGETS = tuple(f"target-{number}" for number in range(40))


@dataclass(frozen=True)
class Shop:
    """A model of a test's own, a target of its own, and a place to take versions from."""

    cloud: Cloud
    model: str
    target: str
    make: Callable[..., int]

    def deploy(self, version: int | None, *, force: bool = False, **changes: Any) -> Deployed:
        return self._do(deploy, Action.DEPLOY, version, force, changes)

    def rollback(self, version: int | None = None, *, force: bool = False, **changes: Any) -> Deployed:
        return self._do(rollback, Action.ROLLBACK, version, force, changes)

    def _do(self, do: Callable[..., Deployed], action: Action, version: int | None, force: bool, changes: dict[str, Any]) -> Deployed:
        given = {"model": self.model, "target": self.target, "reason": "a test", **changes}
        return do(self.cloud, new_request(self.cloud.settings, action, version=version, **given), force=force)

    def live(self) -> tuple[int | None, dict[str, int]]:
        """The version that the log says is live, and what TensorFlow Serving is told."""
        with self.cloud.engine.connect() as connection:
            events = history(connection, self.model, self.target)
        return events[0].version if events else None, read_config(self.cloud.storage, self.cloud.settings.bucket, self.target).served

    @property
    def story(self) -> list[tuple[int, str, int | None, int | None]]:
        with self.cloud.engine.connect() as connection:
            return [(e.seq, str(e.action), e.version, e.rolls_back_to) for e in history(connection, self.model, self.target)]

    @property
    def problem(self) -> str | None:
        with self.cloud.engine.connect() as connection:
            return target_problem(connection, self.cloud.storage, self.cloud.settings.bucket, self.target)


@pytest.fixture(scope="module")
def targets() -> Iterator[str]:
    return iter(TARGETS)


@pytest.fixture
def shop(
    cloud: Settings,
    engine: sa.Engine,
    client: storage.Client,
    bucket: str,
    name: str,
    new_version: MakeVersion,
    saved_model: Path,
    tmp_path: Path,
    targets: Iterator[str],
) -> Shop:
    def make(blessed: bool | None = True, **files: str | bytes | None) -> int:
        folder = changed(
            saved_model, tmp_path / f"version-{len(list(tmp_path.iterdir()))}", {PATHS[file]: text for file, text in files.items()}
        )
        with engine.begin() as connection:
            return register(connection, new_version, client, bucket, folder, blessed=blessed)

    settings = cloud.model_copy(update={"bucket": bucket, "targets": TARGETS})
    return Shop(Cloud(settings), name, next(targets), make)


PATHS = {"outputs": "assets.extra/smoke/outputs.json", "smoke": "assets.extra/smoke", "toml": "assets.extra/model/model.toml"}
SLOW = "[serving]\nlatency_milliseconds = 0.001\n"


def refusal(do: Callable[[], object], error: type[PerennialError] = RegistryError) -> str:
    with pytest.raises(error) as caught:
        do()
    return str(caught.value)


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
    assert read_config(shop.cloud.storage, bucket, shop.target).text == config_text(bucket, {shop.model: 2})
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

    def try_to(number: int) -> Deployed | str:
        plan = deploying._deployment(shop.cloud, wanted[number])
        barrier.wait(timeout=60)
        try:
            return deploying._carry_out(shop.cloud, wanted[number], plan, force=False)
        except RegistryError as error:
            return str(error)

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(try_to, range(20)))
    (won,) = [outcome for outcome in outcomes if isinstance(outcome, Deployed)]
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


DIE = """
from components.registry.deployments import Action, NewEvent, append
from components.registry.operands import Cloud
from components.serving.request import new_request
from components.serving.target import switch
model, target, when = arguments
cloud = Cloud(settings)
request = new_request(settings, Action.DEPLOY, model=model, version=2, target=target, reason="killed")
with cloud.engine.begin() as connection:
    append(connection, NewEvent(request=request, version=2, seen=1, smoke={}))
    if when == "after the switch":
        switch(connection, cloud.storage, settings.bucket, target)
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
    assert sentence.startswith("Cloud Storage refuses these credentials" if status == 403 else "Cloud Storage cannot be reached")
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
    pull_served(shop.cloud.storage, uri, manifest, tmp_path / "same")
    forged = Manifest(manifest.uri, (replace(manifest.entries[0], sha256="0" * 64), *manifest.entries[1:]))
    with pytest.raises(RegistryError, match=rf"{manifest.entries[0].path} of {uri} has SHA-256 .*, not 0+: do not use it"):
        pull_served(shop.cloud.storage, uri, forged, tmp_path / "forged")
    prefix = split_uri(uri)[1]
    shop.cloud.storage.bucket(bucket).blob(f"{prefix}/assets/extra.txt").upload_from_string("?")
    with pytest.raises(RegistryError, match=f"{uri}/assets/extra.txt is no part of the version: something else wrote it"):
        pull_served(shop.cloud.storage, uri, manifest, tmp_path / "stranger")


def test_a_model_that_answers_otherwise_is_not_deployed_whatever_the_force(shop: Shop, saved_model: Path) -> None:
    shop.make()
    shop.deploy(1)
    shop.make(outputs=(saved_model / PATHS["outputs"]).read_text().replace("0.0", "0.1", 1))
    for force in (False, True):
        sentence = refusal(lambda force=force: shop.deploy(2, force=force))  # type: ignore[misc]
        assert sentence == f"{shop.model} 2 answers 0 on recorded row 1, and gave 0.1 when it was trained: do not deploy it"
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


def test_unknown_versions_are_named_before_anything_is_written(shop: Shop) -> None:
    shop.make()
    for version in (0, -1, 2, 10**30):
        assert "no version" in refusal(lambda version=version: shop.deploy(version)) or version == 10**30  # type: ignore[misc]
    assert "'never_was' is not in the registry" in refusal(lambda: shop.deploy(1, model="never_was"))
    assert (shop.live(), shop.story) == ((None, {}), [])
