"""A part of all rows that is gone for good is a lower level of days, after some of them; growth, weekdays and quiet days are not."""

from datetime import date, timedelta

import numpy as np
import pytest

from components.looks.usual import fallen

START = date(2025, 1, 6)


def rows(days: int, part: float = 1.0, lost: int = 0, seed: int = 1) -> dict[date, int]:
    """Rows that grow, with a rhythm of weekdays and quiet days; of the last days only a part."""
    rng = np.random.default_rng(seed)
    busy = [1.0, 0.9, 0.95, 1.0, 1.3, 1.5, 0.4]
    level = {
        place: busy[place % 7] * np.exp(0.001 * place + 0.08 * rng.normal()) * (0.5 if place in (40, 71) else 1) for place in range(days)
    }
    return {
        START + timedelta(days=place): int(rng.poisson(300 * size * (part if place >= days - lost else 1))) for place, size in level.items()
    }


@pytest.mark.parametrize("part", [0.67, 0.5])
def test_rows_that_are_gone_for_good_are_a_lower_level_after_ten_days(part: float) -> None:
    level = fallen(rows(130, part, 10))
    assert level is not None
    assert level[0] == START + timedelta(days=120)
    assert level[1] == pytest.approx(part, abs=0.08)
    assert fallen(rows(130, part, 4)) is None, "four days may be holidays"


@pytest.mark.parametrize("seed", range(4))
def test_growth_weekdays_and_quiet_days_are_no_lower_level(seed: int) -> None:
    every = rows(190, seed=seed)
    days = sorted(every)
    assert [end for end in range(100, len(days), 3) if fallen({day: every[day] for day in days[:end]})] == []


def test_of_a_short_history_nothing_is_said() -> None:
    assert fallen(rows(105, 0.5, 10)) is None
