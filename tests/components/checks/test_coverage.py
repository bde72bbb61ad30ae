"""The partitions as such, and the source table against the champion's."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from components.checks.coverage import check_partitions
from components.checks.findings import Finding
from components.looks.data_check import DataCheck
from components.model.folder import Model, read_model
from components.profiles.profile import ColumnProfile
from components.profiles.profiling import profile_batch
from components.snapshot.document import Partition, Snapshot
from tests.components.checks.corruptions import FIRST, TABLE, Columns, shop_model
from tests.components.visits import write_model

DAYS = tuple(FIRST + timedelta(days=number) for number in range(28))


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return shop_model(tmp_path)


def snapshot(rows: dict[date, int], *, columns: tuple[tuple[str, str], ...] = (("amount", "FLOAT"),)) -> Snapshot:
    partitions = tuple(Partition(day, found, f"{found:032x}") for day, found in rows.items())
    return Snapshot("shop", TABLE, "day", columns, partitions, (DAYS[-2],), "q")


def usual(change: dict[int, int] | None = None) -> dict[date, int]:
    rows = {day: 300 if day.weekday() == 6 else 600 for day in DAYS}
    return rows | {DAYS[place]: found for place, found in (change or {}).items()}


def found(model: Model, rows: dict[date, int], reference: Snapshot | None = None, known: tuple[date, ...] = ()) -> list[Finding]:
    return check_partitions(model, snapshot(rows), {}, reference, known)


def without(*places: int) -> dict[date, int]:
    return {day: rows for place, (day, rows) in enumerate(usual().items()) if place not in places}


def test_whole_partitions_are_well(model: Model) -> None:
    assert found(model, usual()) == []


def test_missing_partitions_are_counted(model: Model) -> None:
    (finding,) = found(model, without(9, 10))
    assert finding.sentence == f"partition 2026-01-14 of {TABLE} is missing (2 of 28 between 2026-01-05 and 2026-02-01)"
    assert (finding.check, finding.since, finding.days, finding.blocks) == (DataCheck.MISSING_PARTITION, DAYS[9], 2, True)


def test_partitions_that_the_labels_still_need_are_missing_too(model: Model) -> None:
    assert found(model, without(27))[0].sentence.startswith(f"partition 2026-02-01 of {TABLE} is missing (1 of 28")


def test_a_weekday_that_is_missing_is_named(model: Model) -> None:
    (finding,) = found(model, without(12, 19, 26))
    assert finding.sentence.endswith("is missing (3 of 28 between 2026-01-05 and 2026-02-01, all Saturdays since then)")


def test_days_that_the_shop_is_closed_on_are_not_missed(model: Model, tmp_path: Path) -> None:
    closed = shop_model(tmp_path, closed=("Saturday", DAYS[8]))
    assert found(closed, without(5, 8, 12, 19, 26)) == []
    assert found(closed, without(5, 8, 9, 12, 19, 26))[0].sentence.startswith(f"partition 2026-01-14 of {TABLE} is missing (1 of 23 ")


LONG = tuple(FIRST + timedelta(days=number) for number in range(70))


def judged(model: Model, gone: Callable[[int, date], bool], reference: Snapshot | None = None) -> list[tuple[date | None, bool]]:
    """When partitions are first missing, and whether that blocks, of ten weeks without some days."""
    rows = {day: 600 for place, day in enumerate(LONG) if not gone(place, day)}
    pinned = replace(snapshot(rows), spans=(LONG[-2],))
    return [(finding.since, finding.blocks) for finding in check_partitions(model, pinned, {}, reference)]


@pytest.mark.parametrize(
    ("gone", "found"),
    [
        (lambda place, day: day.weekday() == 6, []),
        (lambda place, day: day.weekday() == 6 and place % 14 < 7, []),
        (lambda place, day: day.weekday() == 6 and (place % 14 < 7 or place > 40), [(LONG[6], True)]),
        (lambda place, day: place == 65, [(LONG[65], False)]),
        (lambda place, day: place in (65, 66), [(LONG[65], True)]),
        (lambda place, day: place == 69, [(LONG[69], True)]),
        (lambda place, day: day.weekday() == 6 or place in (60, 63), [(LONG[60], False)]),
        (lambda place, day: day.weekday() == 6 or place in (63, 64, 65), [(LONG[63], True)]),
        (lambda place, day: day.weekday() == 6 or (place > 20 and day.weekday() == 2), [(LONG[23], True)]),
        (lambda place, day: place % 5 == 3, [(LONG[3], True)]),
        (lambda place, day: day.weekday() == 6 and place != 13, [(LONG[6], False)]),
        (lambda place, day: day.weekday() == 6 and place not in (13, 62), [(LONG[6], False)]),
        (lambda place, day: day.weekday() == 6 and place > 6, [(LONG[13], True)]),
        (lambda place, day: day.weekday() > 4 or place in range(28, 40), [(LONG[28], False)]),
        (lambda place, day: day.weekday() > 4 or place in range(28, 38), [(LONG[28], True)]),
        (lambda place, day: day.weekday() > 4 or place in range(63, 70), [(LONG[63], True)]),
    ],
    ids=[
        "rests on Sundays",
        "rests on every second Sunday",
        "rests on every second Sunday, then on all",
        "one day, lately",
        "two days in a row",
        "the last day",
        "two holidays where Sundays are free",
        "three days in a row where Sundays are free",
        "Wednesdays from some day on",
        "a fifth of all days",
        "a Sunday of duty, the second",
        "two Sundays of duty",
        "only the first Sunday",
        "two weeks of holidays, Saturdays and Sundays free",
        "a week and a half",
        "the last week",
    ],
)
def test_rests_and_holidays_are_told_from_what_was_not_loaded(
    model: Model, gone: Callable[[int, date], bool], found: list[tuple[date | None, bool]]
) -> None:
    assert judged(model, gone) == found


def test_a_table_that_never_rests_has_no_holidays_once_there_is_a_champion(model: Model) -> None:
    champion = snapshot(dict.fromkeys(LONG[:50], 600))
    assert judged(model, lambda place, day: place == 65, champion) == [(LONG[65], True)]


def test_the_first_of_a_month_may_have_many_rows(model: Model) -> None:
    rows = {day: 3000 if day.day == 1 else 600 for day in LONG}
    assert check_partitions(model, replace(snapshot(rows), spans=(LONG[-2],)), {}, None) == []
    only_once = rows | {day: 600 for day in LONG if day.month == 2}
    (finding,) = check_partitions(model, replace(snapshot(only_once), spans=(LONG[-2],)), {}, None)
    assert finding.sentence == "partition 2026-03-01 has 3,000 rows, those around it 600"


def test_bills_are_sent_on_the_first_working_days(model: Model) -> None:
    """The first of November is a Saturday, so that the third is the first day with a partition."""
    days = [day for number in range(90) if (day := date(2025, 9, 29) + timedelta(days=number)).weekday() < 5]
    first = {min(day for day in days if (day.year, day.month) == month) for month in {(day.year, day.month) for day in days}}
    rows = {day: 4000 if day in first - {days[0]} else 600 for day in days}
    assert check_partitions(model, replace(snapshot(rows), spans=(days[-2],)), {}, None) == []


def test_many_rows_warn_where_they_are_long_ago_in_a_first_run(model: Model) -> None:
    for place, blocks in ((40, False), (len(LONG) - 8, True)):
        rows = dict.fromkeys(LONG, 600) | {LONG[place]: 4000}
        (finding,) = check_partitions(model, replace(snapshot(rows), spans=(LONG[-2],)), {}, None)
        assert (finding.since, finding.blocks) == (LONG[place], blocks)
    champion = snapshot({day: rows for day, rows in usual().items() if day <= DAYS[10]})
    (finding,) = found(model, usual({15: 4000}), champion)
    assert (finding.since, finding.blocks) == (DAYS[15], True)


def test_days_in_a_row_with_few_rows_are_no_holidays(model: Model) -> None:
    rows = {day: 600 for day in LONG if day.weekday() != 6}
    for first, blocks in ((68, False), (64, True)):
        few = {day: 100 if day >= LONG[first] else found for day, found in rows.items()}
        (finding,) = check_partitions(model, replace(snapshot(few), spans=(LONG[-3],)), {}, None)
        assert (finding.since, finding.blocks) == (LONG[first], blocks)


def test_a_sunday_of_duty_in_the_champions_window_makes_no_other_missed(model: Model) -> None:
    champion = snapshot({day: 600 for place, day in enumerate(LONG[:60]) if day.weekday() != 6 or place == 6})
    assert judged(model, lambda place, day: day.weekday() == 6 and place != 6, champion) == []


def test_what_the_champion_lacked_too_is_not_missed_again(model: Model) -> None:
    champion = snapshot({day: rows for day, rows in without(9).items() if day <= DAYS[20]})
    assert found(model, without(9), champion) == []
    assert found(model, without(9, 24), champion)[0].since == DAYS[24]


@pytest.mark.parametrize("rows", [150, 2000])
def test_much_smaller_and_much_larger_partitions_are_told(model: Model, rows: int) -> None:
    (finding,) = found(model, usual({15: rows}))
    assert finding.sentence == f"partition 2026-01-20 has {rows:,} rows, those around it 600"
    assert (finding.check, finding.since, finding.threshold) == (DataCheck.ROWS, DAYS[15], 3.0)


def test_the_last_partition_may_be_the_one_that_is_not_whole(model: Model) -> None:
    assert [finding.since for finding in found(model, usual({27: 60}))] == [DAYS[27]]


def test_a_weekday_is_held_against_its_own(model: Model) -> None:
    quiet = {day: 100 if day.weekday() == 6 else 600 for day in DAYS}
    assert found(model, quiet) == []
    assert [finding.since for finding in found(model, quiet | {DAYS[13]: 20})] == [DAYS[13]]


def test_a_shop_that_grows_is_well(model: Model) -> None:
    assert found(model, {day: round(30 * 1.15**place) for place, day in enumerate(DAYS)}) == []


def test_few_rows_say_nothing(model: Model) -> None:
    assert found(model, {day: 1 + place % 15 for place, day in enumerate(DAYS)}) == []
    (partition,) = (Partition(DAYS[-1], 5, "0"),)
    assert check_partitions(model, replace(snapshot(usual()), partitions=(partition,)), {}, None) == []


def test_a_partition_that_was_let_through_is_not_told_again(model: Model) -> None:
    assert found(model, usual({15: 60}), known=(DAYS[15],)) == []


def profiles(columns: Columns) -> dict[date, dict[str, ColumnProfile]]:
    return {DAYS[3]: profile_batch(pa.RecordBatch.from_pydict(columns))}


def test_rows_that_were_loaded_twice_are_told(model: Model) -> None:
    rows: Columns = {"amount": [1.1**place for place in range(40)], "kind": ["a", "b"] * 20}
    assert check_partitions(model, snapshot(usual()), profiles(rows), None) == []
    twice = {name: values * 2 for name, values in rows.items()}
    (finding,) = check_partitions(model, snapshot(usual()), profiles(twice), None)
    assert finding.sentence == "partition 2026-01-08 has every row 2 times"


def test_two_rows_for_each_event_are_no_doubling(model: Model) -> None:
    rows: Columns = {"amount": [1.1**place for place in range(40)] * 2}
    table = next(iter(profiles(rows).values()))
    assert check_partitions(model, snapshot(usual()), dict.fromkeys(DAYS, table), None) == []
    twice = next(iter(profiles({"amount": rows["amount"] * 2}).values()))
    (finding,) = check_partitions(model, snapshot(usual()), dict.fromkeys(DAYS, table) | {DAYS[5]: twice}, None)
    assert finding.sentence == "partition 2026-01-10 has every row 2 times"


def test_even_counts_of_few_values_are_chance(model: Model) -> None:
    assert check_partitions(model, snapshot(usual()), profiles({"kind": ["a", "b"] * 200, "name": ["x", "y"] * 200}), None) == []


def test_one_column_that_is_not_doubled_says_that_rows_are_not(model: Model) -> None:
    rows: Columns = {"amount": [1.1**place for place in range(40)] * 2, "kind": ["a"] * 41 + ["b"] * 39}
    assert check_partitions(model, snapshot(usual()), profiles(rows), None) == []


@pytest.mark.parametrize(
    ("now", "check", "sentence", "blocks"),
    [
        ((), DataCheck.MISSING_COLUMN, f"column amount of {TABLE} is gone", True),
        ((("amount", "STRING"),), DataCheck.TYPE, f"column amount of {TABLE} is STRING, it was FLOAT", True),
        ((("amount", "NUMERIC"),), DataCheck.TYPE, f"column amount of {TABLE} is NUMERIC, it was FLOAT", False),
        ((("amount", "FLOAT"), ("other", "STRING")), None, "", False),
    ],
)
def test_columns_are_held_against_the_champions(
    model: Model, now: tuple[tuple[str, str], ...], check: DataCheck | None, sentence: str, blocks: bool
) -> None:
    findings = check_partitions(model, snapshot(usual(), columns=now), {}, snapshot(usual()))
    assert [(f.check, f.sentence, f.blocks) for f in findings] == ([(check, sentence, blocks)] if check else [])


def test_a_column_that_source_sql_does_not_read_may_go(model: Model) -> None:
    champion = snapshot(usual(), columns=(("amount", "FLOAT"), ("unread", "STRING")))
    assert found(model, usual(), champion) == []


def test_partitions_that_were_rewritten_are_counted(model: Model) -> None:
    (finding,) = found(model, usual({4: 590, 7: 605}), snapshot(usual()))
    assert (
        finding.sentence == "partition 2026-01-09 was rewritten since the champion's data were pinned (600 rows then, 590 now, and 1 more)"
    )
    assert (finding.check, finding.days, finding.blocks) == (DataCheck.LATE, 2, False)


def test_the_settings_are_read_as_they_are_written(tmp_path: Path) -> None:
    section = 'closed = ["Sunday", 2026-12-25]\ncover = { at = [8, 9], country = ["DE"] }\nsegments = ["country"]'
    write_model(tmp_path, toml={"latency_milliseconds = 50": f"latency_milliseconds = 50\n\n[checks]\n{section}"})
    checks = read_model(tmp_path, "visits").checks
    assert (checks.closed, checks.cover, checks.segments) == (
        ("Sunday", date(2026, 12, 25)),
        {"at": (8, 9), "country": ("DE",)},
        ("country",),
    )


def test_a_table_with_a_partition_a_month_misses_no_days(model: Model) -> None:
    months = {date(2024 + month // 12, month % 12 + 1, 1): 600 for month in range(30)}
    assert found(model, months) == []
    daily = snapshot(dict.fromkeys(LONG, 600))
    once = {day: 600 for place, day in enumerate(LONG) if place % 8 == 0}
    assert found(model, once, daily)[0].check == DataCheck.MISSING_PARTITION
