"""`perennial apply`: Kubeflow's recurring runs as they are declared."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest

from components.database.engine import make_engine
from components.errors import ConflictError, ModelFolderError
from components.runs.record import RunState, read_run
from components.schedules.apply_lock import only_apply
from components.schedules.declared import WATCHER, DeclaredRuns, Schedule, WatchSchedule
from components.settings import Settings
from infra.emulators.kubeflow.server import Backend, Fault
from pipelines.kubeflow import applying
from pipelines.kubeflow.api import connected
from tests.pipelines.kubeflow.conftest import Clock
from tests.pipelines.kubeflow.steps import Steps

DAILY = "0 0 5 * * *"


@dataclass
class Applier:
    """Applies schedules, and keeps what it is told."""

    settings: Settings
    backend: Backend
    model: str

    def schedule(self, **changes: Any) -> Schedule:
        given = {"model": self.model, "cron": DAILY, "first": date(1998, 5, 1), "every_days": 1}
        return Schedule.model_validate(given | changes)

    def __call__(self, *, dry_run: bool = False, watch: WatchSchedule | None = None, **declared: Schedule) -> list[str]:
        self.backend.calls.clear()
        schedules = {name.replace("_", "-"): schedule for name, schedule in declared.items()}
        wanted = DeclaredRuns(schedules=schedules, watch=watch)
        with connected(self.settings) as kubeflow:
            return applying.apply(kubeflow, self.settings, wanted, dry_run=dry_run, on_change=lambda _: None)

    def shown(self, name: str = "nightly") -> list[tuple[str, str]]:
        """Cron and state of each recurring run of a name, oldest first."""
        found = [item.shown for item in self.backend.state.schedules.values() if item.shown["display_name"] == name]
        return [(item["trigger"]["cron_schedule"]["cron"], item["status"]) for item in found]


@pytest.fixture
def apply(kubeflow_settings: Settings, backend: Backend, name: str) -> Applier:
    return Applier(kubeflow_settings, backend, name)


def test_applying_a_second_time_writes_nothing(apply: Applier, backend: Backend, name: str) -> None:
    first = apply(nightly=apply.schedule())
    assert [sentence.partition(":")[0] for sentence in first] == [
        f"version {next(iter(backend.state.versions.values()))['name']} of pipeline perennial-{name.replace('_', '-')} is new",
        "schedule nightly is new",
    ]
    assert [path for _, path in backend.writes] == [
        "/apis/v2beta1/pipelines",
        "/apis/v2beta1/pipelines/upload_version",
        "/apis/v2beta1/experiments",
        "/apis/v2beta1/recurringruns",
    ]
    assert apply(nightly=apply.schedule()) == []
    assert backend.writes == []


def test_a_rehearsal_tells_all_and_writes_nothing(apply: Applier, backend: Backend) -> None:
    told = apply(dry_run=True, nightly=apply.schedule())
    assert (len(told), backend.writes) == (2, [])
    assert apply(nightly=apply.schedule()) == told


def test_another_cron_ends_no_run_in_flight(apply: Applier, backend: Backend, steps: Steps, clock: Clock) -> None:
    apply(nightly=apply.schedule())
    clock.now += timedelta(days=1, hours=6)
    begun, go_on = threading.Event(), threading.Event()

    def hold(task: object) -> None:
        begun.set()
        go_on.wait()

    steps.before = hold
    firing = threading.Thread(target=backend.fire_due)
    firing.start()
    begun.wait()
    told = apply(nightly=apply.schedule(cron="0 30 6 * * *"))
    assert [sentence.partition(":")[0] for sentence in told] == ["schedule nightly replaces the former one", "schedule nightly"]
    go_on.set()
    firing.join()
    assert apply.shown() == [(DAILY, "DISABLED"), ("0 30 6 * * *", "ENABLED")]
    (run,) = backend.state.runs.values()
    assert run.shown["state"] == "SUCCEEDED"
    assert not [call for call in backend.calls if call[0] == "DELETE"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda shown: shown["trigger"]["cron_schedule"].update(cron="0 0 1 * * *"),
            "was changed by hand: cron is '0 0 1 * * *' instead of",
        ),
        (lambda shown: shown.update(no_catchup=True), "was changed by hand: no_catchup is True instead of False"),
        (lambda shown: shown.update(max_concurrency="5"), "was changed by hand: max_concurrency is '5' instead of '1'"),
        (lambda shown: shown["runtime_config"]["parameters"].update(model="other"), "was changed by hand: model is 'other' instead of"),
        (lambda shown: shown.update(mode="DISABLE", status="DISABLED"), "was disabled by hand or by an earlier apply: enable it"),
    ],
)
def test_what_somebody_changed_by_hand_is_named_and_put_right(
    apply: Applier, backend: Backend, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    apply(nightly=apply.schedule())
    change(next(iter(backend.state.schedules.values())).shown)
    told = apply(nightly=apply.schedule())
    assert words in told[0]
    assert [state for cron, state in apply.shown() if (cron, state) == (DAILY, "ENABLED")] == ["ENABLED"]
    assert apply(nightly=apply.schedule()) == []


def test_a_copy_that_somebody_made_by_hand_is_disabled(apply: Applier, backend: Backend) -> None:
    from infra.emulators.kubeflow import schedules

    apply(nightly=apply.schedule())
    shown = next(iter(backend.state.schedules.values())).shown
    schedules.create(backend.state, {**shown, "description": "mine"})
    (told,) = apply(nightly=apply.schedule())
    assert told.startswith("schedule nightly: disable a copy that somebody made by hand, ")
    assert apply.shown() == [(DAILY, "ENABLED"), (DAILY, "DISABLED")]


def test_what_is_not_declared_any_more_is_disabled(apply: Applier, backend: Backend) -> None:
    apply(nightly=apply.schedule(), weekly=apply.schedule(every_days=7))
    assert apply(nightly=apply.schedule()) == ["schedule weekly is not declared any more: disable it"]
    assert apply.shown("weekly") == [(DAILY, "DISABLED")]
    assert apply(nightly=apply.schedule()) == []


def test_a_disabled_schedule_is_made_disabled(apply: Applier) -> None:
    apply(nightly=apply.schedule(enabled=False))
    assert apply.shown() == [(DAILY, "DISABLED")]
    assert apply(nightly=apply.schedule(enabled=False)) == []
    assert apply(nightly=apply.schedule()) == ["schedule nightly was disabled by hand or by an earlier apply: enable it"]


def test_the_watcher_is_applied_once_replaced_and_disabled_like_a_schedule(apply: Applier, backend: Backend) -> None:
    watcher = WatchSchedule(cron="0 */5 * * * *")
    assert [told.partition(":")[2] for told in apply(dry_run=True, watch=watcher)] == [" upload it", " create it"]
    apply(nightly=apply.schedule(), watch=watcher)
    assert apply(nightly=apply.schedule(), watch=watcher) == []
    made = next(item.shown for item in backend.state.schedules.values() if item.shown["display_name"] == WATCHER)
    assert (made["max_concurrency"], made["no_catchup"], made["runtime_config"]["parameters"]) == ("1", True, {})
    assert backend.state.experiments[made["experiment_id"]]["display_name"] == WATCHER
    made["no_catchup"] = False
    (by_hand, again) = apply(nightly=apply.schedule(), watch=watcher)
    assert "was changed by hand: no_catchup is False instead of True" in by_hand
    assert again == f"schedule {WATCHER} replaces the former one: create it"
    hourly = WatchSchedule(cron="0 0 * * * *")
    apply(nightly=apply.schedule(), watch=hourly)
    assert apply.shown(WATCHER)[-2:] == [(watcher.cron, "DISABLED"), (hourly.cron, "ENABLED")]
    assert apply(nightly=apply.schedule()) == [f"schedule {WATCHER} is not declared any more: disable it"]


def test_two_applications_at_once_are_one(apply: Applier, backend: Backend) -> None:
    with only_apply(make_engine(apply.settings)), pytest.raises(ConflictError) as caught:  # as the other one holds it
        apply(nightly=apply.schedule())
    assert str(caught.value) == "another `perennial apply` is at work: wait until it has ended, then run it again"
    assert backend.writes == []
    apply(nightly=apply.schedule())
    assert apply.shown() == [(DAILY, "ENABLED")]


def test_an_application_that_broke_off_is_finished_by_the_next(apply: Applier, backend: Backend) -> None:
    backend.faults = [Fault("POST", "/recurringruns", 500, "no")]
    with pytest.raises(Exception, match="answers 500 to create schedule nightly"):
        apply(nightly=apply.schedule())
    apply(nightly=apply.schedule())
    assert (len(backend.state.pipelines), len(backend.state.versions), apply.shown()) == (1, 1, [(DAILY, "ENABLED")])


def test_a_schedule_for_an_unknown_model_is_refused_before_anything_is_written(apply: Applier, backend: Backend) -> None:
    with pytest.raises(ModelFolderError, match="model 'nothing' is unknown"):
        apply(nightly=apply.schedule(), other=apply.schedule(model="nothing"))
    assert backend.writes == []


@dataclass(frozen=True)
class Days:
    """So many days of firings."""

    count: int
    down: range
    """On these the cluster is down."""
    doubled: tuple[int, ...]
    """On these a second controller fires too."""


WEEK, MONTH = Days(7, range(3, 5), (2, 5)), Days(30, range(11, 18), (5, 18, 25))


@pytest.mark.parametrize("catch_up", [True, False])
@pytest.mark.parametrize("days", [WEEK, pytest.param(MONTH, marks=pytest.mark.story)], ids=["week", "month"])
def test_days_of_firings_train_each_window_once(
    apply: Applier, backend: Backend, steps: Steps, clock: Clock, name: str, days: Days, catch_up: bool
) -> None:
    apply(nightly=apply.schedule(catch_up=catch_up))
    (schedule_id,) = backend.state.schedules
    start = clock.now
    for day in range(1, days.count + 1):
        clock.now, steps.newest_partition = start + timedelta(days=day, hours=6), date(1998, 5, 1) + timedelta(days=day)
        if day in days.down:
            continue
        while backend.fire_due():
            pass
        if day in days.doubled:
            backend.fire(schedule_id)
    starts = [task.parameter("through") for task in steps.tasks if task.name == "start"]
    trained = days.count - (0 if catch_up else len(days.down))
    assert (len(starts), len(set(starts))) == (trained, trained)
    assert sum(task.name == "claim" for task in steps.tasks) >= trained + len(days.doubled), (
        "doubled firings ask, and are told that nothing is due"
    )
    run = next(iter(backend.state.runs.values())).shown
    with make_engine(apply.settings).connect() as connection:
        recorded = read_run(connection, run["run_id"])
    assert (recorded.state, recorded.run.trigger, recorded.run.reason) == (RunState.SUCCEEDED, "schedule", "schedule nightly")
