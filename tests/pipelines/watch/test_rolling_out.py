"""Versions go live in steps, by what monitoring has measured, and are held where something is wrong with them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from components.decisions.orders import give_order, request_training
from components.deployment.deploy import deploy
from components.deployment.request import new_request
from components.deployment.rollouts import canary_shares
from components.errors import AccessError
from components.evaluation.metric import Metric
from components.model.folder import Model
from components.monitoring.alarms import AlarmCause, AlarmKind, AlarmStanding, AlarmState, AlarmSubject, record_standing
from components.monitoring.record import DayState, LiveDay, Operation, ServedDay, record_live_day
from components.policy.facts import Cause
from components.registry.deployments import Action
from pipelines.watch.models import watch_once
from tests.components.served_model import saved_model  # noqa: F401
from tests.pipelines.watch.house import House, make_house  # noqa: F401

CANARY = 'triggers = ["new_partition", "person"]\n[continuous.deploy]\nprod = "as a canary"\n'
SHADOW = 'triggers = ["new_partition", "person"]\n[continuous.deploy]\nprod = "shadow first"\n'
DAYS = {"days": "1 measured days"}


@pytest.fixture
def canary(make_house: Callable[[str], House]) -> House:  # noqa: F811
    """Version 1 is live, as there was none before it, and version 2 is to follow it."""
    return begun(make_house(CANARY))


@pytest.fixture
def shadow(make_house: Callable[[str], House]) -> House:  # noqa: F811
    """Labels are there on the same day."""
    house = make_house(SHADOW)
    house.model = house.model.model_copy(update={"rows": house.model.rows.model_copy(update={"label_delay_days": 0})})
    return begun(house)


def begun(house: House) -> House:
    assert "version 1 is live on prod" in house.watch()
    house.load_a_day()
    return house


def ask(house: House) -> None:
    """A day more, and somebody who does not wait for what goes live in steps."""
    house.load_a_day()
    with house.cloud.engine.begin() as connection:
        request_training(connection, house.model.name, actor="ann", reason="now")


def tomorrow(after: int = 0) -> date:
    return (datetime.now(UTC) + timedelta(days=1 + after)).date()


def measure(house: House, role: str, version: int, *, auc: float = 0.8, after: int = 0) -> None:
    """A day of predictions is measured."""
    day = LiveDay(
        served=ServedDay(tomorrow(after), version, role),
        state=DayState.PROVISIONAL,
        through=tomorrow(after),
        rows=900,
        labelled=800,
        contradicting=0,
        fingerprint="0" * 64,
        operation=Operation(predictions=900, latency_microseconds=(1, 2, 3)),
        scores=(),
        inputs=(),
        metrics=(Metric("auc", {}, auc, auc - 0.02, auc + 0.02, 800),),
    )
    with house.cloud.engine.begin() as connection:
        record_live_day(connection, house.model.name, "prod", day, run_id=run_of(house))


def run_of(house: House) -> str:
    return f"{house.model.name}-decision-{house.last_decision()}-1"


def alarm(house: House, version: int, role: str) -> None:
    subject = AlarmSubject(
        model=house.model.name, version=version, target="prod", role=role, kind=AlarmKind.METRIC, subject="auc", slice={}, since=tomorrow()
    )
    cause = AlarmCause(kind=Cause.UNKNOWN, slice={}, sentence="")
    standing = AlarmStanding(state=AlarmState.OPEN, day=tomorrow(), loss=0.2, rows=120, sentence="auc is 0.52, was 0.72", cause=cause)
    with house.cloud.engine.begin() as connection:
        record_standing(connection, subject, standing, seq=1, run_id=run_of(house))


def share(house: House) -> tuple[int, float]:
    with house.cloud.engine.connect() as connection:
        return canary_shares(connection, "prod", "prod-canary")[house.model.name]


def test_a_canary_answers_more_keys_step_by_step_until_it_is_live(canary: House) -> None:
    assert canary.watch()[1:] == ["version 2 is canary at 5 % for prod", "version: version 2 passed both gates"]
    assert (canary.live("prod-canary"), canary.live("prod")) == ([(Action.DEPLOY, 2)], [(Action.DEPLOY, 1)])
    assert share(canary) == (2, 0.05)
    assert canary.watch() == [], "nothing is measured yet"
    measure(canary, "canary", 2)
    well = "since no alarm is about version 2 after 1 measured days as canary at"
    assert canary.watch() == [f"version 2 is canary at 25 % for prod, {well} 5 %"]
    assert share(canary) == (2, 0.25)
    assert canary.watch() == ["version 2 is live on prod"]
    assert canary.live("prod") == [(Action.DEPLOY, 1), (Action.DEPLOY, 2)]
    assert share(canary) == (2, 0.0), "who comes next is not answered by it"
    assert canary.watch() == []


def test_a_canary_with_an_alarm_is_held_and_answers_nobody_until_somebody_approves_it(canary: House) -> None:
    canary.watch()
    measure(canary, "canary", 2)
    alarm(canary, 2, "canary")
    (told,) = canary.watch()
    waits = f"version 2 waits for `perennial approve {canary.last_decision()} --target prod`, since it was held as canary at 5 %"
    assert told.startswith(f"{waits}: alarm ")
    assert told.endswith(" is about version 2 as canary at 5 %: auc is 0.52, was 0.72")
    assert share(canary) == (2, 0.0)
    assert canary.watch() == []
    assert canary.approve(canary.last_decision()) == ["version 2 is live on prod"]


def test_a_canary_goes_no_further_while_the_model_is_paused(canary: House, engine: sa.Engine) -> None:
    canary.watch()
    measure(canary, "canary", 2)
    with engine.begin() as connection:
        give_order(connection, canary.model.name, "pause", actor="ann", reason="a holiday")
    assert [sentence.partition(":")[0] for sentence in canary.watch()] == ["wait"]
    assert share(canary) == (2, 0.05)
    with engine.begin() as connection:
        give_order(connection, canary.model.name, "resume", actor="ann", reason="over")
    canary.watch()
    assert share(canary) == (2, 0.25)


def test_the_next_version_takes_the_place_of_a_canary(canary: House) -> None:
    canary.watch()
    canary.load_a_day()
    known = "the labels of span 2026-03-07 are known, and version 2 knows spans up to 2026-03-06"
    assert canary.watch() == [f"wait: {known}, but only once version 2, which is canary at 5 % for prod, is live or held"]
    ask(canary)
    assert "version 3 is canary at 5 % for prod" in canary.watch()
    assert canary.live("prod-canary") == [(Action.DEPLOY, 2), (Action.DEPLOY, 3)]
    measure(canary, "canary", 2)
    assert canary.watch() == []
    assert share(canary) == (3, 0.05)


def test_a_shadow_goes_live_if_it_is_not_worse_on_the_same_rows(shadow: House) -> None:
    assert "version 2 is shadow for prod" in shadow.watch()
    assert shadow.live("prod-shadow") == [(Action.DEPLOY, 2)]
    measure(shadow, "shadow", 2, auc=0.79)
    measure(shadow, "live", 1, auc=0.8)
    assert shadow.watch() == ["version 2 is live on prod"]


def test_a_shadow_is_not_passed_before_it_was_held_against_the_live_version(shadow: House) -> None:
    shadow.watch()
    measure(shadow, "shadow", 2, auc=float("nan"))
    measure(shadow, "live", 1, auc=float("nan"))
    assert shadow.watch() == [], "no labels are known yet"
    assert shadow.live("prod") == [(Action.DEPLOY, 1)]


def test_a_watcher_that_may_not_read_the_log_looks_at_the_model_all_the_same(shadow: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AccessError("BigQuery refuses the account")

    shadow.watch()
    measure(shadow, "shadow", 2, auc=0.79)
    measure(shadow, "live", 1, auc=0.8)
    monkeypatch.setattr("pipelines.watch.rolling_out.read_served_fact", refused)
    assert shadow.watch() == [], "it waits"
    ask(shadow)
    assert "version 3 is shadow for prod" in shadow.watch()


@pytest.mark.parametrize(
    ("made", "policy", "because"),
    [
        (CANARY, CANARY.replace("as a canary", "never"), 'held as canary at 5 %: continuous.deploy says "never" of prod now'),
        (CANARY, CANARY.replace("as a canary", "at once"), 'held as canary at 5 %: continuous.deploy says "at once" of prod now'),
        (CANARY, 'triggers = ["new_partition"]\n', 'held as canary at 5 %: continuous.deploy says "never" of prod now'),
        (CANARY, None, "held as canary at 5 %: model.toml has no section [continuous] any more"),
        (SHADOW, CANARY, 'held as shadow: continuous.deploy says "as a canary" of prod now'),
        (CANARY, SHADOW, 'held as canary at 5 %: continuous.deploy says "shadow first" of prod now'),
    ],
)
def test_a_rollout_that_the_policy_does_not_know_any_more_is_held(
    make_house: Callable[[str], House],  # noqa: F811
    watched: Callable[..., Model],
    made: str,
    policy: str | None,
    because: str,
) -> None:
    house = begun(make_house(made))
    house.watch()
    measure(house, "canary" if made is CANARY else "shadow", 2)
    model, news = watched(policy or ""), list[str]()
    if policy is None:
        toml = model.folder / "model.toml"
        toml.write_text(toml.read_text().partition("[continuous]")[0])
    for _ in range(2):
        assert watch_once(house.watcher(news, lambda _: None), (model.name,))
    (told,) = [sentence for sentence in news if not sentence.startswith("not looked at")]
    assert told.endswith(f"--target prod`, since it was {because}")
    assert (share(house), house.live("prod")) == ((2, 0.0), [(Action.DEPLOY, 1)])


def test_whoever_deploys_by_hand_while_a_canary_is_at_its_steps_has_the_last_word(canary: House) -> None:
    canary.watch()
    ask(canary)
    assert "version 3 is canary at 5 % for prod" in canary.watch()
    measure(canary, "canary", 3)
    made = new_request(canary.cloud.settings, Action.DEPLOY, model=canary.model.name, version=2, target="prod", reason="it is safe")
    deploy(canary.cloud, made, seen=1)
    (told,) = canary.watch()
    assert "since it was held as canary at 5 %: on prod version 2 is live since " in told
    assert canary.live("prod") == [(Action.DEPLOY, 1), (Action.DEPLOY, 2)]


def test_a_shadow_that_is_worse_is_held(shadow: House) -> None:
    shadow.watch()
    measure(shadow, "shadow", 2, auc=0.7)
    measure(shadow, "live", 1, auc=0.8)
    (told,) = shadow.watch()
    assert told.endswith(
        "since it was held as shadow: auc of version 2 as shadow is 0.700, and that of version 1 on the same 1 days is 0.800"
    )
    assert shadow.live("prod") == [(Action.DEPLOY, 1)]


def test_whoever_dies_between_the_last_step_and_its_record_takes_it_once(canary: House) -> None:
    class DeathError(Exception):
        """Of a watcher."""

    def die(point: str) -> None:
        if point == "deployed":
            raise DeathError

    canary.watch()
    measure(canary, "canary", 2)
    canary.watch()
    with pytest.raises(DeathError):
        canary.watch(die)
    assert canary.watch() == ["version 2 is live on prod"]
    assert canary.live("prod") == [(Action.DEPLOY, 1), (Action.DEPLOY, 2)]


def test_a_target_that_the_settings_do_not_know_is_told_and_nothing_is_rolled_out(canary: House) -> None:
    canary.cloud = replace(canary.cloud, settings=canary.cloud.settings.model_copy(update={"targets": ("staging", "prod")}))
    told = canary.watch()
    waits = f"version 2 waits for `perennial approve {canary.last_decision()} --target prod`"
    assert f"{waits}, since target 'prod-canary' is unknown: choose staging, prod, or add it to PERENNIAL_TARGETS" in told
    assert canary.live("prod") == [(Action.DEPLOY, 1)]
