"""Two windows side by side: the first difference is the likely culprit, and what chance explains is none."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from components.comparison.changes import ColumnChange
from components.comparison.compare import DataComparison, Difference, Side, Subject, compare_profiles
from components.comparison.sentences import culprit, sentence
from components.model.column_lineage import Lineage
from tests.components.profiles.profiled import LINEAGE, ROWS, Change, Column, day, rows, since, window


def compare(before: Side, after: Side) -> DataComparison:
    return compare_profiles(before, after, LINEAGE, partition_field="day")


def changed(change: Change | None, *, features: Change | None = None) -> DataComparison:
    """Three weeks, and the same with a later week in which something changed."""
    return compare(window("before", 0, 20), window("after", 7, 27, change, features=features))


def only(comparison: DataComparison) -> Difference:
    (difference,) = comparison.differences
    return difference


def amounts(number: int) -> np.ndarray:
    return np.asarray(rows(number)["amount"])


def with_text(number: int, every: int, text: str = "n/a") -> pa.Array:
    return pa.array([text if place % every == 0 else str(value) for place, value in enumerate(amounts(number))])


def test_windows_that_differ_by_chance_alone_have_no_difference() -> None:
    comparison = changed(None)
    assert comparison.differences == ()
    assert not comparison.is_same
    assert culprit(comparison) == "The data differ in no more than chance explains."
    assert all(column.cells is not None for column in comparison.source)


def test_the_same_window_is_the_same() -> None:
    comparison = compare(window("before", 0, 20), window("after", 0, 20))
    assert comparison.is_same
    assert culprit(comparison) == "The data are the same: every partition and every row of source.sql."


def test_windows_tell_what_was_added_what_vanished_and_what_was_rewritten() -> None:
    change = since(25, lambda n: {"pages": [0] * ROWS})
    comparison = compare(window("before", 0, 26), window("after", 7, 28, change))
    assert comparison.partitions.vanished == tuple(day(n) for n in range(7))
    assert comparison.partitions.added == (day(27), day(28))
    assert comparison.partitions.rewritten == (day(25), day(26))
    assert len(comparison.partitions.same) == 18
    assert comparison.rows.partitions[day(0)] == (ROWS, None)
    assert comparison.rows.partitions[day(28)] == (None, ROWS)


def test_text_in_a_column_of_numbers_is_the_culprit_and_is_shown() -> None:
    comparison = changed(since(25, lambda n: {"amount": with_text(n, 8)}))
    top = comparison.differences[0]
    assert top.column is not None
    assert (top.subject, top.name, top.fed) == (Subject.SOURCE, "amount", ("spend", "largest"))
    assert set(top.column.kinds) >= {ColumnChange.TYPE, ColumnChange.TEXT}
    assert top.column.since == day(25)
    assert culprit(comparison).startswith("Likely culprit: column amount: was FLOAT and is STRING; ")
    assert "% of its values are text that is no number (0% were), such as 'n/a'" in culprit(comparison)
    assert culprit(comparison).endswith("; it feeds spend, largest")


def test_text_counts_more_than_a_shift_of_the_same_size() -> None:
    def columns(number: int) -> dict[str, Column | None]:
        pages = np.asarray(rows(number)["pages"])
        return {"amount": with_text(number, 10), "pages": np.where(np.arange(ROWS) % 5 == 0, pages + 40, pages)}

    names = [difference.name for difference in changed(since(21, columns)).differences]
    assert names == ["amount", "pages"]


def test_text_in_a_column_of_text_that_holds_numbers_is_found_without_a_change_of_type() -> None:
    def as_text(number: int) -> dict[str, Column | None]:
        return {"amount": with_text(number, 10**9 if number < 26 else 4, "1,50")}

    comparison = compare(window("before", 0, 20, as_text), window("after", 7, 27, as_text))
    top = comparison.differences[0]
    assert top.column is not None
    assert next(iter(top.column.kinds)) == ColumnChange.TEXT
    assert top.column.since == day(26)
    assert "such as '1,50', since 2026-03-28" in sentence(top)


def test_only_days_that_differ_are_compared_so_that_a_long_window_does_not_thin_a_fault() -> None:
    change = since(199, lambda n: {"pages": pa.nulls(ROWS, pa.int64())})
    top = compare(window("before", 0, 198), window("after", 0, 199, change)).differences[0]
    assert top.column is not None
    assert top.column.after is not None
    assert top.column.after.rows == ROWS
    assert top.column.share == pytest.approx(1.0)
    assert top.column.whole_after is not None
    assert top.column.whole_after.rows == 200 * ROWS
    assert "all values are NULL (0% were), since " in sentence(top)


def test_a_column_that_a_rewritten_partition_left_alone_is_not_compared() -> None:
    comparison = compare(window("before", 0, 20), window("after", 0, 20, since(20, lambda n: {"pages": [9] * ROWS})))
    found = {column.name: column.cells for column in comparison.source}
    assert found["amount"] is None
    assert found["pages"] is not None
    assert only(comparison).name == "pages"


def test_a_dead_feature_says_so_whether_it_is_null_or_always_the_same() -> None:
    comparison = changed(since(21, lambda n: {"pages": [0] * ROWS}))
    assert sentence(only(comparison)) == "column pages: all values are 0 (1.6% were), since 2026-03-23; it feeds visits"
    assert only(comparison).column.is_fault  # type: ignore[union-attr]


def test_a_feature_that_its_source_explains_is_no_culprit_of_its_own() -> None:
    zeros: Change = lambda n: {"spend": [0.0] * ROWS, "largest": [0.0] * ROWS}  # noqa: E731
    comparison = changed(since(21, lambda n: {"amount": [0.0] * ROWS}), features=since(21, zeros))
    difference = only(comparison)
    assert (difference.name, difference.consequences) == ("amount", ("spend", "largest"))


def test_a_feature_without_a_cause_in_the_source_stands_for_itself() -> None:
    comparison = changed(None, features=since(21, lambda n: {"visits": np.asarray(rows(n)["pages"]) + 30}))
    difference = only(comparison)
    assert (difference.subject, difference.name) == (Subject.FEATURE, "visits")
    assert difference.score == pytest.approx(0.25, abs=0.01)


def test_a_column_that_feeds_nothing_comes_last() -> None:
    extra: Change = lambda n: {"unused": [n % 3] * ROWS, "device": ["desk"] * ROWS}  # noqa: E731
    names = [difference.name for difference in changed(since(21, extra)).differences]
    assert names == ["device", "unused"]
    assert changed(since(21, extra)).differences[-1].score == 0.0


def test_a_column_that_is_gone_and_a_new_one_are_faults() -> None:
    found = {one.name: sentence(one) for one in compare(window("a", 0, 9), window("b", 10, 19, lambda n: {"device": None})).differences}
    assert found == {"device": "column device: is gone; it feeds channel"}


def test_added_and_vanished_values_are_named() -> None:
    renamed: Change = lambda n: {"device": ["PHONE" if d == "phone" else str(d) for d in list(rows(n)["device"] or [])]}  # noqa: E731
    said = sentence(only(changed(since(21, renamed))))
    assert "of its values differ: new 'PHONE', gone 'phone'" in said


def test_another_unit_is_guessed() -> None:
    said = sentence(only(changed(since(21, lambda n: {"amount": amounts(n) * 100}))))
    assert "(the median is 100 times larger: another unit?)" in said


def test_keys_are_new_by_nature_only_their_nulls_are_told_and_they_never_lead() -> None:
    other = changed(since(21, lambda n: {"customer": np.arange(ROWS) + 10**12}))
    assert other.differences == ()
    missing = changed(since(21, lambda n: {"customer": pa.array([None] * (ROWS // 2) + list(range(ROWS // 2)), pa.int64())}))
    assert sentence(only(missing)).startswith("column customer: 50.0% of its values are NULL (0% were)")
    assert culprit(missing) == "The data differ in no more than chance explains."


def test_an_ignored_column_and_one_that_only_counts_up_never_lead() -> None:
    def columns(number: int) -> dict[str, Column | None]:
        pages = np.asarray(rows(number)["pages"])
        return {"order": np.arange(ROWS) + ROWS * number, "batch": [f"b{number:05}"] * ROWS, "pages": pages + (40 if number > 20 else 0)}

    one, other = window("before", 0, 20, columns), window("after", 7, 27, columns)
    found = compare(one, other)
    assert [(difference.name, difference.leads) for difference in found.differences] == [
        ("pages", True),
        ("order", False),
        ("batch", False),
    ]
    ignored = compare_profiles(one, other, LINEAGE, partition_field="day", ignored=["pages"])
    assert not any(difference.leads for difference in ignored.differences)
    assert culprit(ignored) == "The data differ in no more than chance explains."


def test_another_unit_is_a_break_and_a_wider_spread_is_none() -> None:
    top = changed(since(21, lambda n: {"amount": amounts(n) * 100})).differences[0]
    assert top.column is not None
    assert top.column.is_fault
    assert (top.name, top.column.unit, ColumnChange.UNIT in top.column.kinds) == ("amount", 100.0, True)
    assert "(the median is 100 times larger: another unit?)" in sentence(top)
    miles = changed(since(21, lambda n: {"amount": amounts(n) * 1609.344})).differences[0]
    assert miles.column is not None
    assert (miles.column.unit, miles.column.is_fault) == (1609.3, True)
    wider = changed(since(21, lambda n: {"amount": np.where(np.arange(ROWS) % 3 == 0, amounts(n), amounts(n) * 100)})).differences[0]
    assert wider.column is not None
    assert ColumnChange.UNIT not in wider.column.kinds


@pytest.mark.parametrize("columns", [0, 1], ids=["a category", "an hour"])
def test_a_value_that_was_there_every_day_and_is_gone_is_a_break(columns: int) -> None:
    def shop(number: int) -> dict[str, Column | None]:
        places = np.arange(ROWS)
        gone = number > 20
        names = np.array(["north", "south", "west"])[places % (2 if gone else 3)]
        hours = [datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=int(place % (20 if gone else 24))) for place in places]
        return {"region": names.tolist()} if columns == 0 else {"seen_at": pa.array(hours, pa.timestamp("us", "UTC"))}

    found = compare(window("before", 0, 20, shop), window("after", 7, 27, shop))
    top = found.differences[0]
    assert top.column is not None
    assert ColumnChange.VANISHED in top.column.kinds
    assert top.column.gone == (("west",) if columns == 0 else ("20 h", "21 h", "22 h", "23 h"))
    assert top.column.is_fault


def test_a_code_list_that_changed_on_the_last_day_is_a_break_though_most_earlier_days_are_in_both_windows() -> None:
    """They witness what was there, too: of the sixteen that only one window has, chance may take a value from the next day."""
    change = since(44, lambda n: {"device": [str(one).upper() for one in rows(n)["device"] or ()]})
    top = compare(window("before", 0, 27), window("after", 16, 44, change)).differences[0]
    assert top.column is not None
    assert (top.name, top.column.since, ColumnChange.VANISHED in top.column.kinds) == ("device", day(44), True)


def test_a_column_that_died_on_the_last_day_is_told_with_all_that_it_lost() -> None:
    change = since(44, lambda _: {"device": pa.nulls(ROWS, pa.float64())})
    top = compare(window("before", 0, 27), window("after", 16, 44, change)).differences[0]
    assert top.column is not None
    assert (top.name, top.column.since, top.odd) == ("device", day(44), None)
    assert ColumnChange.DEAD in top.column.kinds


def test_a_rare_value_that_is_missing_for_some_days_is_no_break() -> None:
    def shop(number: int) -> dict[str, Column | None]:
        return {"region": ["rare" if place < 40 and number % 5 == 0 and number < 20 else "usual" for place in range(ROWS)]}

    found = compare(window("before", 0, 20, shop), window("after", 21, 23, shop))
    assert [d.name for d in found.differences if d.column and ColumnChange.VANISHED in d.column.kinds] == []


def test_hours_that_stopped_are_named() -> None:
    def at(hours: int) -> Change:
        moments = [datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=place % hours) for place in range(ROWS)]
        return lambda n: {"seen_at": pa.array(moments, pa.timestamp("us", "UTC"))}

    comparison = compare(window("before", 0, 13, at(24)), window("after", 14, 27, at(12)))
    (difference,) = comparison.differences
    assert "none in '12 h', '13 h', '14 h', '15 h', '16 h', '17 h' and 6 more any more" in sentence(difference)
    assert comparison.rows.hour_column == "seen_at"
    assert comparison.rows.hours is not None
    assert comparison.rows.hours[1][12:].sum() == 0


def test_rows_by_weekday_are_of_an_average_partition() -> None:
    comparison = compare(window("before", 0, 20), window("after", 7, 27))
    assert [side.tolist() for side in comparison.rows.weekdays] == [[float(ROWS)] * 7] * 2


def test_partitions_with_half_the_rows_are_a_difference_of_their_own() -> None:
    comparison = changed(since(21, lambda n: rows(n, several=ROWS // 4)))
    difference = only(comparison)
    assert difference.rows is not None
    assert (difference.subject, difference.rows.was, difference.rows.now) == (Subject.ROWS, 400.0, 100.0)
    assert culprit(comparison) == "Likely culprit: partitions have 100 rows, and had 400 (medians)"


def test_rows_are_told_beside_those_of_their_weekday() -> None:
    quiet: Change = lambda n: rows(n, several=ROWS // 4) if n % 7 > 4 else {}  # noqa: E731
    twice: Change = lambda n: rows(n, several=ROWS // 2) if n > 25 else quiet(n)  # noqa: E731
    difference = only(compare(window("before", 0, 25, quiet), window("after", 26, 27, twice)))
    assert difference.rows is not None
    assert (difference.rows.was, difference.rows.now) == (100.0, 200.0)


def test_a_holiday_is_not_the_only_witness_of_its_weekday() -> None:
    holiday: Change = lambda n: rows(n, several=ROWS // 4) if n == 21 else {}  # noqa: E731
    assert compare(window("before", 0, 27, holiday), window("after", 1, 28, holiday)).differences == ()


def test_little_is_no_clear_culprit() -> None:
    slightly = changed(None, features=since(21, lambda n: {"visits": np.asarray(rows(n)["pages"]) + (np.arange(ROWS) % 2 * 2)}))
    assert culprit(slightly).startswith("No clear culprit; what differs most: feature visits: ")


def test_a_side_of_which_nothing_is_known_is_not_compared() -> None:
    comparison = compare(Side(name="log", source={}, rows={}), window("after", 0, 20))
    assert (comparison.source, comparison.features, comparison.differences) == ((), (), ())


def test_values_of_anybody_are_legible_in_the_sentence() -> None:
    hostile = "\x1b[31m\u202e" + "x" * 500
    said = sentence(changed(since(21, lambda n: {"amount": with_text(n, 4, hostile)})).differences[0])
    assert "\\x1b[31m\\u202e" in said
    assert "\x1b" not in said
    assert len(said) < 400


def test_a_query_that_cannot_be_read_feeds_every_feature() -> None:
    unknown = Lineage(("spend", "visits"), is_known=False)
    change = since(21, lambda n: {"amount": amounts(n) * 3})
    comparison = compare_profiles(window("before", 0, 20), window("after", 7, 27, change), unknown)
    assert comparison.differences[0].fed == ("spend", "visits")


def test_distances_are_finite_whatever_a_column_holds() -> None:
    strange: Change = lambda n: {"amount": [math.nan, math.inf, -math.inf, 1e300] * (ROWS // 4), "device": pa.nulls(ROWS, pa.string())}  # noqa: E731
    comparison = changed(since(21, strange))
    for column in comparison.source:
        distances = (column.total_variation, column.jensen_shannon, column.l_infinity, column.population_stability)
        assert all(math.isfinite(distance) for distance in distances)
    found = {one.name: sentence(one) for one in comparison.differences}
    assert "75.0% of its values are NaN or infinite (0% were)" in found["amount"]
    assert "all values are NULL" in found["device"]
