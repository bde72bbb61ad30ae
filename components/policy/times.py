"""Days, times of day and quiet hours of a time zone, across the changes of its clocks."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from components.model.continuous_section import ContinuousSection, ScheduleRule


def day_of(policy: ContinuousSection, when: datetime) -> date:
    """The day on which a moment is, in the policy's time zone."""
    return when.astimezone(ZoneInfo(policy.time_zone)).date()


def next_day(policy: ContinuousSection, when: datetime) -> datetime:
    """The beginning of the day after the one of a moment."""
    return _at(policy, day_of(policy, when) + timedelta(days=1), time(0))


def last_due(policy: ContinuousSection, rule: ScheduleRule, now: datetime) -> datetime | None:
    """The last moment at which the schedule was due; None before its first."""
    today = day_of(policy, now)
    day = today - timedelta(days=(today - rule.first).days % rule.every_days)
    if _at(policy, day, rule.at) > now:
        day -= timedelta(days=rule.every_days)
    return None if day < rule.first else _at(policy, day, rule.at)


def quiet_until(policy: ContinuousSection, now: datetime) -> datetime | None:
    """When the quiet hours end that are now; None if there are none now."""
    if policy.quiet_hours is None:
        return None
    begin, end = policy.quiet_hours
    today = day_of(policy, now)
    for day in (today - timedelta(days=1), today):
        until = _last_at(policy, day + timedelta(days=end < begin), end)
        if _at(policy, day, begin) <= now < until:
            return until
    return None


def _last_at(policy: ContinuousSection, day: date, at: time) -> datetime:
    """Like `_at`, but of a time that happens twice the second, so that it is past on the wall, too."""
    return max(_at(policy, day, at.replace(fold=fold)) for fold in (0, 1))


def _at(policy: ContinuousSection, day: date, at: time) -> datetime:
    """A time of a day, in UTC. One that happens twice is the first; one that a clock change leaves out is moved by the change."""
    return datetime.combine(day, at, ZoneInfo(policy.time_zone)).astimezone(UTC)
