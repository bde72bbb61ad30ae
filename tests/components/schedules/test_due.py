"""Which windows schedules are to have trained by now."""

from dataclasses import replace
from datetime import date

from components.schedules.backfill import MOST_WINDOWS, due_windows
from components.schedules.windows import ScheduledWindows

WEEKLY = ScheduledWindows("weekly", date(1998, 5, 1), every_days=7, lag_days=1, catch_up=True)


def test_windows_are_due_on_the_grid_of_their_schedule_whoever_asks_when() -> None:
    assert due_windows([WEEKLY], date(1998, 5, 15)) == [date(1998, 5, 1), date(1998, 5, 8)]
    assert due_windows([WEEKLY], date(1998, 5, 16)) == [date(1998, 5, 1), date(1998, 5, 8), date(1998, 5, 15)]
    assert due_windows([WEEKLY], date(1998, 5, 1)) == []


def test_a_schedule_that_does_not_catch_up_wants_its_newest_window_alone() -> None:
    newest = replace(WEEKLY, catch_up=False)
    assert due_windows([newest], date(1998, 5, 16)) == [date(1998, 5, 15)]


def test_a_window_of_two_schedules_is_one_and_only_the_newest_are_asked_for() -> None:
    daily = ScheduledWindows("daily", date(1990, 1, 1), every_days=1, lag_days=0, catch_up=True)
    windows = due_windows([WEEKLY, daily], date(1998, 5, 16))
    assert len(windows) == len(set(windows)) == MOST_WINDOWS
    assert windows[-1] == date(1998, 5, 16)
