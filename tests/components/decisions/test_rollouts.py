"""A shadow is held against the live version by the rows that both were asked, once for what monitoring has measured."""

from dataclasses import replace
from datetime import UTC, datetime

from components.decisions.record import append_decision
from components.decisions.rollouts import read_served_fact
from components.deployment.rollouts import Rollout, RolloutStage, RolloutStep
from components.model.continuous_section import ContinuousSection
from components.monitoring.record import DayState, LiveDay, Operation, ServedDay, record_live_day
from components.policy.decision import Decision, PolicyVerdict
from components.policy.facts import Facts, SourceFact
from components.policy.reasons import Reason, ReasonKind
from components.policy.rollout import ChallengerVerdict, ServedFact
from tests.components.monitoring.served import TARGET, Served, served, visits  # noqa: F401
from tests.components.visits import day


def rollout_of(one: Served, version: int) -> Rollout:
    """A shadow that began on the first day."""
    source, reason = SourceFact(day(1), day(1), day(1), day(1), 0), Reason(ReasonKind.PERSON, "request:a:b", "ann asks")
    facts = Facts(model=one.model.name, now=datetime.now(UTC), source=source)
    with one.engine.begin() as connection:
        decided = Decision(PolicyVerdict.TRAIN, "train", "ann asks", (reason,))
        decision_id = append_decision(connection, ContinuousSection(), facts, decided, seen=0, actor="a test")
    assert decision_id is not None
    since = datetime.combine(day(1), datetime.min.time(), UTC)
    return Rollout(decision_id, TARGET, 1, version, RolloutStep(RolloutStage.SHADOW, 0), "why", since=since, begun=since)


def measure(one: Served, version: int, role: str, number: int, run_id: str) -> None:
    measured = LiveDay(
        served=ServedDay(day(number), version, role),
        state=DayState.SETTLED,
        through=day(number + 1),
        rows=200,
        labelled=200,
        contradicting=0,
        fingerprint=f"{number:064}",
        operation=Operation(predictions=200, latency_microseconds=(1, 2, 3)),
        scores=(),
        inputs=(),
        metrics=(),
    )
    with one.engine.begin() as connection:
        record_live_day(connection, one.model.name, TARGET, measured, run_id=run_id)


def test_a_shadow_is_judged_by_the_rows_once_for_each_measurement(served: Served) -> None:  # noqa: F811
    second = served.register()
    rollout = rollout_of(served, second)
    with served.engine.connect() as connection:
        run_id = connection.exec_driver_sql("SELECT run_id FROM registry.pipeline_run ORDER BY started_at DESC LIMIT 1").scalar_one()
    assert read_served_fact(served.site.cloud, served.model, rollout, 1) is None, "monitoring has measured nothing"

    def serve(number: int) -> None:
        rows = [row | {"visitor": 1000 * number + row["visitor"]} for row in visits(number)]
        request = served.serve(rows)
        worse = [row | {"score": 1 - row["score"] if row["visitor"] % 3 == 0 else row["score"]} for row in rows]
        served.serve(worse, version=second, role="shadow", request_id=request)
        served.label(number, rows)
        for version, role in ((1, "live"), (second, "shadow")):
            measure(served, version, role, number, run_id)

    serve(1)
    serve(2)
    found = read_served_fact(served.site.cloud, served.model, rollout, 1)
    assert found == ServedFact(ChallengerVerdict.WORSE, f"version {second} is worse than version 1 (400 keys were served since {day(1)})")
    asked: list[str] = []
    quiet = replace(served.site.cloud)
    vars(quiet)["warehouse"] = asked  # whoever asks BigQuery gets an AttributeError
    assert read_served_fact(quiet, served.model, rollout, 1) == found, "it is kept"
    serve(3)
    again = read_served_fact(served.site.cloud, served.model, rollout, 1)
    assert again is not None
    assert "600 keys" in again.sentence, "monitoring has measured another day"
