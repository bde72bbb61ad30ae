"""Dates besides that of the partition: what stands for none, stands still or moved is found; what goes with the calendar is not."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from components.checks.findings import Finding, ranked
from components.checks.source import check_source
from components.looks.data_check import DataCheck
from components.profiles.dates import date_keys
from components.profiles.profiling import profile_batch
from tests.components.checks.corruptions import shop_model
from tests.components.checks.shops import Frame, batch

FIRST = date(2025, 11, 3)
DAYS, KNOWN = 60, 50
Change = Callable[[date, date], date]
"""Of a date in a partition."""


def orders(rng: np.random.Generator, day: date) -> Frame:
    """An order ships after a working day or two, is due in two weeks or thirty days, and is a customer's, born long ago."""
    rows = int(rng.poisson(300))
    weekend = {4: 2, 5: 1}.get(day.weekday(), 0)
    offsets = {
        "ordered": np.zeros(rows),
        "shipped": rng.choice([1, 2, 3], rows, p=[0.6, 0.3, 0.1]) + weekend,
        "due": rng.choice([14, 30], rows, p=[0.8, 0.2]),
        "born": -rng.normal(15_000, 4_000, rows) - 3_000,
        "quoted": -rng.geometric(0.2, rows),
    }
    dates = {name: np.array([day + timedelta(days=int(one)) for one in offset], object) for name, offset in offsets.items()}
    fixed = {"tariff": date(day.year, 1, 1), "until": date(9999, 12, 31), "period": day.replace(day=1)}
    return dates | {name: np.full(rows, value, object) for name, value in fixed.items()}


def findings(
    folder: Path, *, column: str = "", change: Change | None = None, share: float = 1.0, known: int = KNOWN
) -> tuple[Finding, ...]:
    """What a run finds whose champion was trained on the first partitions; in those since then dates are changed."""
    rng, now = np.random.default_rng(5), {}
    for day in (FIRST + timedelta(days=number) for number in range(DAYS)):
        frame = orders(rng, day)
        if change is not None and (day - FIRST).days >= KNOWN:
            is_changed = rng.random(len(frame[column])) < share
            dates = [change(one, day) if changed else one for one, changed in zip(frame[column], is_changed, strict=True)]
            frame = frame | {column: np.array(dates, object)}
        now[day] = profile_batch(batch(frame), "", day)
    past = {day: now[day] for day in sorted(now)[:known]}
    return ranked(check_source(shop_model(folder), now, past, past.keys()))


def test_what_goes_with_the_calendar_is_right(tmp_path: Path) -> None:
    """Weekends, a change of year, a date that is always the same, and one that is the first of the month."""
    assert findings(tmp_path, known=0) == ()


def turned(value: date, _: date) -> date:
    return value.replace(day=value.month, month=value.day) if value.day <= 12 else value


@pytest.mark.parametrize(
    ("column", "change", "share", "check", "says"),
    [
        ("shipped", lambda *_: date(1970, 1, 1), 0.05, DataCheck.RANGE, "far earlier than any was (the earliest 1970-01-01)"),
        ("due", lambda *_: date(9999, 12, 31), 0.05, DataCheck.RANGE, "far later than any was (the latest 9999-12-31)"),
        ("born", lambda *_: date(1970, 1, 1), 0.1, DataCheck.RANGE, "is a day of 1970"),
        ("born", lambda *_: date(1900, 1, 1), 0.05, DataCheck.RANGE, "is a day of 1900"),
        ("quoted", lambda _, day: day + timedelta(days=3), 0.1, DataCheck.RANGE, "after the partition's day"),
        ("quoted", turned, 1.0, DataCheck.RANGE, "as if day and month had changed places"),
        ("shipped", lambda value, _: value + timedelta(days=1), 1.0, DataCheck.DRIFT, "another number of days"),
        ("due", lambda value, _: value + timedelta(days=7), 1.0, DataCheck.DRIFT, "another number of days"),
        ("shipped", lambda *_: FIRST + timedelta(days=KNOWN + 1), 1.0, DataCheck.CONSTANT, "in all"),
        ("ordered", lambda *_: FIRST + timedelta(days=KNOWN), 1.0, DataCheck.CONSTANT, 'always "the same day"'),
    ],
)
def test_what_is_wrong_with_dates_is_found(column: str, change: Change, share: float, check: DataCheck, says: str, tmp_path: Path) -> None:
    found = findings(tmp_path, column=column, change=change, share=share)
    assert found
    assert (found[0].column, found[0].check, found[0].blocks) == (column, check, True), found[0].sentence
    assert says in found[0].sentence
    assert {one.column for one in found} == {column}


def test_near_dates_are_told_by_days_and_far_ones_by_years() -> None:
    day = date(2026, 3, 1)
    days = np.array(
        [(one - date(1970, 1, 1)).days for one in (date(1900, 1, 1), date(2026, 2, 27), day, date(2026, 3, 31), date(9999, 12, 31))]
    )
    assert date_keys(days, day).tolist() == [-98_100, -2, 0, 30, 109_999]


def test_a_date_that_nobody_means_need_not_be_of_many_orders(tmp_path: Path) -> None:
    """Fourteen rows of one long order."""
    rng, days = np.random.default_rng(6), {}
    for day in (FIRST + timedelta(days=number) for number in range(DAYS)):
        order = np.repeat(np.arange(20), 14)
        shipped = np.array([day + timedelta(days=int(one)) for one in rng.choice([1, 2, 3], 20)], object)
        if (day - FIRST).days >= KNOWN:
            shipped[int(rng.integers(0, 20))] = date(1970, 1, 1)
        days[day] = profile_batch(batch({"order_id": order, "shipped": shipped[order]}), "order_id", day)
    past = {day: days[day] for day in sorted(days)[:KNOWN]}
    (first, *_) = ranked(check_source(shop_model(tmp_path), days, past, past.keys()))
    assert (first.column, first.blocks, first.since) == ("shipped", True, FIRST + timedelta(days=KNOWN))
    assert "the earliest 1970-01-01" in first.what
