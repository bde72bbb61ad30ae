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
from components.decisions.gather import Sources, gather_cost, gather_facts
from components.decisions.orders import give_order, request_training
from components.decisions.record import (
    OutcomeKind,
    RecordedDecision,
    TrainingOutcome,
    append_decision,
    claim_attempt,
    last_seen,
    read_decisions,
    under_way,
)
from components.decisions.standing import in_order
from components.errors import AccessError, ConflictError, RegistryError
from components.lock import exclusive_lock
from components.model.continuous_section import ContinuousSection
from components.model.folder import Model, read_model
from components.policy.decide import decide
from components.policy.decision import Decision, PolicyVerdict
from components.policy.facts import AlarmFact, Cause, Facts
from components.registry.history import list_versions
from components.runs.record import RunState, read_run, start_run
from components.settings import Settings
from pipelines.run.locks import claimed_run_lock, run_lock
from pipelines.watch.model_pass import look, watch_model
from pipelines.watch.models import watch_once
from pipelines.watch.watcher import TrainingEnd, TrainingOrder
from tests.components.visits import Site, day, query, visits
from tests.pipelines.watch.conftest import LAST
from tests.pipelines.watch.trainer import Trainer, no_alarms, run_of, watcher_of

WORDS = "the labels of span 2026-03-05 are known, and there is no version yet"
FIRST = f"train: {WORDS}"
MEND = "mend it, or, if it is meant, let the gate find it (`perennial train`) and accept it (`perennial gate accept`)"
LEARN = f"and a version trained now would learn the fault: {MEND}; it trains when the alarm is closed"
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


