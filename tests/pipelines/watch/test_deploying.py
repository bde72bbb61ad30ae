"""What becomes of a version by policy: at once, after approval, and back again while it is on probation."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from components.cloud import Cloud
from components.decisions.orders import give_order
from components.decisions.record import OutcomeKind, read_decision, read_decisions
from components.decisions.standing import read_busy
from components.deployment.deploy import rollback
from components.deployment.request import new_request
from components.errors import AccessError, RegistryError
from components.model.continuous_section import ContinuousSection
from components.monitoring.record import record_live_day
from components.policy.facts import AlarmFact, Cause
from components.registry.deployments import Action
from components.runs.record import start_run
from pipelines.watch.model_pass import watch_model
from pipelines.watch.watcher import TrainingOrder, already_trained
from tests.components.decisions.test_measured_effect import BAD as FELL
from tests.components.decisions.test_measured_effect import GOOD as ROSE
from tests.components.decisions.test_measured_effect import served
from tests.components.served_model import changed, saved_model  # noqa: F401
from tests.pipelines.watch.house import House, make_house  # noqa: F401
from tests.pipelines.watch.trainer import nothing, run_of

POLICY = 'triggers = ["new_partition"]\n[continuous.deploy]\nstaging = "at once"\nprod = "after approval"\n'
BAD = Cause.BAD_VERSION


@pytest.fixture
def house(make_house: Callable[[str], House]) -> House:  # noqa: F811
    return make_house(POLICY)


def test_a_version_goes_where_the_policy_says_and_waits_where_it_must(house: House) -> None:
    assert house.watch()[1:] == [
        "version 1 waits for `perennial approve ID --target prod`".replace("ID", str(house.last_decision())),
        "version 1 is live on staging",
        "version: version 1 passed both gates",
    ]
    assert (house.live("staging"), house.live("prod")) == ([(Action.DEPLOY, 1)], [])
    assert house.approve(house.last_decision()) == ["version 1 is live on prod"]
    assert house.live("prod") == [(Action.DEPLOY, 1)]
    with pytest.raises(RegistryError, match=r"has no version that waits for approval: it waits nowhere"):
        house.approve(house.last_decision())
    assert house.watch() == []


def serve(house: House, version: int, *values: float, begin: int) -> None:
    """Days on which a version answered on staging, as monitoring measures them."""
    with house.cloud.engine.begin() as connection:
        (claim, *_) = read_decisions(connection, house.model.name)[-1].claims
        for one in served(version, *values, begin=begin):
            record_live_day(connection, house.model.name, "staging", one, run_id=claim.run_id)


def effects(house: House) -> list[tuple[str, str, int | None]]:
    with house.cloud.engine.connect() as connection:
        decisions = read_decisions(connection, house.model.name)[::-1]
    return [(one.subject, one.result, one.version) for each in decisions for one in each.outcomes if one.kind is OutcomeKind.EFFECT]


def test_what_came_of_deployments_and_rollbacks_is_told_once_it_can_be_seen_live(house: House) -> None:
    house.watch()
    serve(house, 1, *FELL, begin=0)
    assert house.watch() == [], "the first version is held against none"
    house.load_a_day()
    house.watch()
    deployed = house.last_decision()
    serve(house, 2, *ROSE[:2], begin=10)
    assert house.watch() == [], "two days tell nothing"
    serve(house, 2, *ROSE, begin=10)
    assert house.watch() == [f"decision {deployed}: auc 0.8050 on 4 days since, and 0.5100 on the last 5 days before, by version 1"]
    assert house.watch() == []
    house.alarms = [AlarmFact("9", BAD, "it is bad", target="staging", version=2)]
    house.watch()
    serve(house, 1, *FELL, begin=20)
    (told,) = house.watch()
    assert told == f"decision {house.last_decision()}: auc 0.5100 on 5 days since, and 0.8050 on the last 4 days before, by version 2"
    assert effects(house) == [("staging", "not told", 1), ("staging", "better", 2), ("staging", "worse", 1)]


def test_what_was_replaced_too_soon_to_tell_is_not_looked_at_for_a_year(house: House) -> None:
    for version in (1, 2, 3):
        house.watch()
        house.load_a_day()
        serve(house, version, *FELL[: 2 if version == 2 else 5], begin=10 * version)
    house.watch()
    assert effects(house) == [("staging", "not told", version) for version in (1, 2, 3)]
    with house.cloud.engine.connect() as connection:
        assert house.model.name not in read_busy(connection)


def test_a_bad_version_on_probation_is_rolled_back_and_the_next_one_waits_for_a_person(house: House, engine: sa.Engine) -> None:
    house.watch()
    house.load_a_day()
    house.watch()
    house.alarms = [AlarmFact("9", BAD, "log loss is 0.05 higher than version 1's on the same rows", target="staging", version=2)]
    told = house.watch()
    assert told[0].startswith("roll back: version 2, on probation on staging since ")
    assert told[0].endswith(" is bad (alarm 9: log loss is 0.05 higher than version 1's on the same rows)")
    assert told[1:] == ["staging went back from version 2 to 1; what comes next waits for approval there"]
    assert house.live("staging") == [(Action.DEPLOY, 1), (Action.DEPLOY, 2), (Action.ROLLBACK, 1)]
    assert house.watch() == [], "it is not rolled back twice"
    house.load_a_day()
    held = "version 3 waits for `perennial approve {} --target staging`, since the policy rolled back there and nobody has looked"
    assert held.format(house.last_decision() + 1) in house.watch()
    assert house.live("staging")[-1] == (Action.ROLLBACK, 1)
    with engine.begin() as connection:
        give_order(connection, house.model.name, "resume", actor="ann", reason="version 2 had a bad seed")
    house.alarms = []
    house.load_a_day()
    assert "version 4 is live on staging" in house.watch()


def test_a_rollback_that_is_refused_is_told_once_and_training_goes_on(house: House) -> None:
    house.watch()
    house.alarms = [AlarmFact("9", BAD, "log loss is higher", target="staging", version=1)]
    told = house.watch()
    assert told[0].startswith("roll back: version 1, on probation on staging since ")
    assert told[1].startswith("nothing was live on staging before")
    assert [sentence.partition(":")[0] for sentence in told[2:]] == ["mend"]
    assert house.watch() == []
    house.load_a_day()
    assert "version 2 is live on staging" in house.watch()


@pytest.mark.parametrize(
    ("happens", "because"),
    [
        ("pause", "the model is paused (ann: prices move)"),
        ("alarm", "the source is broken (alarm 9: 62% of pages is NULL)"),
    ],
)
def test_what_was_trained_before_a_pause_or_a_broken_source_waits_for_a_person(
    house: House, engine: sa.Engine, happens: str, because: str
) -> None:
    def interfere(point: str) -> None:
        if point == "trained" and happens == "alarm":
            house.alarms = [AlarmFact("9", Cause.BROKEN_SOURCE, "62% of pages is NULL", column="pages")]
        elif point == "trained":
            with engine.begin() as connection:
                give_order(connection, house.model.name, "pause", actor="ann", reason="prices move")

    told = house.watch(interfere)
    assert f"version 1 waits for `perennial approve {house.last_decision()} --target staging`, since {because}" in told
    assert house.live("staging") == []


def test_a_person_who_deploys_while_the_policy_does_has_the_last_word(house: House) -> None:
    house.watch()
    house.load_a_day()
    house.watch()
    house.load_a_day()
    person = Cloud(house.cloud.settings)
    seen: list[str] = []

    @sa.event.listens_for(house.cloud.engine, "before_cursor_execute")
    def interfere(_: object, __: object, statement: str, *___: object) -> None:
        if "LEFT JOIN registry.retirement" in statement and not seen:  # the policy has looked at what is live, and reads its candidate
            seen.append(statement)
            request = new_request(person.settings, Action.ROLLBACK, model=house.model.name, version=1, target="staging", reason="2 is slow")
            rollback(person, request)

    told = house.watch()
    waits = f"version 3 waits for `perennial approve {house.last_decision()} --target staging`"
    assert f"{waits}, since something else was deployed there meanwhile" in told
    assert house.live("staging") == [(Action.DEPLOY, 1), (Action.DEPLOY, 2), (Action.ROLLBACK, 1)]


def test_a_bad_version_is_rolled_back_while_a_training_is_under_way(house: House, engine: sa.Engine) -> None:
    for _ in range(2):
        house.watch()
        house.load_a_day()

    def begin(order: TrainingOrder) -> None:
        with engine.begin() as connection:
            start_run(connection, replace(run_of(order), host="elsewhere"))

    assert house.model.continuous is not None
    watch_model(replace(house.watcher([], nothing), train=begin), house.model, house.model.continuous)
    house.alarms = [AlarmFact("9", BAD, "log loss is higher", target="staging", version=2)]
    assert house.watch()[1:] == ["staging went back from version 2 to 1; what comes next waits for approval there"]
    assert house.watch() == []


@pytest.mark.parametrize("away", ["bigquery", "kubeflow"])
def test_a_bad_version_is_rolled_back_whatever_else_does_not_answer(
    house: House, monkeypatch: pytest.MonkeyPatch, engine: sa.Engine, away: str
) -> None:
    def refuse(*_: object) -> None:
        raise AccessError(f"{away} does not answer")

    def begin(order: TrainingOrder) -> None:
        with engine.begin() as connection:
            start_run(connection, run_of(order))

    assert house.model.continuous is not None
    house.watch()
    house.load_a_day()
    house.watch()
    if away == "bigquery":
        monkeypatch.setattr("components.decisions.gather.read_partition_sizes", refuse)
    else:
        house.load_a_day()
        watch_model(replace(house.watcher([], nothing), train=begin), house.model, house.model.continuous)
    house.alarms = [AlarmFact("9", BAD, "log loss is higher", target="staging", version=2)]
    news: list[str] = []
    assert not watch_model(replace(house.watcher(news, nothing), end_of=refuse), house.model, house.model.continuous)
    rolled_back = "staging went back from version 2 to 1; what comes next waits for approval there"
    assert news[1:] == [rolled_back, f"not looked at to the end: {away} does not answer"]


def test_a_version_that_a_person_deployed_is_left_to_people(house: House) -> None:
    house.watch()
    house.approve(house.last_decision(), "prod")
    house.alarms = [AlarmFact("9", BAD, "log loss is higher", target="prod", version=1)]
    told = house.watch()
    assert [sentence.partition(":")[0] for sentence in told] == ["mend"]
    assert house.live("prod") == [(Action.DEPLOY, 1)]


def test_a_version_that_the_smoke_test_refuses_is_not_deployed_and_the_log_says_why(house: House) -> None:
    house.folder = changed(house.folder, house.copies / "wrong", {"assets.extra/smoke": None})
    told = house.watch()
    with house.cloud.engine.connect() as connection:
        outcome = read_decision(connection, house.last_decision()).outcome(OutcomeKind.APPROVAL, "staging")
    assert outcome is not None
    waits = f"version 1 waits for `perennial approve {house.last_decision()} --target staging`, since"
    unknown = "has no recorded answers, so nobody can say whether it answers as it did when it was trained"
    remedy = "deploy another version, or this one with --force and a --reason"
    assert (outcome.result, outcome.sentence) == ("wanted", f"{waits} {house.model.name} 1 {unknown}: {remedy}")
    assert outcome.sentence in told
    assert house.live("staging") == []
    (refused,) = house.approve(house.last_decision(), "staging")
    assert refused.endswith(remedy)


def test_a_target_that_the_settings_lack_gets_the_version_once_it_is_there(make_house: Callable[[str], House]) -> None:  # noqa: F811
    house = make_house('triggers = ["new_partition"]\n[continuous.deploy]\nshop = "at once"\n')
    waits = f"target 'shop' is unknown: choose {', '.join(house.cloud.settings.targets)}, or add it to PERENNIAL_TARGETS"
    told = house.watch()
    assert told[1] == f"version 1 waits for `perennial approve {house.last_decision()} --target shop`, since {waits}"
    house.cloud = Cloud(house.cloud.settings.model_copy(update={"targets": ("shop",)}))
    assert house.approve(house.last_decision()) == ["version 1 is live on shop"]


def test_a_version_that_is_known_goes_where_it_is_not_live_yet_and_replaces_no_newer_one_unasked(house: House) -> None:
    assert house.model.continuous is not None

    def find(version: int) -> list[str]:
        house.load_a_day()
        news: list[str] = []
        watcher = replace(house.watcher(news, nothing), train=lambda _: already_trained(version))
        watch_model(watcher, house.model, house.model.continuous or ContinuousSection())
        return news

    house.watch()
    house.load_a_day()
    house.watch()
    told = find(1)
    assert (
        f"version 1 waits for `perennial approve {house.last_decision()} --target staging`, since version 2, which is newer, is live there"
        in told
    )
    told = find(2)
    assert told[1:] == [
        f"version 2 waits for `perennial approve {house.last_decision()} --target prod`",
        "known: version 2 was trained on the same data, code and environment",
    ]
    assert house.live("staging") == [(Action.DEPLOY, 1), (Action.DEPLOY, 2)]


class DeathError(Exception):
    """Of a watcher."""


def watch_until(house: House, point: str) -> None:
    """Look, and die as soon as a step is done."""

    def die(name: str) -> None:
        if name == point:
            raise DeathError

    with pytest.raises(DeathError):
        house.watch(die)


def test_whoever_dies_around_deployments_deploys_once_in_the_end(house: House) -> None:
    for point in ("trained", "placed", "deployed", "placed", "deployed"):
        watch_until(house, point)
    assert house.watch() == ["version: version 1 passed both gates"]
    assert house.live("staging") == [(Action.DEPLOY, 1)]


def test_whoever_dies_between_a_rollback_and_its_record_rolls_back_once(house: House) -> None:
    house.watch()
    house.load_a_day()
    house.watch()
    house.alarms = [AlarmFact("9", BAD, "log loss is higher", target="staging", version=2)]
    for point in ("decided", "placed", "placed"):
        watch_until(house, point)
    assert house.watch() == ["staging went back from version 2 to 1; what comes next waits for approval there"]
    assert house.live("staging") == [(Action.DEPLOY, 1), (Action.DEPLOY, 2), (Action.ROLLBACK, 1)]
    assert house.watch() == []
