"""What is served follows the log of deployments, with real versions in Cloud Storage and Cloud SQL."""

import asyncio
import zlib
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from components.deployment.rollouts import Rollout, RolloutStage, RolloutStep, take_step
from components.protocol.refusal import Refusal
from components.scoring.scorer import Scorer
from components.serving.directory import ServedModel, State
from components.serving.following import Follower, Targets
from components.serving.metrics import Metrics
from components.serving.service import HASHES, Canary, Predict, Servable, Service
from tests.components.deployment.deploying import deploy
from tests.components.deployment.shop import Shop, shop  # noqa: F401
from tests.components.served_model import saved_model  # noqa: F401


def follower_of(shop: Shop, **targets: str) -> Follower:  # noqa: F811
    return Follower(shop.cloud, Service(Metrics()), Targets(shop.target, **targets))


def served(follower: Follower, shop: Shop) -> ServedModel[Servable]:  # noqa: F811
    return follower.service.directory.models.get(shop.model, ServedModel())


async def ask(follower: Follower, shop: Shop, version: int | None = None) -> tuple[int, list[list[float]]]:  # noqa: F811
    body = b'{"instances": [{"seconds": 3.0}]}'
    request = Predict(model=shop.model, version=version, body=body, request_id="r", received_microseconds=0)
    servable, _, scores = await follower.service.predict(request)
    return servable.version, scores.tolist()


