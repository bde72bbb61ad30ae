"""How a chart becomes part of the page: one theme, no network, SVG without anything that a page could clash with."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import altair as alt
import vl_convert
from altair.utils import schemapi
from markupsafe import Markup

from components.report.palette import GUIDE, LINE, MUTED
from components.wording import legible

WIDTH = 340
"""In pixels: three charts side by side on a screen, one on a phone, never scaled so much that text gets too small."""

AXIS = {
    "domain": False,
    "gridColor": LINE.light,
    "labelColor": MUTED.light,
    "labelFontSize": 11,
    "labelLimit": 130,
    "labelPadding": 6,
    "tickColor": GUIDE.light,
    "ticks": False,
    "titleColor": MUTED.light,
    "titleFontSize": 11,
    "titleFontWeight": "normal",
    "titlePadding": 8,
}
THEME = {
    "aria": False,
    "axis": AXIS,
    "background": None,
    "font": "sans-serif",
    "view": {"stroke": None},
}

Row = Mapping[str, str | float | bool | None]
Chart = alt.Chart | alt.LayerChart | alt.FacetChart


@contextmanager
def unchecked() -> Iterator[None]:
    """Within the block altair holds no chart against the schema of Vega-Lite: that takes a quarter of a report's time, and tests do it."""
    with schemapi.debug_mode(arg=False):
        yield


def table(rows: Sequence[Row]) -> alt.InlineData:
    """The data of a chart. Text is made showable here, since one control character in a label aborts the process in vl-convert."""
    safe = [{name: legible(value) if isinstance(value, str) else value for name, value in row.items()} for row in rows]
    return alt.InlineData(values=safe)


def draw(chart: Chart, width: int = WIDTH, height: int = 220) -> Markup:
    """The chart as SVG of that size in pixels, axes included. Vega has escaped the text in it.

    It is hidden from screen readers: the element around it is the image, and says in a sentence what is to be seen.
    """
    sized = chart.properties(width=width, height=height, padding=0, autosize=alt.AutoSizeParams(type="fit", contains="padding"))
    svg = vl_convert.vegalite_to_svg(sized.to_dict(validate=schemapi.DEBUG_MODE), config=THEME, allowed_base_urls=[])
    return Markup(svg.replace("<svg ", '<svg aria-hidden="true" ', 1))  # noqa: S704
