"""Runs: recorded once, ended once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from components.errors import RegistryError
from components.registry.versions import NewVersion, register_version
from components.runs.record import (
    Run,
    RunState,
    Task,
    Trigger,
    close_interrupted,
    finish_run,
    read_run,
    read_tasks,
    record_tasks,
    start_run,
)

NewRun = Callable[..., Run]


def test_a_run_comes_back_as_it_was_recorded(connection: sa.Connection, new_run: NewRun) -> None:
    parameters = {"slices": ["hour", "country"], "rate": 1.0, "deep": {"a": None}}
    run = new_run(parameters=parameters, trigger=Trigger.SCHEDULE, image_digest=f"sha256:{'9' * 64}")
    start_run(connection, run)
    recorded = read_run(connection, run.run_id)
    assert recorded.run == run
    assert recorded.run.trigger is Trigger.SCHEDULE
    assert (recorded.state, recorded.error, recorded.finished_at) == (RunState.RUNNING, None, None)
    assert recorded.started_at.utcoffset() == timedelta(0)


def test_a_start_that_is_tried_again_changes_nothing(connection: sa.Connection, new_run: NewRun) -> None:
    run = new_run(parameters={"window": (1, 2)})
    start_run(connection, run)
    start_run(connection, replace(run, host="another pod"))
    assert read_run(connection, run.run_id).run.host == "laptop"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"git_commit": "d" * 40}, f"is already recorded with git_commit '{'c' * 40}', not '{'d' * 40}': what is recorded does not change"),
        ({"parameters": {"epochs": 4}}, "is already recorded with parameters {.*}, not {'epochs': 4}"),
        ({"package_versions": {}}, "is already recorded with package_versions .*, not {}"),
    ],
)
def test_a_run_id_means_one_run(connection: sa.Connection, new_run: NewRun, change: dict[str, Any], message: str) -> None:
    run = new_run()
    start_run(connection, run)
    with pytest.raises(RegistryError, match=f"run {run.run_id} {message}"):
        start_run(connection, replace(run, **change))


@pytest.mark.parametrize(
    "change",
    [
        {"run_id": ""},
        {"run_id": "a b"},
        {"run_id": "r'; DROP TABLE registry.metric; --"},
        {"run_id": "r" * 10_000},
        {"model": "Churn"},
        {"model": "churn\n"},
        {"model": "churn'; DROP TABLE registry.metric; --"},
        {"git_commit": "main"},
        {"environment_digest": "b" * 64},
        {"image_digest": "latest"},
        {"host": "nul\0"},
        {"parameters": {"nul": "\0"}},
        {"trigger": "moon"},
    ],
)
def test_values_that_no_run_has_are_refused(connection: sa.Connection, new_run: NewRun, change: dict[str, Any]) -> None:
    with pytest.raises(RegistryError, match=r"the registry refuses runs\.insert"):
        start_run(connection, new_run(**change))
    connection.rollback()
    assert connection.exec_driver_sql("SELECT count(*) FROM registry.metric").scalar() is not None


HOSTILE = ["'; DROP TABLE registry.metric; --", "a\nb\t\x1b[31m\x7f", "ß" * 10_000, '{"NULL", \\ }', ":run_id %s $1"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_stored_as_it_is(connection: sa.Connection, new_run: NewRun, text: str) -> None:
    run = new_run(reason=text, host=text, parameters={"text": text, text: "name"})
    start_run(connection, run)
    finish_run(connection, run.run_id, RunState.FAILED, text)
    recorded = read_run(connection, run.run_id)
    assert (recorded.run, recorded.error) == (run, text)


def test_a_reason_that_postgresql_cannot_store_is_escaped(connection: sa.Connection, new_run: NewRun) -> None:
    run = new_run(reason="nul \0 surrogate \udc80")
    start_run(connection, run)
    start_run(connection, run)
    finish_run(connection, run.run_id, RunState.FAILED, "nul \0")
    recorded = read_run(connection, run.run_id)
    assert (recorded.run.reason, recorded.error) == (r"nul \x00 surrogate \udc80", r"nul \x00")


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.FAILED, RunState.BLOCKED, RunState.CANCELLED])
def test_the_first_end_of_a_run_stands(connection: sa.Connection, new_run: NewRun, state: RunState) -> None:
    run = new_run()
    start_run(connection, run)
    assert read_run(connection, run.run_id).state is RunState.RUNNING
    assert finish_run(connection, run.run_id, state) is state
    assert finish_run(connection, run.run_id, RunState.FAILED, "too late") is state
    recorded = read_run(connection, run.run_id)
    assert (recorded.state, recorded.error) == (state, None)
    assert recorded.finished_at == recorded.started_at, "both are the time of this test's transaction"


def test_of_many_that_end_a_run_one_does(engine: sa.Engine, new_run: NewRun) -> None:
    run = new_run()
    with engine.begin() as connection:
        start_run(connection, run)

    def end(error: str) -> RunState:
        with engine.begin() as connection:
            return finish_run(connection, run.run_id, RunState.FAILED if error else RunState.SUCCEEDED, error or None)

    with ThreadPoolExecutor(5) as pool:
        states = set(pool.map(end, ["", "a", "b", "c", ""]))
    assert len(states) == 1


def test_an_unknown_run_cannot_end(connection: sa.Connection) -> None:
    with pytest.raises(RegistryError, match="run 'nobody' is not in the registry"):
        finish_run(connection, "nobody", RunState.FAILED, "error")
    with pytest.raises(RegistryError, match="run 'nobody' is not in the registry"):
        read_run(connection, "nobody")


def test_a_run_that_succeeded_has_no_error(connection: sa.Connection, new_run: NewRun) -> None:
    run = new_run()
    start_run(connection, run)
    with pytest.raises(RegistryError, match=r"the registry refuses runs\.finish: .*violates check constraint"):
        finish_run(connection, run.run_id, RunState.SUCCEEDED, "but")


def test_interrupted_runs_of_this_model_on_this_host_are_closed(
    connection: sa.Connection, new_run: NewRun, new_version: Callable[..., NewVersion]
) -> None:
    lost, elsewhere, blocked, other_model = new_run(), new_run(host="other"), new_run(), new_run(model="quite_another")
    for run in (lost, elsewhere, blocked, other_model):
        start_run(connection, run)
    finish_run(connection, blocked.run_id, RunState.BLOCKED, "no data")
    pushed = new_version(connection)
    register_version(connection, pushed)
    assert close_interrupted(connection, lost.model, "laptop") == sorted([lost.run_id, pushed.run_id])
    assert close_interrupted(connection, lost.model, "laptop") == []
    recorded = [read_run(connection, run.run_id) for run in (lost, elsewhere, blocked, other_model, pushed)]
    assert [(row.state, row.error) for row in recorded] == [
        (RunState.FAILED, "interrupted"),
        (RunState.RUNNING, None),
        (RunState.BLOCKED, "no data"),
        (RunState.RUNNING, None),
        (RunState.SUCCEEDED, None),
    ]


def test_tasks_come_back_by_name(connection: sa.Connection, new_run: NewRun) -> None:
    run = new_run()
    start_run(connection, run)
    train, pin = Task("train", "trainer", "0.1.0", seconds=12.5), Task("pin", "pin", "0.1.0", cached=True)
    record_tasks(connection, run.run_id, [train, pin])
    assert read_tasks(connection, run.run_id) == (pin, train)


def test_the_first_times_of_a_task_stand_but_its_component_must_be_the_same(connection: sa.Connection, new_run: NewRun) -> None:
    run = new_run()
    start_run(connection, run)
    train = Task("train", "trainer", "0.1.0", seconds=12.5)
    record_tasks(connection, run.run_id, [train])
    record_tasks(connection, run.run_id, [replace(train, seconds=99.0, cached=True), Task("push", "pusher", "0.1.0")])
    assert read_tasks(connection, run.run_id) == (Task("push", "pusher", "0.1.0"), train)
    message = f"task train of run {run.run_id} is already recorded with component_version '0.1.0', not '0.2.0'"
    with pytest.raises(RegistryError, match=message):
        record_tasks(connection, run.run_id, [replace(train, component_version="0.2.0")])


def test_tasks_need_their_run(connection: sa.Connection) -> None:
    with pytest.raises(RegistryError, match=r'Key \(run_id\)=\(nobody\) is not present in table "pipeline_run"'):
        record_tasks(connection, "nobody", [Task("train", "trainer", "0.1.0")])


def test_no_tasks_are_no_trouble(connection: sa.Connection, new_run: NewRun) -> None:
    run = new_run()
    start_run(connection, run)
    record_tasks(connection, run.run_id, [])
    assert read_tasks(connection, run.run_id) == ()
