"""Times of day across the changes of a zone's clocks, and days that begin elsewhere."""

from datetime import UTC, date, datetime, time

import pytest

from components.model.continuous_section import ContinuousSection, ScheduleRule
from components.policy.times import last_due, next_day, quiet_until


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "now", "due"),
    [
        ("05:00", "2026-03-30T02:59", "2026-03-29T03:00"),
        ("05:00", "2026-03-30T03:00", "2026-03-30T03:00"),
        ("02:30", "2026-03-29T12:00", "2026-03-29T01:30"),  # the clock goes from 2:00 to 3:00
        ("02:30", "2026-10-25T12:00", "2026-10-25T00:30"),  # 2:30 comes twice
        ("05:00", "2025-12-31T12:00", None),
    ],
)
def test_a_schedule_is_due_once_a_day_in_its_zone(at: str, now: str, due: str | None) -> None:
    policy = ContinuousSection(time_zone="Europe/Berlin")
    rule = ScheduleRule(every_days=1, at=time.fromisoformat(at), first=date(2026, 1, 1))
    assert last_due(policy, rule, utc(now)) == (utc(due) if due else None)


def test_a_schedule_keeps_its_weekday() -> None:
    policy, rule = ContinuousSection(), ScheduleRule(every_days=7, at=time(5), first=date(2026, 1, 5))
    due = [last_due(policy, rule, utc(f"2026-03-{day:02}T12:00")) for day in range(1, 32)]
    assert sorted({one.date() for one in due if one}) == [date(2026, 2, 23), *(date(2026, 3, day) for day in (2, 9, 16, 23, 30))]


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        (("22:00", "06:00"), "2026-03-28T20:59", None),
        (("22:00", "06:00"), "2026-03-28T21:00", "2026-03-29T04:00"),  # the night of the change is an hour shorter
        (("22:00", "06:00"), "2026-03-29T03:59", "2026-03-29T04:00"),
        (("22:00", "06:00"), "2026-03-29T04:00", None),
        (("08:00", "18:00"), "2026-03-28T12:00", "2026-03-28T17:00"),
        (("01:00", "02:30"), "2026-10-25T01:15", "2026-10-25T01:30"),  # 2:15 for the second time
        (("01:00", "02:30"), "2026-10-25T01:30", None),
        (("01:30", "02:30"), "2026-03-29T00:45", "2026-03-29T01:30"),  # 2:30 is left out
    ],
)
def test_quiet_hours_end_by_the_clock_on_the_wall(hours: tuple[str, str], now: str, until: str | None) -> None:
    begin, end = map(time.fromisoformat, hours)
    policy = ContinuousSection(time_zone="Europe/Berlin", quiet_hours=(begin, end))
    assert quiet_until(policy, utc(now)) == (utc(until) if until else None)


def test_a_day_begins_at_midnight_of_the_zone() -> None:
    assert next_day(ContinuousSection(time_zone="America/New_York"), utc("2026-03-08T04:30")) == utc("2026-03-08T05:00")
