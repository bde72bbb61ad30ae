"""Runs: recorded once, ended once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from components.errors import ConflictError, RegistryError
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
    require_running,
    start_run,
)
from tests.waiting import wait_until

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


def test_a_run_whose_version_is_recorded_has_succeeded(connection: sa.Connection, new_version: Callable[..., NewVersion]) -> None:
    new = new_version(connection)
    register_version(connection, new)
    assert finish_run(connection, new.run_id, RunState.FAILED, "killed a moment too late") is RunState.SUCCEEDED
    assert read_run(connection, new.run_id).error is None


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.BLOCKED, RunState.CANCELLED])
def test_a_run_that_has_ended_gets_no_version(connection: sa.Connection, new_run: NewRun, state: RunState) -> None:
    run = new_run()
    start_run(connection, run)
    require_running(connection, run.run_id)
    finish_run(connection, run.run_id, state)
    with pytest.raises(ConflictError) as error:
        require_running(connection, run.run_id)
    assert str(error.value) == f"run {run.run_id} has ended as {state} meanwhile: its version is not recorded; train again"


def test_a_run_cannot_be_called_failed_while_its_version_is_being_recorded(
    engine: sa.Engine, new_version: Callable[..., NewVersion]
) -> None:
    with engine.begin() as before:
        new = new_version(before)

    def fail() -> RunState:
        with engine.begin() as connection:
            return finish_run(connection, new.run_id, RunState.FAILED, "killed")

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as connection:
            require_running(connection, new.run_id)
            ended = pool.submit(fail)
            wait_until(lambda: waiting(connection), "nobody waits for the run's row")
            register_version(connection, new)
        assert ended.result() is RunState.SUCCEEDED


def test_an_interrupted_run_whose_version_is_being_recorded_is_not_closed_as_failed(
    engine: sa.Engine, new_version: Callable[..., NewVersion]
) -> None:
    with engine.begin() as connection:
        new = new_version(connection)
        run = read_run(connection, new.run_id).run

    def close() -> list[str]:
        with engine.begin() as connection:
            return close_interrupted(connection, run.model, run.host)

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as connection:
            require_running(connection, new.run_id)
            closed = pool.submit(close)
            wait_until(lambda: waiting(connection), "nobody waits for the run's row")
            register_version(connection, new)
        assert closed.result() == [new.run_id]
    with engine.connect() as connection:
        assert read_run(connection, new.run_id).state is RunState.SUCCEEDED


def waiting(connection: sa.Connection) -> bool:
    """Whether somebody waits for a row that this transaction holds."""
    found = connection.exec_driver_sql(
        "SELECT count(*) FROM pg_locks AS held JOIN pg_locks AS wanted USING (transactionid)"
        " WHERE held.granted AND NOT wanted.granted AND held.pid = pg_backend_pid()"
    )
    return bool(found.scalar())


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


def test_the_first_times_of_a_task_stand(connection: sa.Connection, new_run: NewRun) -> None:
    run = new_run()
    start_run(connection, run)
    train = Task("train", "trainer", "0.1.0", seconds=12.5)
    record_tasks(connection, run.run_id, [train])
    record_tasks(connection, run.run_id, [replace(train, seconds=99.0, cached=True), Task("push", "pusher", "0.1.0")])
    assert read_tasks(connection, run.run_id) == (Task("push", "pusher", "0.1.0"), train)


def test_no_tasks_are_no_trouble(connection: sa.Connection, new_run: NewRun) -> None:
    run = new_run()
    start_run(connection, run)
    record_tasks(connection, run.run_id, [])
    assert read_tasks(connection, run.run_id) == ()
