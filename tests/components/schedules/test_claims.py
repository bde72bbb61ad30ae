"""ScheduledWindows of a schedule, claimed by compare and set in the registry."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from components.runs.record import Run, RunState, finish_run, read_run, start_run
from components.schedules.claims import claim_window, read_windows
from components.schedules.windows import ScheduledWindows

FIRST = date(2026, 11, 1)
DAILY = ScheduledWindows("nightly", FIRST, every_days=1, lag_days=1, catch_up=True)
AWAY = range(10, 17)
"""Days on which the cluster is down."""
DOUBLED = (5, 17, 25)
"""Days on which every firing happens twice."""


@pytest.fixture
def claim(engine: sa.Engine, new_run: Callable[..., Run]) -> Callable[..., date | None]:
    """Lets a new run claim a window of the model, and end."""

    def claim(
        windows: ScheduledWindows, newest: date, state: RunState | None = RunState.SUCCEEDED, run_id: str | None = None
    ) -> date | None:
        run = new_run(run_id=run_id or str(uuid4()))
        window = claim_window(engine, windows, run, newest)
        if window and state:
            with engine.begin() as connection:
                finish_run(connection, run.run_id, state, None if state is RunState.SUCCEEDED else "for a test")
        return window

    return claim


@pytest.mark.parametrize("catch_up", [True, False])
def test_thirty_days_with_seven_of_outage_and_double_firings_train_each_window_once(
    claim: Callable[..., date | None], engine: sa.Engine, name: str, catch_up: bool
) -> None:
    windows, missed, claimed = replace(DAILY, catch_up=catch_up), 0, Counter[date]()
    for day in range(30):
        if day in AWAY:
            missed += 1  # the controller fires these later if it catches up, and not at all otherwise
            continue
        firings = 1 + (missed if catch_up else 0) + (day in DOUBLED)
        missed = 0
        for _ in range(firings):
            window = claim(windows, FIRST + timedelta(days=day + 1))
            if window:
                claimed[window] += 1
    assert set(claimed.values()) == {1}
    away = {FIRST + timedelta(days=day) for day in AWAY}
    every = {FIRST + timedelta(days=day) for day in range(30)}
    assert set(claimed) == (every if catch_up else every - away)
    with engine.connect() as connection:
        assert {through for through, window in read_windows(connection, name).items() if window.taken} == set(claimed)


def test_firings_at_once_claim_different_windows(engine: sa.Engine, new_run: Callable[..., Run]) -> None:
    found: list[date | None] = []
    begin = threading.Barrier(6)

    def fire() -> None:
        begin.wait()
        found.append(claim_window(engine, DAILY, new_run(run_id=str(uuid4())), FIRST + timedelta(days=4)))

    threads = [threading.Thread(target=fire) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(window for window in found if window) == [FIRST + timedelta(days=day) for day in range(4)]
    assert found.count(None) == 2


def test_a_claim_that_is_tried_again_finds_its_own_window(claim: Callable[..., date | None]) -> None:
    run_id = str(uuid4())
    newest = FIRST + timedelta(days=9)
    assert [claim(DAILY, newest, None, run_id), claim(DAILY, newest, None, run_id)] == [FIRST, FIRST]


def test_a_claim_records_the_start_of_its_run(claim: Callable[..., date | None], engine: sa.Engine) -> None:
    run_id = str(uuid4())
    claim(DAILY, FIRST + timedelta(days=1), None, run_id)
    with engine.connect() as connection:
        recorded = read_run(connection, run_id)
    assert (recorded.state, recorded.run.parameters["through"]) == (RunState.RUNNING, FIRST.isoformat())


def test_a_run_without_a_window_leaves_nothing(claim: Callable[..., date | None], engine: sa.Engine, name: str) -> None:
    assert claim(DAILY, FIRST) is None, "the first window's last partition may still grow"
    with engine.connect() as connection:
        assert read_windows(connection, name) == {}


def test_a_window_is_claimed_again_after_a_failure_but_not_for_ever(claim: Callable[..., date | None]) -> None:
    newest = FIRST + timedelta(days=2)
    ends = [RunState.FAILED, RunState.CANCELLED, RunState.FAILED, RunState.BLOCKED, RunState.SUCCEEDED]
    second = FIRST + timedelta(days=1)
    assert [claim(DAILY, newest, end) for end in ends] == [FIRST, FIRST, FIRST, second, None]


def test_a_window_that_somebody_trained_by_hand_is_not_claimed(
    claim: Callable[..., date | None], engine: sa.Engine, new_run: Callable[..., Run]
) -> None:
    with engine.begin() as connection:
        start_run(connection, new_run(parameters={"through": FIRST.isoformat()}))
    assert claim(DAILY, FIRST + timedelta(days=2)) == FIRST + timedelta(days=1)


def test_a_claim_is_never_changed(claim: Callable[..., date | None], owning: sa.Connection, name: str) -> None:
    claim(DAILY, FIRST + timedelta(days=1))
    with pytest.raises(sa.exc.DBAPIError, match="window_claim is append-only"):
        owning.execute(sa.text("UPDATE registry.window_claim SET through = '2000-01-01' WHERE model = :name"), {"name": name})


@pytest.mark.parametrize(
    ("changes", "newest", "due"),
    [
        ({}, FIRST, []),
        ({"lag_days": 0}, FIRST, [FIRST]),
        ({"every_days": 7}, date(2026, 11, 16), [FIRST, date(2026, 11, 8), date(2026, 11, 15)]),
        ({"every_days": 7}, date(2026, 11, 15), [FIRST, date(2026, 11, 8)]),
        ({}, date(2026, 10, 1), []),
    ],
)
def test_windows_are_due_by_what_the_source_has(changes: dict[str, int], newest: date, due: list[date]) -> None:
    assert replace(DAILY, **changes).due(newest) == due  # type: ignore[arg-type]


def test_windows_survive_their_way_as_a_parameter() -> None:
    assert ScheduledWindows.from_json(DAILY.to_json()) == DAILY
