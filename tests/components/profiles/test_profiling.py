"""What is counted of each kind of column."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.profiles.profiling import LONGEST_KEPT, _profile_column, profile_batch


def kinds(values: list[Any], kind: pa.DataType | None = None) -> dict[str, int]:
    found = _profile_column(pa.array(values, kind))
    names = ("nulls", "numbers", "texts", "nans", "infinities", "times")
    return {name: getattr(found, name) for name in names if getattr(found, name)}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("12", "numbers"),
        (" -1.5e3 ", "numbers"),
        ("+.5", "numbers"),
        ("7.", "numbers"),
        ("0012", "numbers"),
        ("NaN", "nans"),
        ("-Infinity", "infinities"),
        ("inf", "infinities"),
        ("1,5", "texts"),
        ("1 000", "texts"),
        ("", "texts"),
        (".", "texts"),
        ("0x1f", "texts"),
        ("1_000", "texts"),
        ("١٢", "texts"),
        ("12 kg", "texts"),
        ("true", "texts"),
        ("2026-01-05", "texts"),
        ("nano", "texts"),
    ],
)
def test_a_text_is_a_number_or_not(text: str, kind: str) -> None:
    assert kinds([text]) == {kind: 1}


def test_numbers_of_every_type_are_numbers() -> None:
    assert kinds([1, None, 3]) == {"nulls": 1, "numbers": 2}
    assert kinds([1.5, float("nan"), float("inf"), -float("inf")]) == {"numbers": 1, "nans": 1, "infinities": 2}
    assert kinds([Decimal("1.50"), None], pa.decimal128(38, 9)) == {"nulls": 1, "numbers": 1}
    assert kinds([2**63 - 1]) == {"numbers": 1}


def test_numbers_that_are_text_have_the_same_buckets() -> None:
    numbers, texts = _profile_column(pa.array([1.5, -2.0, 0.0, 1.5])), _profile_column(pa.array(["1.5", "-2.0", "0", "1.50"]))
    assert np.array_equal(numbers.keys, texts.keys)
    assert np.array_equal(numbers.counts, texts.counts)
    assert (texts.low, texts.high, texts.mean) == (-2.0, 1.5, 0.25)
    assert texts.is_numeric


def test_truth_values_are_a_category() -> None:
    assert dict(_profile_column(pa.array([True, False, True])).values) == {"true": 2, "false": 1}


def test_times_have_hours_and_dates_have_weekdays() -> None:
    found = _profile_column(pa.array([datetime(2026, 1, 5, 23, 59, tzinfo=UTC), datetime(2026, 1, 6, 0, 1, tzinfo=UTC), None]))
    assert (found.type, found.times, np.flatnonzero(found.hours).tolist(), found.weekdays.tolist()[:3]) == (
        "TIMESTAMP",
        2,
        [0, 23],
        [1, 1, 0],
    )
    assert _profile_column(pa.array([datetime(2026, 1, 5, 7, tzinfo=UTC)], pa.timestamp("us"))).type == "DATETIME"
    days = _profile_column(pa.array([date(2026, 1, 5), date(2026, 1, 11)]))
    assert (days.type, days.hours.size, days.weekdays.tolist()) == ("DATE", 0, [1, 0, 0, 0, 0, 0, 1])
    assert _profile_column(pa.array([time(1, 2)])).type == "TIME"


WHOLE = ("München", "São Paulo", "Łódź", "Besançon", "日本", "Привет", "Αθήνα", "€", "it’s", "naïve", "😀", "Dvořák", "été")


@pytest.mark.parametrize("text", WHOLE)
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_damaged_text_is_seen(text: str, encoding: str) -> None:
    broken = text.encode().decode(encoding, "ignore")
    assert _profile_column(pa.array([broken])).damaged == 1, broken


def test_a_replaced_character_is_damage() -> None:
    assert _profile_column(pa.array(["caf\ufffd", "naÃ¯ve", "itâ€™s"])).damaged == 3


@pytest.mark.parametrize(
    "text", [*WHOLE, "Ângela", "IRMÃ", "Ã", "“SÃO”", "« été\u00a0»", "»Ä«", "Spaß”", "Ñandú", "ÀÉÎ", "10\u00a0€", "±5°", "½"]
)
def test_whole_text_is_not_taken_for_damaged(text: str) -> None:
    assert _profile_column(pa.array([text])).damaged == 0


def test_a_long_text_is_kept_short_and_its_length_is_known() -> None:
    found = _profile_column(pa.array(["x" * 10_000, "y"]))
    assert found.longest == 10_000
    assert max(map(len, found.values)) == LONGEST_KEPT + 1


def test_of_many_values_the_commonest_are_kept() -> None:
    found = _profile_column(pa.array([f"v{number}" for number in range(5000)] + ["top"] * 9))
    assert next(iter(found.values.items())) == ("top", 9)
    assert sum(found.values.values()) + found.others == 5009


def test_an_empty_column_of_any_type_is_profiled() -> None:
    for kind in (
        pa.string(),
        pa.float64(),
        pa.int64(),
        pa.bool_(),
        pa.date32(),
        pa.timestamp("us", "UTC"),
        pa.decimal128(38, 9),
        pa.binary(),
    ):
        found = _profile_column(pa.array([], kind))
        assert (found.rows, found.filled) == (0, 0)


def test_a_batch_is_profiled_column_by_column() -> None:
    found = profile_batch(pa.RecordBatch.from_pydict({"a": [1, 2], "b": ["x", None]}))
    assert {name: (column.type, column.nulls) for name, column in found.items()} == {"a": ("INTEGER", 0), "b": ("STRING", 1)}
