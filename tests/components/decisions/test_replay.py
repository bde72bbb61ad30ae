"""A policy on the past: when it would have trained, what waited, and how far versions lagged behind."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from components.decisions.replay import PastAlarm, Replay, replay
from components.decisions.sizes import PartitionSizes
from components.errors import SourceError
from components.model.continuous_section import ContinuousSection, ScheduleRule
from components.model.folder import Model, read_model
from components.policy.facts import AgeingFact, AlarmFact, Cause
from components.snapshot.source import History
from tests.components.visits import write_model

FIRST, LAST = date(2026, 1, 1), date(2026, 6, 30)
DAYS = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
SIZES = PartitionSizes(History(FIRST, LAST, LAST), dict.fromkeys(DAYS, 1000), {day: datetime(2026, 7, 1, tzinfo=UTC) for day in DAYS})
MONTH = (date(2026, 3, 1), date(2026, 3, 31))
WEEKLY = {"spans = 2\nevery_days = 1": "spans = 2\nevery_days = 7"}


def tried(folder: Path, policy: Mapping[str, Any], days: tuple[date, date] = MONTH, **options: Any) -> Replay:
    return replay(ContinuousSection(**{"training_cost": 0, **policy}), model_in(folder), SIZES, days=days, **options)


def model_in(folder: Path) -> Model:
    return read_model(write_model(folder, toml=WEEKLY).parent, "visits")


def test_each_new_span_is_trained_on_once_its_labels_are_settled(tmp_path: Path) -> None:
    found = tried(tmp_path, {})
    assert [one.at.date() for one in found.trainings] == [date(2026, 3, day) for day in (1, 3, 10, 17, 24, 31)]
    assert [one.through for one in found.trainings] == [date(2026, 2, 28), *(date(2026, 3, day) for day in (2, 9, 16, 23, 30))]
    assert (found.days, found.new_spans, max(found.lags), dict(found.waited_hours)) == (31, 6, 0, {})


def test_what_conditions_hold_back_is_counted_and_comes_later(tmp_path: Path) -> None:
    found = tried(tmp_path, {"cooldown_hours": 24 * 10})
    assert [one.at.date() for one in found.trainings] == [date(2026, 3, day) for day in (1, 11, 21, 31)]
    assert found.waited_hours == {"cooldown": 24 * (8 + 4 + 7)}, "from 3 to 11, from 17 to 21, from 24 to 31"
    assert max(found.lags) == 14


def test_a_schedule_trains_on_its_days(tmp_path: Path) -> None:
    policy = {"triggers": ("schedule",), "schedule": ScheduleRule(every_days=10, first=date(2026, 3, 5))}
    assert [f"{one.at:%m-%d %H:%M}" for one in tried(tmp_path, policy).trainings] == ["03-05 05:00", "03-15 05:00", "03-25 05:00"]


def test_nothing_is_trained_while_the_source_was_broken(tmp_path: Path) -> None:
    broken = PastAlarm(AlarmFact("7", Cause.BROKEN_SOURCE, "it is NULL", column="pages"), date(2026, 3, 5), date(2026, 3, 16))
    found = tried(tmp_path, {}, alarms=(broken,))
    assert [one.at.date() for one in found.trainings] == [date(2026, 3, day) for day in (1, 3, 16, 17, 24, 31)]
    assert found.waited_hours == {"broken source": 6 * 24}, "from 10 on there was a reason"


def test_new_spans_wait_until_versions_have_aged_by_what_a_training_costs(tmp_path: Path) -> None:
    def known(*_: object) -> AgeingFact:
        return AgeingFact((0, 200), (0.0, 0.2))

    found = tried(tmp_path, {"training_cost": 0.15}, known=known)
    assert [one.at.date() for one in found.trainings] == [date(2026, 3, day) for day in (1, 17)], (
        "a thousandth a day, for 14 days too little"
    )
    assert found.waited_hours == {"not ripe": 24 * (14 + 8)}, "from 3 to 17, and from 24 on"
    assert len(tried(tmp_path, {"training_cost": 0.0}, known=known).trainings) == 6


def test_a_changed_world_is_trained_for_once(tmp_path: Path) -> None:
    changed = PastAlarm(AlarmFact("7", Cause.CHANGED_WORLD, "AUC fell", since=date(2026, 3, 6)), date(2026, 3, 10), None)
    found = tried(tmp_path, {"triggers": ("alarm",)}, alarms=(changed,))
    assert [(one.at.date(), one.reason) for one in found.trainings] == [(date(2026, 3, 10), "alarm 7: AUC fell")]


@pytest.mark.parametrize("days", [(LAST, FIRST), (FIRST - timedelta(days=1), LAST), (FIRST, LAST + timedelta(days=1))])
def test_days_that_the_source_does_not_have_are_refused(tmp_path: Path, days: tuple[date, date]) -> None:
    with pytest.raises(SourceError, match=r"days: choose 1 to 3,660 of which the source has 2026-01-01 to 2026-06-30"):
        tried(tmp_path, {}, days)
