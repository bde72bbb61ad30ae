"""infra/schedules.toml: what is declared, and what is refused."""

from datetime import date
from pathlib import Path

import pytest

from components.errors import SettingsError
from components.schedules.declared import WatchSchedule, read_schedules
from components.settings import REPOSITORY

GOOD = """
[schedules.churn-weekly]
model = "churn"
cron = "0 0 5 * * 1-5"
first = 1998-05-31
every_days = 7

[watch]
cron = "0 */5 * * * *"
"""


def test_a_schedule_is_read(tmp_path: Path) -> None:
    (tmp_path / "schedules.toml").write_text(GOOD)
    declared = read_schedules(tmp_path / "schedules.toml")
    schedule = declared.schedules["churn-weekly"]
    assert declared.watch == WatchSchedule(cron="0 */5 * * * *")
    assert (schedule.model, schedule.first, schedule.catch_up, schedule.lag_days) == ("churn", date(1998, 5, 31), True, 1)


def test_the_schedules_of_this_repository_are_valid() -> None:
    assert set(read_schedules(REPOSITORY / "infra" / "schedules.toml").schedules) == {"churn-weekly"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("0 0 5 * * 1-5", "0 5 * * *", "'0 5 * * *' has 5 fields: write six: second minute hour day month weekday"),
        ("0 0 5 * * 1-5", "0 0 25 * * *", "'0 0 25 * * *' has '25' for the hour: write *, or numbers from 0 to 23 with , - and /"),
        ("0 0 5 * * 1-5", "0 */0 5 * * *", "has '*/0' for the minute"),
        ("first = 1998-05-31", 'first = "soon"', "first"),
        ("every_days = 7", "every_days = 0", "every_days"),
        ("every_days = 7", "every_day = 7", "every_day"),
        ("churn-weekly", '"Churn weekly"', "Churn weekly"),
        ("churn-weekly", "perennial-watch", "perennial-watch is the name of the watcher's recurring run: choose another"),
        ("0 */5 * * * *", "*/5 * * * *", "'*/5 * * * *' has 5 fields"),
        ("[watch]", "[watch]\non = 1", "on"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "schedules.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(SettingsError) as caught:
        read_schedules(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_missing_or_no_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "schedules.toml"
    with pytest.raises(SettingsError, match="cannot be read"):
        read_schedules(path)
    path.write_text("[")
    with pytest.raises(SettingsError, match="is not TOML"):
        read_schedules(path)
