"""Charts of several classes: each class has its colour, and each cell of the matrix its rows and share."""

import re
from datetime import date, timedelta

import pytest
from markupsafe import Markup

from components.report import class_charts
from components.report.content import RocPoint, SpanRows
from components.report.palette import CARD, DATA, GOOD, INK, SECOND

CLASSES = ("newcomer", "occasional", "regular")
SPANS = [
    SpanRows(date(2026, 2, 1) + timedelta(weeks=week), 100, None, dict(zip(CLASSES, (0.5, 0.3, 0.2), strict=True))) for week in range(4)
]
COUNTS = ((4433.0, 127.0, 0.0), (1240.0, 3973.0, 244.0), (0.0, 0.0, 0.0))


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def strokes(svg: str) -> list[str]:
    """The colours of lines, in their order."""
    groups = re.findall(r'<g class="mark-line role-mark[^>]*>(.*?)</g>', svg)
    return [colour for group in groups for colour in re.findall(r'stroke="(#\w+)"', group)]


def test_each_class_has_a_line_of_its_colour() -> None:
    svg = class_charts.class_shares(SPANS, CLASSES)
    assert set(strokes(svg)) == {DATA.light, SECOND.light, GOOD.light}
    assert "40%" in texts(svg)


def test_a_cell_has_rows_and_their_share_of_the_actual_class() -> None:
    found = texts(class_charts.confusion(COUNTS, CLASSES))
    assert {"97.2%", "4,433", "2.8%", "127", "0%", "22.7%", "1,240", "actual", "predicted", *CLASSES} <= set(found)


def test_a_class_without_rows_has_no_shares() -> None:
    assert texts(class_charts.confusion(COUNTS, CLASSES)).count("–") == 3


def test_a_dark_cell_is_written_in_the_colour_of_the_card() -> None:
    svg = class_charts.confusion(COUNTS, CLASSES)
    written = dict(re.findall(r'fill="(#\w+)"[^>]*>(97\.2%|2\.8%)<', svg))
    assert written == {CARD.light: "97.2%", INK.light: "2.8%"}


def test_many_classes_have_shares_only() -> None:
    names = [f"class_{number}" for number in range(20)]
    svg = class_charts.confusion([[20.0 if row == column else 1.0 for column in range(20)] for row in range(20)], names)
    assert "51.3%" in texts(svg)
    assert "20" not in texts(svg)
    assert len(class_charts.inks(names)) == len(class_charts.INKS)


def test_curves_run_from_corner_to_corner() -> None:
    curves = {name: [RocPoint(0.2, 0.6 + 0.1 * place, 0.5, name)] for place, name in enumerate(CLASSES)}
    assert set(strokes(class_charts.class_rocs(curves, CLASSES))) >= {DATA.light, SECOND.light, GOOD.light}


@pytest.mark.parametrize("name", ["a\x00\u202e", "<script>alert(1)</script>", "x" * 64])
def test_no_name_can_break_a_chart(name: str) -> None:
    drawn: list[Markup] = [
        class_charts.confusion(((1.0, 2.0), (3.0, 4.0)), (name, "b")),
        class_charts.class_shares([SpanRows(date(2026, 2, 1), 3, None, {name: 0.4, "b": 0.6})], (name, "b")),
    ]
    assert all("<script" not in svg and "\x00" not in svg for svg in drawn)
