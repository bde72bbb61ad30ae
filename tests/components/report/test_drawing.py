"""Charts are held against Vega-Lite's schema, but for where a report is written."""

from typing import Any

import altair as alt
import pytest
from altair.utils.schemapi import SchemaValidationError

from components.report.drawing import draw, table, unchecked


def chart(size: Any) -> alt.Chart:
    drawn: alt.Chart = alt.Chart(table([{"x": 1}])).mark_point(size=size).encode(x="x:Q")
    return drawn


def test_a_chart_that_is_none_is_refused() -> None:
    with pytest.raises(SchemaValidationError):
        draw(chart("large"))


def test_a_chart_is_the_same_where_it_is_not_checked() -> None:
    checked = draw(chart(30))
    with unchecked():
        assert draw(chart(30)) == checked
        chart("large").to_dict(validate=False)
    with pytest.raises(SchemaValidationError):
        chart("large")
