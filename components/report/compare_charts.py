"""The charts of a comparison: what was before in bars, what is after as a line over them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import altair as alt
from markupsafe import Markup

from components.report.drawing import Row, draw, table
from components.report.palette import SECOND, SOFT

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY = 86_400_000
"""Milliseconds: Vega's unit of time."""


def two_shares(before: Sequence[float], after: Sequence[float]) -> Markup:
    """Cells side by side in one small picture."""
    top = max((*before, *after), default=0.0) or 1.0
    x = alt.X("from:Q", axis=None, scale=alt.Scale(domain=[0, max(len(before), 1)]))
    y = alt.Y("share:Q", axis=None, scale=alt.Scale(domain=[0, top]))
    return draw(alt.layer(*_bars_and_line(before, after, x, y)), width=168, height=40)


def by_place(before: Sequence[float], after: Sequence[float], labels: Sequence[str], *, pattern: str) -> Markup:
    """Weekdays or hours, with their names below."""
    every = max(len(labels) // 8, 1)
    names = {place + 0.5: label for place, label in enumerate(labels) if place % every == 0}
    x = alt.X(
        "from:Q",
        scale=alt.Scale(domain=[0, len(labels)], nice=False),
        axis=alt.Axis(title=None, grid=False, values=list(names), labelExpr=_labels(names)),
    )
    y = alt.Y("share:Q", axis=alt.Axis(title=None, tickCount=4, format=pattern))
    return draw(alt.layer(*_bars_and_line(before, after, x, y)))


def _labels(names: dict[float, str]) -> str:
    """An expression of Vega's that names the places; the names are ours."""
    said = "''"
    for place, name in names.items():
        said = f"datum.value == {place} ? '{name}' : {said}"
    return said


def _bars_and_line(before: Sequence[float], after: Sequence[float], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    bars: list[Row] = [{"from": place, "to": place + 0.92, "share": share} for place, share in enumerate(before)]
    steps: list[Row] = [{"from": place, "share": share} for place, share in enumerate([*after, *after[-1:]])]
    drawn = alt.Chart(table(bars)).mark_rect(color=SOFT.light).encode(x=x, x2="to", y=y, y2=alt.datum(0))
    line = alt.Chart(table(steps)).mark_line(color=SECOND.light, strokeWidth=1.5, interpolate="step-after").encode(x=x, y=y)
    return [drawn, line]


def rows_by_day(days: Sequence[tuple[date, int | None, int | None]]) -> Markup:
    """Rows of each partition: bars for the window before, a line for the one after, with gaps where a partition is missing."""
    times = [datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000 for day, _, _ in days]
    pattern = "%b %Y" if times[-1] - times[0] > 300 * DAY else "%-d %b"
    scale = alt.Scale(type="utc", domain=[times[0] - DAY / 2, times[-1] + DAY / 2], nice=False)
    marks = times[:: -(-len(times) // 5)]
    x = alt.X("from:T", scale=scale, axis=alt.Axis(title=None, grid=False, values=marks, format=pattern))
    y = alt.Y("rows:Q", axis=alt.Axis(title=None, tickCount=4, format=",d"))
    pairs = list(zip(times, days, strict=True))
    bars: list[Row] = [{"from": t - 0.46 * DAY, "to": t + 0.46 * DAY, "rows": was} for t, (_, was, _) in pairs if was is not None]
    points: list[Row] = [{"from": t, "rows": now} for t, (_, _, now) in pairs]
    layers = [
        *([alt.Chart(table(bars)).mark_rect(color=SOFT.light).encode(x=x, x2="to", y=y, y2=alt.datum(0))] if bars else []),
        alt.Chart(table(points)).mark_line(color=SECOND.light, strokeWidth=1.5, invalid="break-paths-show-domains").encode(x=x, y=y),
    ]
    return draw(alt.layer(*layers), width=700, height=200)
