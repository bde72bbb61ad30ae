"""Watching a model: what is decided is done, once, whoever watches and whoever is killed."""

import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from components.cloud import Cloud
from components.decisions.gather import Sources, gather_facts
from components.decisions.orders import give_order, request_training
from components.decisions.record import (
    OutcomeKind,
    RecordedDecision,
    append_decision,
    claim_attempt,
    last_seen,
    read_decisions,
)
from components.errors import ConflictError, RegistryError
from components.model.continuous_section import ContinuousSection
from components.model.folder import Model, read_model
from components.policy.decide import Decision, PolicyVerdict, decide
from components.policy.facts import AlarmFact, Cause, Facts
from components.registry.history import list_versions
from components.runs.record import RunState, read_run, start_run
from pipelines.watch.model_pass import look, watch_model
from pipelines.watch.watcher import TrainingOrder
from tests.components.visits import Site, day, query, visits
from tests.pipelines.watch.trainer import Trainer, no_alarms, run_of, watcher_of

WORDS = "the labels of span 2026-03-05 are known, and there is no version yet"
FIRST = f"train: {WORDS}"
LEARN = "and a version trained now would learn the fault: mend it; it trains when the alarm is closed"
DIE = "from tests.pipelines.watch.trainer import watch_and_die\nwatch_and_die(settings, *arguments)"
TRAINED = "version: version 1 passed both gates"
Watched = Callable[..., Model]


def watch(source: Site, model: Model, trainer: Trainer | None = None, **changes: object) -> list[str]:
    """Look once. Returns what the watcher tells."""
    news: list[str] = []
    found = read_model(model.folder.parent, model.name)
    assert found.continuous is not None
    watch_model(watcher_of(source.cloud, trainer, news=news, **changes), found, found.continuous)  # type: ignore[arg-type]
    return news


def log_of(engine: sa.Engine, model: Model) -> list[RecordedDecision]:
    with engine.connect() as connection:
        return read_decisions(connection, model.name)[::-1]


def versions(engine: sa.Engine, model: Model) -> int:
    with engine.connect() as connection:
        return len(list_versions(connection, model.name))