def test_a_new_span_after_a_refusal_is_judged_as_any(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model, blocked = watched("least_new_rows = 1000000\n"), Trainer(source.cloud, RunState.BLOCKED)
    watch(source, model)
    source.load(visits(7), day(7))
    with engine.begin() as connection:
        request_training(connection, model.name, actor="ann", reason="now")
    assert watch(source, model, blocked)[1] == "refused: for a test"
    source.load(visits(8), day(8))
    (told,) = watch(source, model, blocked)
    assert told.startswith("wait: the labels of span 2026-03-07 are known, ")


def test_a_new_span_is_held_against_the_last_version_that_is_good(source: Site, watched: Watched) -> None:
    model = watched()
    watch(source, model)
    source.load(visits(7), day(7))
    watch(source, model, Trainer(source.cloud, is_blessed=False))
    source.load(visits(8), day(8))
    assert watch(source, model)[0] == "train: the labels of span 2026-03-07 are known, and version 1 knows spans up to 2026-03-05"


def test_a_partition_that_vanished_is_a_rewritten_one(source: Site, watched: Watched) -> None:
    model = watched()
    watch(source, model)
    query(source, f"DELETE FROM `{source.name}` WHERE day = '{day(5)}'")
    assert watch(source, model)[0] == "train: partition 2026-03-05 was rewritten after version 1 was trained on it"


def test_partitions_that_expire_are_not_rewritten_ones(source: Site, watched: Watched) -> None:
    model = watched("least_new_rows = 1000000\n")
    watch(source, model)
    source.load(visits(7), day(7))
    query(source, f"DELETE FROM `{source.name}` WHERE day <= '{day(3)}'")
    (told,) = watch(source, model)
    assert told.startswith("wait: the labels of span 2026-03-06 are known, ")


def test_a_model_that_moves_to_another_table_is_trained_on_that_one_though_the_old_one_is_gone(source: Site, watched: Watched) -> None:
    model = watched()
    watch(source, model)
    query(source, f"CREATE TABLE `{source.name}_new` PARTITION BY day AS SELECT * FROM `{source.name}`")
    source.client.delete_table(source.name)
    toml = model.folder / "model.toml"
    (model.folder / "features.py").write_text("def preprocessing_fn(inputs):\n    return dict(inputs)\n")
    toml.write_text(toml.read_text().replace(f'"{source.table}"', f'"{source.table}_new"'))
    assert watch(source, model)[0] == "train: the code of model changed since version 1"


def test_changed_code_is_a_reason_and_another_policy_is_none(source: Site, watched: Watched) -> None:
    model = watched()
    watch(source, model)
    (model.folder / "features.py").write_text("def preprocessing_fn(inputs):\n    return dict(inputs)\n")
    assert watch(source, model)[0] == "train: the code of model changed since version 1"
    assert watch(source, model) == []


def test_going_back_to_code_is_a_change_too(source: Site, watched: Watched) -> None:
    model = watched()
    watch(source, model)
    old, new = (model.folder / "features.py").read_text(), "def preprocessing_fn(inputs):\n    return dict(inputs)\n"
    for version, text in ((1, new), (2, old), (3, new)):
        (model.folder / "features.py").write_text(text)
        assert watch(source, model)[0] == f"train: the code of model changed since version {version}"
        assert watch(source, model) == []


def test_what_was_written_again_is_read_once_whoever_looks(source: Site, watched: Watched) -> None:
    model = watched()
    watch(source, model)
    source.load(list(reversed(visits(5))), day(5))  # the same rows
    assert model.continuous is not None
    assert look(watcher_of(source.cloud), model, model.continuous).verdict is PolicyVerdict.NOTHING
    assert comparisons(source, model) == [], "a dry look writes nothing"
    assert watch(source, model) == []
    assert comparisons(source, model) == [[]]
    source.load(visits(5)[1:], day(5))
    watch(source, model, Trainer(source.cloud, RunState.BLOCKED))
    assert comparisons(source, model) == [[], [day(5)]]
    sizes = Sources()
    sizes.of(source.cloud, model)
    source.client.delete_table(source.name)  # so that nobody can read its rows again
    facts = gather_facts(source.cloud, model, model.continuous, sizes, no_alarms)
    assert (facts.source_error, facts.source and facts.source.rewritten) == ("", (day(5),))


def comparisons(source: Site, model: Model) -> list[list[date]]:
    query = "SELECT changed FROM registry.partition_comparison WHERE model = :model ORDER BY created_at"
    with source.cloud.engine.connect() as connection:
        return list(connection.execute(sa.text(query), {"model": model.name}).scalars())


def test_a_source_that_cannot_be_read_is_told_once_and_decided_when_it_is_back(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched('triggers = ["new_partition", "person"]\n')
    with engine.begin() as connection:
        request_training(connection, model.name, actor="ann", reason="the first one")
    query(source, f"CREATE TABLE `{source.name}_away` AS SELECT * FROM `{source.name}`")
    source.client.delete_table(source.name)
    (sentence,) = watch(source, model)
    assert sentence.startswith(f"wait: there is nothing to train on: source table {source.name} of model {model.name!r}: Not found")
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


def test_a_training_that_bigquery_would_refuse_is_told_and_begins_when_it_is_mended(
    source: Site, watched: Watched, engine: sa.Engine
) -> None:
    model = watched()
    sql = (model.folder / "source.sql").read_text()
    (model.folder / "source.sql").write_text(sql.replace("pages", "sites"))
    (sentence,) = watch(source, model)
    refused = f"wait: BigQuery would refuse the training: source.sql of model '{model.name}' does not run on {source.name}: "
    assert sentence.startswith(refused)
    assert "Unrecognized name: sites" in sentence
    assert watch(source, model) == []
    (model.folder / "source.sql").write_text(sql)
    assert watch(source, model) == [FIRST, TRAINED]


def test_a_bigquery_that_does_not_answer_refuses_nothing(source: Site, watched: Watched) -> None:
    _, facts, _ = decided(source, model := watched())
    sources = Sources()
    sources.of(source.cloud, model)
    away = source.settings.model_copy(update={"bigquery_endpoint": "http://127.0.0.1:9", "connect_timeout_seconds": 0.5})
    with pytest.raises(AccessError):
        gather_cost(Cloud(away), model, facts, sources)


def test_trainings_of_a_day_read_no_more_bytes_than_the_policy_allows(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched("bytes_a_day = 1\n")
    (sentence,) = watch(source, model)
    read = int(sentence.removeprefix("wait: a training reads ").partition(" ")[0].replace(",", ""))
    assert read > 1
    enough = watched(f"bytes_a_day = {read}\n")
    assert watch(source, enough) == [FIRST, TRAINED]
    assert log_of(engine, model)[-1].facts["training_bytes"] == read
    source.load(visits(7), day(7))
    (sentence,) = watch(source, enough)
    assert sentence.startswith(f"wait: {read:,} of {read:,} bytes of the day are used, and a training reads ")


class DeathError(Exception):
    """Of a watcher."""


def die_at(point: str) -> Callable[[str], None]:
    def die(name: str) -> None:
        if name == point:
            raise DeathError

    return die


def test_what_was_decided_before_a_pause_is_not_carried_out_after_it(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()
    with pytest.raises(DeathError):
        watch(source, model, on_point=die_at("decided"))
    with engine.begin() as connection:
        give_order(connection, model.name, "pause", actor="ann", reason="prices move")
    paused = f"{model.name} is paused (ann: prices move): run `perennial resume {model.name}`"
    assert watch(source, model) == [f"withdrawn: it does not begin any more, since {paused}", f"wait: {paused}"]
    assert watch(source, model) == []
    assert [one.claims for one in log_of(engine, model)] == [(), ()]
    with engine.begin() as connection:
        give_order(connection, model.name, "resume", actor="ann", reason="done")
    assert watch(source, model) == [FIRST, TRAINED]


def test_what_was_decided_before_the_source_broke_is_not_carried_out_after_it(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()
    with pytest.raises(DeathError):
        watch(source, model, on_point=die_at("claimed"))
    alarms = (AlarmFact("7", Cause.BROKEN_SOURCE, "62% of pages is NULL", column="pages"),)
    told = watch(source, model, read_alarms=lambda *_: alarms)
    assert [sentence.partition(":")[0] for sentence in told] == ["withdrawn", "mend"]
    assert [len(one.claims) for one in log_of(engine, model)] == [1, 0], "the run that was claimed began nowhere"
    assert watch(source, model) == [FIRST, TRAINED]


def test_of_many_models_no_more_are_trained_at_once_than_the_settings_say(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()
    begin_elsewhere(source, engine, f"{model.name}_other")
    with engine.connect() as connection:
        others = [run_id for run_id, _ in under_way(connection)]
    crowded = replace(source, settings=source.settings.model_copy(update={"trainings_at_once": len(others)}))
    sentence = f"{len(others)} trainings are under way, and PERENNIAL_TRAININGS_AT_ONCE is {len(others)}: {', '.join(others)}"
    assert watch(crowded, model) == [f"wait: {sentence}"]
    assert watch(crowded, model) == []
    policy, facts, decision = decided(source, model)
    with engine.begin() as connection:
        decision_id = append_decision(connection, policy, facts, decision, seen=last_seen(connection, model.name)[0], actor="a test")
        assert decision_id is not None
        for at_most, is_claimed in ((len(others), False), (len(others) + 1, True)):
            assert claim_attempt(connection, decision_id, 1, run_id=f"{model.name}-1", host="here", at_most=at_most) is is_claimed


def begin_elsewhere(source: Site, engine: sa.Engine, model: str) -> str:
    """A training that a person has begun on a machine that nobody hears of any more."""
    run_id = f"{model}-by-hand"
    order = TrainingOrder(source.model(name=model), run_id, day(6), "person", "a test", force=False)
    with engine.begin() as connection:
        start_run(connection, replace(run_of(order), host="elsewhere"))
    return run_id


def test_a_run_whose_host_is_gone_does_not_hold_up_the_model_for_ever(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()
    order = TrainingOrder(model, f"{model.name}-by-hand", day(6), "person", "a test", force=False)
    with engine.begin() as connection:
        start_run(connection, replace(run_of(order), host="elsewhere"))
    assert watch(source, model) == [f"wait: run {order.run_id} is under way"]
    assert model.continuous is not None
    news: list[str] = []
    past_its_time = model.continuous.model_copy(update={"training_hours": 0})
    watch_model(watcher_of(source.cloud, news=news), model, past_its_time)
    assert news == [FIRST, TRAINED]
    with engine.connect() as connection:
        run = read_run(connection, order.run_id)
    remedy = "mend it, or raise continuous.training_hours (it began on elsewhere)"
    assert (run.state, run.error) == (RunState.FAILED, f"it did not end within 0 h: {remedy}")


def test_a_run_that_never_begins_does_not_hold_up_the_model_for_ever(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model, news, stopped = watched(), list[str](), list[str]()
    assert model.continuous is not None
    pending = replace(
        watcher_of(source.cloud, news=news),
        train=lambda _: None,
        is_under_way=lambda _: True,
        stop=lambda run_id, _: stopped.append(run_id),
    )
    watch_model(pending, model, model.continuous)
    watch_model(pending, model, model.continuous)
    assert (news, stopped) == ([FIRST], [])
    watch_model(pending, model, model.continuous.model_copy(update={"training_hours": 0, "attempts": 1}))
    ((claim,), *_) = [one.claims for one in log_of(engine, model)]
    late = f"run {claim.run_id} has not begun: it did not end within 0 h: mend it, or raise continuous.training_hours"
    assert (news[1], stopped) == (f"failed: {late}", [claim.run_id])
    assert news[2].startswith("wait: 1 trainings for this failed")


def test_a_run_of_a_person_that_was_killed_here_is_ended(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()
    order = TrainingOrder(model, f"{model.name}-by-hand", day(6), "person", "a test", force=False)
    with engine.begin() as connection:
        start_run(connection, run_of(order))
    assert watch(source, model) == [FIRST, TRAINED]
    with engine.connect() as connection:
        assert (read_run(connection, order.run_id).state, read_run(connection, order.run_id).error) == (RunState.FAILED, "interrupted")


@pytest.mark.parametrize("lock", [claimed_run_lock, run_lock])
def test_a_run_that_another_watcher_of_this_machine_began_is_under_way(
    source: Site, watched: Watched, engine: sa.Engine, lock: Callable[[Settings, str], Path]
) -> None:
    model = watched()
    assert watch(source, model, lambda _: None) == [FIRST]  # type: ignore[arg-type]
    with exclusive_lock(lock(source.settings, model.name)):
        assert watch(source, model) == []
    assert watch(source, model) == [TRAINED]
    assert [len(one.claims) for one in log_of(engine, model)] == [2]


@pytest.mark.parametrize(("is_silent", "attempts"), [(False, 1), (True, 3)])
def test_a_run_that_took_too_long_has_failed_and_one_that_was_killed_is_tried_again(
    source: Site, watched: Watched, engine: sa.Engine, *, is_silent: bool, attempts: int
) -> None:
    model, news = watched("attempts = 1\n"), list[str]()
    end = TrainingEnd(TrainingOutcome.FAILED, "it did not end within 0 h", is_silent=is_silent)

    def killed(order: TrainingOrder) -> None:
        with engine.begin() as connection:
            start_run(connection, run_of(order))

    watcher = replace(watcher_of(source.cloud, news=news), train=killed, end_of=lambda _: end)
    assert model.continuous is not None
    for _ in range(4):
        watch_model(watcher, model, model.continuous)
    decision = log_of(engine, model)[0]
    outcome = decision.outcome(OutcomeKind.TRAINING)
    assert outcome is not None
    sentence = f"each of 3 runs was interrupted: {decision.claims[-1].run_id} was the last" if is_silent else end.sentence
    assert (len(decision.claims), outcome.result, outcome.sentence) == (attempts, "failed", sentence)


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
            assert claim_attempt(connection, decision_id, attempt, run_id=f"{model.name}-{attempt}", host="here", at_most=1_000)
    orders = [TrainingOrder(model, f"{model.name}-{attempt}", day(6), "partition", "a test", force=False) for attempt in (1, 2)]
    with engine.begin() as connection, pytest.raises(RegistryError, match=f"run {model.name}-1 was given up, and another one carries out"):
        start_run(connection, run_of(orders[0]))
    with engine.begin() as connection:
        start_run(connection, run_of(orders[1]))
    with engine.begin() as connection, pytest.raises(RegistryError, match=f"run {model.name}-2 of decision {decision_id} is under way"):
        claim_attempt(connection, decision_id, 3, run_id=f"{model.name}-3", host="here", at_most=1_000)


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


def test_what_is_wrong_with_one_model_is_told_and_the_others_have_their_turn(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model, told = watched(), list[tuple[str, str]]()
    broken: Path = model.folder.parent / "broken"
    broken.mkdir()
    (broken / "model.toml").write_text("")
    faulty = source.model(name=f"a{model.name}", toml={LAST: f"{LAST}\n[continuous]\nsettle_days = 0\n"})
    trainer = Trainer(source.cloud)

    def train(order: TrainingOrder) -> TrainingEnd | None:
        if order.model.name == faulty.name:
            raise OSError(28, "No space left on device")
        return trainer(order)

    watcher = replace(watcher_of(source.cloud), train=train, on_news=lambda *news: told.append(news))
    assert not watch_once(watcher, ())
    missing = f"model 'broken' lacks source.sql, schema.pbtxt, features.py, network.py: add it to {broken}"
    assert told == [
        (faulty.name, FIRST),
        (faulty.name, "not looked at to the end: OSError: [Errno 28] No space left on device"),
        ("broken", f"not looked at: {missing}"),
        (model.name, FIRST),
        (model.name, TRAINED),
    ]
    assert versions(engine, model) == 1
    assert watch_once(watcher, (model.name,))


def test_those_that_wait_for_room_are_looked_at_first(source: Site, watched: Watched, engine: sa.Engine) -> None:
    model = watched()
    other = source.model(name=f"a{model.name}", toml={LAST: f"{LAST}\n[continuous]\nsettle_days = 0\n"})
    with engine.begin() as connection:
        request_training(connection, model.name, actor="ann", reason="now")
    watch_once(replace(watcher_of(source.cloud), crowded=lambda _: "another model is trained"), (other.name, model.name))
    with engine.connect() as connection:
        found = in_order(connection, ["a", other.name, model.name, "z"])
    assert found == [model.name, other.name, "a", "z"], "who asks in person has the strongest reason"


def test_a_row_that_cannot_be_read_ends_no_look_at_the_models(source: Site, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: object, **__: object) -> None:
        raise TypeError("Snapshot.__init__() got an unexpected keyword argument 'newer'")

    monkeypatch.setattr("pipelines.watch.models.read_standings", unreadable)
    model, told = watched(), list[tuple[str, str]]()
    assert watch_once(replace(watcher_of(source.cloud), on_news=lambda *news: told.append(news)), (model.name,))
    assert told == [(model.name, FIRST), (model.name, TRAINED)]


def test_bigquery_is_asked_once_for_a_table_of_two_models(source: Site, watched: Watched) -> None:
    sources, model = Sources(), watched()
    found = sources.of(source.cloud, model)
    assert sources.of(Cloud(source.settings), model.model_copy(update={"name": "other"})) is found
    by_another_day = model.model_copy(update={"source": model.source.model_copy(update={"partition_field": "returned"})})
    assert sources.of(source.cloud, by_another_day) is not found, "of a view it has other days"
