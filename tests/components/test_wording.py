"""Text and numbers as a person reads them."""

import math
from datetime import UTC, datetime

import pytest

from components.wording import count, duration, label, legible, moment, number, percent, score


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zürich 漢字 🎉", "Zürich 漢字 🎉"),
        ("two\nlines", "two\nlines"),
        ("bell\x07 and nul\x00", "bell\\x07 and nul\\x00"),
        ("right-to-left \u202eoverride", "right-to-left \\u202eoverride"),
        ("half a \ud800 pair", "half a \\ud800 pair"),
        ("not a character \ufffe", "not a character \\ufffe"),
    ],
)
def test_a_text_spells_out_what_cannot_be_shown(text: str, shown: str) -> None:
    assert legible(text) == shown


def test_a_long_text_says_how_much_of_it_is_missing() -> None:
    assert legible("x" * 10_000) == "x" * 1000 + "… (9,000 more characters)"


def test_a_label_is_cut_without_a_word_about_it() -> None:
    assert label("country: Switzerland") == "country: Switzerland"
    assert label("x" * 41) == "x" * 39 + "…"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0.0, "0"),
        (0.123456, "0.1235"),
        (-2.5, "−2.5"),
        (12345.6, "12,346"),
        (1.2e-7, "1.2e-07"),
        (4e20, "4e+20"),
        (math.nan, "NaN"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_a_number_keeps_four_digits_that_matter(value: float | None, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0.8, "0.8000"), (-0.25, "−0.2500"), (0.00012, "0.00012"), (42.125, "42.12"), (math.nan, "NaN"), (None, "–")]
)
def test_a_score_has_four_decimals_unless_they_would_say_nothing(value: float | None, shown: str) -> None:
    assert score(value) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.0, "0%"), (1.0, "100%"), (0.1234, "12.3%"), (0.0002, "< 0.1%"), (0.9999, "> 99.9%"), (None, "–"), (math.nan, "NaN")],
)
def test_a_percentage_is_0_or_100_only_if_it_is_exactly_that(share: float | None, shown: str) -> None:
    assert percent(share) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.04, "0.0 s"), (14.24, "14.2 s"), (59.96, "1 min 00 s"), (185, "3 min 05 s"), (3720, "1 h 02 min"), (math.nan, "–")],
)
def test_a_duration_has_the_units_of_its_size(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_count_has_separators_and_a_moment_its_zone() -> None:
    assert count(1234567) == "1,234,567"
    assert moment(datetime(1998, 1, 4, 6, 0, tzinfo=UTC)) == "4 January 1998, 06:00 UTC"
