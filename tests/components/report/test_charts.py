"""Charts as SVG: every mark and label is there, and nothing in it could reach out of it."""

import re
from datetime import date, timedelta

import pytest

from components.report.before_after import binned_shares, labelled_bins, rows_by_day
from components.report.charts import INKS, bars_by_day, histogram, inks, share_by_day, shares_by_day
from components.report.palette import DATA, GOOD, SECOND
from tests.components.report.svg import assert_fits_a_page, bars, marks, strokes, texts

DAYS = [date(2026, 2, 23) + timedelta(days=day) for day in range(8)]
ROWS = [(day, 100 * (number + 1)) for number, day in enumerate(DAYS)]
SHARES = [(day, 0.1 * number) for number, day in enumerate(DAYS)]
CLASSES = ("newcomer", "occasional", "regular")


def test_values_are_bars_on_an_axis_of_days() -> None:
    svg = bars_by_day(ROWS)
    assert marks(svg, "rect") == 8
    assert texts(svg)[:4] == ["23 Feb", "25 Feb", "27 Feb", "1 Mar"]
    assert "800" in texts(svg)


def test_a_day_that_is_not_there_leaves_a_gap() -> None:
    whole, gap = (bars(bars_by_day(rows)) for rows in (ROWS, [*ROWS[:3], *ROWS[4:]]))
    assert gap == [*whole[:3], *whole[4:]]


def test_shares_are_a_line_in_percent() -> None:
    assert {"0%", "60%"} <= set(texts(share_by_day(SHARES)))


def test_a_single_day_can_be_drawn() -> None:
    assert marks(bars_by_day(ROWS[:1]), "rect") == 1
    assert "23 Feb" in texts(share_by_day(SHARES[:1]))
    assert marks(rows_by_day([(DAYS[0], None, 5)]), "rect") == 0


def test_years_are_labelled_by_month() -> None:
    months = [(date(2020 + month // 12, month % 12 + 1, 1), 1) for month in range(36)]
    assert "Jan 2020" in texts(bars_by_day(months))


def test_each_name_has_a_line_of_its_ink_as_far_as_there_are_inks() -> None:
    svg = shares_by_day([(day, dict(zip(CLASSES, (0.5, 0.3, 0.2), strict=True))) for day in DAYS], CLASSES)
    assert set(strokes(svg)) == {DATA.light, SECOND.light, GOOD.light}
    assert len(inks([f"class {number}" for number in range(20)])) == len(INKS)


def test_a_histogram_has_a_bar_for_each_bin_and_the_outline_of_the_eval_split() -> None:
    svg = histogram((0.5, 0.3, 0.2), (0.2, 0.3, 0.5))
    assert (marks(svg, "rect"), marks(svg, "line"), texts(svg)) == (3, 1, [])


def test_two_sides_are_bars_and_a_line_over_them() -> None:
    for svg in (binned_shares((0.5, 0.5), (0.2, 0.8)), labelled_bins((1, 2), (2, 1), ("Mon", "Tue"), pattern=",d")):
        assert (marks(svg, "rect"), marks(svg, "line")) == (2, 1)
    assert {"Mon", "Tue"} <= set(texts(svg))
    assert marks(rows_by_day([(DAYS[0], 5, 6), (DAYS[1], None, 7), (DAYS[2], 8, None)]), "rect") == 2


@pytest.mark.parametrize(
    "svg",
    [
        bars_by_day(ROWS),
        share_by_day(SHARES),
        shares_by_day([(day, {"a": 0.5}) for day in DAYS], ("a",)),
        histogram((1.0,), (1.0,)),
        binned_shares((1.0,), (0.5,)),
        rows_by_day([(DAYS[0], 5, 6)]),
    ],
    ids=["bars", "share", "shares", "histogram", "binned", "rows"],
)
def test_a_chart_fits_any_page(svg: str) -> None:
    assert_fits_a_page(svg)


@pytest.mark.parametrize("name", ["a\x00\u202e\ud800", "<script>alert(1)</script>", "x" * 64])
def test_no_name_can_break_a_chart(name: str) -> None:
    svg = shares_by_day([(DAYS[0], {name: 0.4, "b": 0.6})], (name, "b"))
    svg.encode("utf-8")
    assert "<script" not in svg
    assert "\x00" not in svg
    assert set(re.findall(f'stroke="({DATA.light}|{SECOND.light})"', svg)) == {DATA.light, SECOND.light}