def test_a_look_trains_for_a_reason_and_the_next_one_has_none(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()
    assert watch(source, model) == [FIRST, TRAINED]
    assert watch(source, model) == []
    (decision,) = log_of(engine, model)
    (claim,) = decision.claims
    with engine.connect() as connection:
        run = read_run(connection, claim.run_id).run
    assert (run.trigger, run.parameters["through"]) == ("partition", "2026-03-06")
    assert run.reason == f"decision {decision.decision_id}: the labels of span 2026-03-05 are known, and there is no version yet"
    assert [(one.kind, one.result, one.version) for one in decision.outcomes] == [(OutcomeKind.TRAINING, "version", 1)]
    assert decision.facts["source"] == {
        "newest": "2026-03-06",
        "through": "2026-03-06",
        "span": "2026-03-05",
        "labelled_through": "2026-03-06",
        "new_rows": 120,
        "rewritten": [],
        "rewritten_id": "",
        "written_at": decision.facts["source"]["written_at"],  # type: ignore[index]
    }


def test_a_new_partition_and_a_rewritten_one_are_reasons_once(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()
    watch(source, model)
    source.load(visits(7), day(7))
    assert watch(source, model)[0] == "train: the labels of span 2026-03-06 are known, and version 1 knows spans up to 2026-03-05"
    source.load([*visits(5), visits(5)[0]], day(5))
    source.load(list(reversed(visits(6))), day(6))  # the same rows
    rewritten = "train: partition 2026-03-05 was rewritten after version 2 was trained on it"
    blocked = Trainer(source.cloud, RunState.BLOCKED)
    assert watch(source, model, blocked) == [rewritten, "refused: for a test"]
    assert watch(source, model) == []
    source.load(visits(5)[1:], day(5))
    assert watch(source, model) == [rewritten, "version: version 3 passed both gates"]
    assert watch(source, model) == []


def test_what_a_gate_refused_is_tried_again_once_it_was_written_again(source: Site, watched: Watched) -> None:
    model, blocked = watched(), Trainer(source.cloud, RunState.BLOCKED)
    assert watch(source, model, blocked) == [FIRST, "refused: for a test"]
    assert watch(source, model, blocked) == []
    source.load(visits(6)[1:], day(6))
    (decided, _) = watch(source, model, blocked)
    assert decided.startswith("train: the source was written again at ")
    assert f" UTC, after a gate had refused run {model.name}-decision-" in decided
    assert watch(source, model, blocked) == []


def test_a_partition_that_vanished_is_a_rewritten_one(source: Site, watched: Watched) -> None:
    model = watched()
    watch(source, model)
    query(source, f"DELETE FROM `{source.name}` WHERE day = '{day(5)}'")
    assert watch(source, model)[0] == "train: partition 2026-03-05 was rewritten after version 1 was trained on it"


def test_changed_code_is_a_reason_and_another_policy_is_none(source: Site, watched: Watched) -> None:
    model = watched()
    watch(source, model)
    (model.folder / "features.py").write_text("def preprocessing_fn(inputs):\n    return dict(inputs)\n")
    assert watch(source, model)[0] == "train: the code of model changed since version 1"
    assert watch(source, model) == []


def test_a_source_that_cannot_be_read_is_told_once_and_decided_when_it_is_back(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched('triggers = ["new_partition", "person"]\n')
    with engine.begin() as connection:
        request_training(connection, model.name, actor="ann", reason="the first one")
    query(source, f"CREATE TABLE `{source.name}_away` AS SELECT * FROM `{source.name}`")
    source.client.delete_table(source.name)
    (sentence,) = watch(source, model)
    assert sentence.startswith(f"wait: there is nothing to train on: table {source.name} has no partition of today or before")
    assert watch(source, model) == []
    assert [one.verdict for one in log_of(engine, model)] == [PolicyVerdict.WAIT]


def test_a_training_that_fails_is_tried_as_often_as_the_policy_says(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched("attempts = 2\n")
    failing = Trainer(source.cloud, RunState.FAILED)
    told = [sentence for _ in range(4) for sentence in watch(source, model, failing)]
    remedy = f"look at `perennial runs {model.name}`, then ask with `perennial request {model.name}`"
    assert told == [*(FIRST, "failed: for a test") * 2, f"wait: 2 trainings for this failed ({WORDS}): {remedy}"]
    with engine.begin() as connection:
        request_training(connection, model.name, actor="ann", reason="the disk has room again")
    assert watch(source, model)[1] == TRAINED


def test_a_broken_source_is_not_trained_on_until_its_alarm_is_closed(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()
    alarms = [AlarmFact("7", Cause.BROKEN_SOURCE, "62% of pages is NULL", column="pages", since=date(2026, 3, 4))]
    broken = "column pages of the source is broken since 2026-03-04 (alarm 7: 62% of pages is NULL)"
    sentence = f"mend: {broken}, {LEARN}, for this: {WORDS}"
    assert watch(source, model, read_alarms=lambda *_: tuple(alarms)) == [sentence]
    assert watch(source, model, read_alarms=lambda *_: tuple(alarms)) == []
    assert [one.claims for one in log_of(engine, model)] == [()]
    assert watch(source, model) == [FIRST, TRAINED]


def test_a_run_has_a_reason_that_can_be_shown_whatever_the_source_says(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()
    alarms = (AlarmFact("7", Cause.CHANGED_WORLD, "AUC of device 'desk\u00a0top' fell"),)
    assert watch(source, model, read_alarms=lambda *_: alarms)[1] == TRAINED
    (decision,) = log_of(engine, model)
    with engine.connect() as connection:
        reason = read_run(connection, decision.claims[0].run_id).run.reason
    assert reason.startswith(f"decision {decision.decision_id}: alarm 7: AUC of device 'desk top' fell; ")


def test_three_hundred_requests_make_one_decision_that_can_be_recorded(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()
    with engine.begin() as connection:
        for number in range(300):
            request_training(
                connection, model.name, actor="a shop", reason="a file was uploaded to the bucket", event_id=f"{model.name}{number}"
            )
    assert watch(source, model)[1] == TRAINED
    (decision,) = log_of(engine, model)
    assert (len(decision.reason), decision.reason[-1], len(decision.reasons)) == (10_000, "…", 301)
    assert watch(source, model) == []


def test_a_paused_model_waits_and_a_request_is_known_by_its_id(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()
    with engine.begin() as connection:
        give_order(connection, model.name, "pause", actor="ann", reason="prices move")
        asked = [
            request_training(connection, model.name, actor="ann", reason="now", source="//shop", event_id=model.name) for _ in range(100)
        ]
    assert asked.count(True) == 1
    assert watch(source, model) == [f"wait: {model.name} is paused (ann: prices move): run `perennial resume {model.name}`"]
    with engine.begin() as connection:
        give_order(connection, model.name, "resume", actor="ann", reason="done")
        with pytest.raises(ConflictError, match=f"event {model.name} of //shop asked for a training of {model.name}, not other"):
            request_training(connection, "other", actor="ann", reason="now", source="//shop", event_id=model.name)
    assert watch(source, model) == [f"train: ann asks: now; {FIRST.removeprefix('train: ')}", TRAINED]
    assert watch(source, model) == []


def test_a_dry_look_writes_nothing(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()
    assert model.continuous is not None
    assert look(watcher_of(source.cloud), model, model.continuous).verdict is PolicyVerdict.TRAIN
    assert log_of(engine, model) == []


def test_twenty_watchers_start_one_run(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model, begin = watched(), threading.Barrier(20)

    def run() -> None:
        begin.wait()
        watch(replace(source), model)

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (decision,) = log_of(engine, model)
    assert (len(decision.claims), versions(engine, model)) == (1, 1)


def test_of_twenty_who_decide_at_once_one_does(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()
    policy, facts, decision = decided(source, model)
    begin, ids = threading.Barrier(8), list[int | None]()

    def run() -> None:
        begin.wait()
        with engine.begin() as connection:
            ids.append(append_decision(connection, policy, facts, decision, seen=0, actor="a test"))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one is None for one in ids) == [False, *[True] * 7]


def decided(source: Site, model: Model) -> tuple[ContinuousSection, Facts, Decision]:
    assert model.continuous is not None
    facts = gather_facts(source.cloud, model, model.continuous, Sources(), no_alarms)
    return model.continuous, facts, decide(model.continuous, facts)


@pytest.mark.parametrize("point", ["decided", "claimed", "started", "trained", "recorded"])
def test_whoever_is_killed_at_any_point_leaves_one_version_in_the_end(
    source: Site, watched: Watched, engine: sa.Engine, child: Callable[..., subprocess.Popen[str]], point: str
) -> None:
    model = watched()
    process = child(
        "from tests.pipelines.watch.trainer import watch_and_die\nwatch_and_die(settings, *arguments)", source.settings, model.name, point
    )
    output, _ = process.communicate(timeout=300)
    assert process.returncode == -9, output
    watch(source, model)
    assert watch(source, model) == []
    (decision,) = log_of(engine, model)
    assert (versions(engine, model), len(decision.claims)) == (1, 2 if point in ("claimed", "started") else 1)
    assert [(one.kind, one.result, one.version) for one in decision.outcomes] == [(OutcomeKind.TRAINING, "version", 1)]
    with engine.connect() as connection:
        states = [read_run(connection, claim.run_id).state for claim in decision.claims if point != "claimed" or claim.attempt == 2]
    assert states == [RunState.FAILED, RunState.SUCCEEDED] if point == "started" else [RunState.SUCCEEDED]


def test_a_run_that_was_given_up_cannot_begin_and_one_under_way_is_not_given_up(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()
    policy, facts, decision = decided(source, model)
    with engine.begin() as connection:
        decision_id = append_decision(connection, policy, facts, decision, seen=last_seen(connection, model.name)[0], actor="a test")
        assert decision_id is not None
        for attempt in (1, 2):
            assert claim_attempt(connection, decision_id, attempt, run_id=f"{model.name}-{attempt}", host="here")
    orders = [TrainingOrder(model, f"{model.name}-{attempt}", day(6), "partition", "a test", force=False) for attempt in (1, 2)]
    with engine.begin() as connection, pytest.raises(RegistryError, match=f"run {model.name}-1 was given up, and another one carries out"):
        start_run(connection, run_of(orders[0]))
    with engine.begin() as connection:
        start_run(connection, run_of(orders[1]))
    with engine.begin() as connection, pytest.raises(RegistryError, match=f"run {model.name}-2 of decision {decision_id} is under way"):
        claim_attempt(connection, decision_id, 3, run_id=f"{model.name}-3", host="here")


def test_a_decision_without_a_reason_is_refused_by_the_database(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()
    policy, facts, decision = decided(source, model)
    with engine.begin() as connection, pytest.raises(RegistryError, match='violates check constraint "decision_reason_check"'):
        append_decision(connection, policy, facts, replace(decision, reason=" "), seen=0, actor="a test")


def test_a_run_of_another_host_is_waited_for(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()

    def killed(order: TrainingOrder) -> None:
        with engine.begin() as connection:
            start_run(connection, replace(run_of(order), host="elsewhere"))

    assert watch(source, model, killed) == [FIRST]  # type: ignore[arg-type]
    assert watch(source, model) == []
    ((claim,),) = [one.claims for one in log_of(engine, model)]
    with engine.connect() as connection:
        assert read_run(connection, claim.run_id).state is RunState.RUNNING


def test_a_model_whose_folder_cannot_be_read_is_passed_over(source: Site, watched: Watched) -> None:
    from pipelines.watch.models import watched_models

    model, told = watched(), list[tuple[str, str]]()
    broken: Path = model.folder.parent / "broken"
    broken.mkdir()
    (broken / "model.toml").write_text("")
    found = [one.name for one, _ in watched_models(source.settings, (), lambda *news: told.append(news))]
    assert found == [model.name]
    assert told == [
        ("broken", f"not looked at: model 'broken' lacks source.sql, schema.pbtxt, features.py, network.py: add it to {broken}")
    ]


def test_bigquery_is_asked_once_for_a_table_of_two_models(source: Site, watched: Watched) -> None:
    sources, model = Sources(), watched()
    assert sources.of(source.cloud, model) is sources.of(Cloud(source.settings), model.model_copy(update={"name": "other"}))