def test_a_deployment_and_a_rollback_are_followed_and_the_version_before_is_kept(shop: Shop) -> None:  # noqa: F811
    first, second, third = shop.make(), shop.make(), shop.make()

    async def follow() -> None:
        follower = follower_of(shop)
        assert follower.problems() == ["the log of deployments was not read yet"]
        await follower.follow()
        assert (follower.problems(), served(follower, shop).loaded) == ([], {})
        shop.deploy(first)
        await follower.follow()
        assert await ask(follower, shop) == (first, [[1.5]])
        servable = served(follower, shop).loaded[first]
        shop.deploy(second)
        await follower.follow()
        assert await ask(follower, shop) == (second, [[1.5]])
        assert await ask(follower, shop, first) == (first, [[1.5]])
        shop.rollback()
        await follower.follow()
        assert served(follower, shop).loaded[first] is servable
        assert await ask(follower, shop) == (first, [[1.5]])
        shop.deploy(third)
        busy = asyncio.create_task(asyncio.Event().wait())
        follower.service._shadows.add(busy)  # type: ignore[arg-type] # of a service that is never at rest
        await asyncio.wait_for(follower.follow(), 60)
        busy.cancel()
        assert served(follower, shop).loaded.keys() == {first, third}
        with pytest.raises(Refusal, match=f"Specific\\({shop.model}, {second}\\)"):
            await ask(follower, shop, second)
        assert follower.service.directory.status(shop.model)["model_version_status"] == [
            {"version": str(version), "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
            for version in (third, first)
        ]

    asyncio.run(follow())


def test_a_version_that_does_not_load_is_told_and_the_one_before_answers_on(shop: Shop) -> None:  # noqa: F811
    good, bad = shop.make(), shop.make(outputs='{"output": "score", "values": [' + ", ".join(["[7.0]"] * 32) + "]}")

    async def follow() -> None:
        follower = follower_of(shop)
        shop.deploy(good)
        await follower.follow()
        with shop.cloud.engine.begin() as connection:
            deploy(connection, shop.model, bad, target=shop.target)
        await follower.follow()
        assert await ask(follower, shop) == (good, [[1.5]])
        assert (follower.problems(), follower.notes()) == ([], [f"{shop.model} {bad} is live and not loaded"])
        state = served(follower, shop).states[bad]
        assert (state.state, state.code) == (State.END, "UNKNOWN")
        assert "answers 0 on recorded row 1 in the prediction service, and gave 7 when it was trained: it is not served" in state.message
        shop.rollback()
        await follower.follow()
        assert (follower.notes(), set(served(follower, shop).states)) == ([], {good})

    asyncio.run(follow())


@pytest.mark.parametrize("role", ["canary", "shadow"])
def test_who_names_no_version_is_not_answered_by_one_that_is_not_live(shop: Shop, role: str) -> None:  # noqa: F811
    good, bad, beside = shop.make(), shop.make(outputs="{}"), f"{shop.target}-{role}"
    with shop.cloud.engine.begin() as connection:
        deploy(connection, shop.model, bad, target=shop.target)
        deploy(connection, shop.model, good, target=beside)

    async def follow() -> None:
        follower = follower_of(shop, **{role: beside})
        await follower.follow()
        assert follower.problems() == [f"{shop.model} {bad} is live and not loaded"], "this process has nothing that was live"
        with pytest.raises(Refusal, match=f"Servable not found for request: Latest\\({shop.model}\\)"):
            await ask(follower, shop)
        assert await ask(follower, shop, good) == (good, [[1.5]])

    asyncio.run(follow())


def test_whatever_goes_wrong_the_follower_tells_it_and_goes_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    first, second = shop.make(), shop.make()
    shop.deploy(first)
    is_broken, opened, closed = True, [], []
    close = Scorer.close

    def open_log(servable: Servable) -> None:
        opened.append(servable.version)
        if is_broken and servable.version == second:
            raise OSError(28, "No space left on device")

    def close_scorer(scorer: Scorer) -> None:
        closed.append(scorer)
        close(scorer)

    monkeypatch.setattr(Scorer, "close", close_scorer)

    async def until(notes: list[str]) -> None:
        while follower.notes() != notes:
            await asyncio.sleep(0.01)

    async def follow() -> None:
        nonlocal is_broken
        polling = asyncio.create_task(follower.run())
        while not follower.has_followed:
            await asyncio.sleep(0.01)
        shop.deploy(second)
        await until([f"{shop.model} {second} is live and not loaded"])
        while not closed:
            await asyncio.sleep(0.01)
        assert (opened, await ask(follower, shop)) == ([first, second], (first, [[1.5]]))
        assert served(follower, shop).states[second].message == "OSError: [Errno 28] No space left on device"
        with monkeypatch.context() as patch:
            patch.setattr(Follower, "_read", lambda _: dict[str, int]()["no such key"])
            unread = "the log of deployments cannot be read, what is served stays: KeyError: 'no such key'"
            await until([f"{shop.model} {second} is live and not loaded", unread])
        is_broken = False
        monkeypatch.setattr("components.serving.following.RETRY_SECONDS", 0)
        await until([])
        assert (await ask(follower, shop))[0] == second
        polling.cancel()

    follower = Follower(shop.cloud, Service(Metrics(), opened=open_log), Targets(shop.target), poll_seconds=0.01)
    asyncio.run(asyncio.wait_for(follow(), 120))


DECISION = """
INSERT INTO registry.decision (model, seq, verdict, rule, reason, reasons, subject, facts, policy, actor)
VALUES (:model, 1, 'wait', 'a test', 'a test', '[]', :subject, '{}', '{}', 'a test')
RETURNING decision_id
"""


def test_a_canary_that_goes_live_in_steps_answers_the_share_that_its_last_step_says(shop: Shop) -> None:  # noqa: F811
    first, second, beside = shop.make(), shop.make(), f"{shop.target}-canary"
    shop.deploy(first)
    place = zlib.crc32(f"{shop.model}\0r".encode()) / HASHES
    with shop.cloud.engine.begin() as connection:
        deploy(connection, shop.model, second, target=beside)
        decision = connection.execute(sa.text(DECISION), {"model": shop.model, "subject": "0" * 64}).scalar_one()

    async def follow() -> None:
        follower = follower_of(shop, canary=beside)
        await follower.follow()
        assert follower.service.canaries == {shop.model: Canary(second, None)}, "nothing is rolled out"
        assert (await ask(follower, shop))[0] == first
        steps = [("canary", 99, 0.99), ("canary", 1, 0.01), ("held", 0, 0.0), ("live", 100, 0.0)]
        for seq, (stage, share, answered) in enumerate(steps, start=1):
            begun = datetime(2026, 1, 1, tzinfo=UTC)
            step = RolloutStep(RolloutStage(stage), share)
            rollout = Rollout(decision, shop.target, seq, second, step, "a test", since=begun, begun=begun)
            with shop.cloud.engine.begin() as connection:
                assert take_step(connection, rollout, actor="a test")
                assert not take_step(connection, rollout, actor="a test")
            await follower.follow()
            assert follower.service.canaries == {shop.model: Canary(second, answered)}
            assert (await ask(follower, shop))[0] == (second if place < answered else first)
        follower.service.canary_share = 1.0
        assert (await ask(follower, shop))[0] == first, "its last step counts"
        with shop.cloud.engine.begin() as connection:
            deploy(connection, shop.model, second, target=beside)
        await follower.follow()
        assert (await ask(follower, shop))[0] == second, "a person has deployed it since"
        follower.service.canaries = {shop.model: Canary(second + 1, 0.99)}
        assert (await ask(follower, shop))[0] == first, "the share of a version that is not loaded yet is no other's"

    asyncio.run(follow())
