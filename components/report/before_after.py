"""Charts of two sides of a comparison: what was before in bars, what is after as a line over them."""

from collections.abc import Sequence
from datetime import date

import altair as alt
from markupsafe import Markup

from components.report.charts import DAY_MILLISECONDS, TIME_MARKS, day_milliseconds, time_format
from components.report.drawing import Row, draw, table
from components.report.palette import SECOND, SOFT

LABELS = 8
"""An axis of named bins has about so many labels."""


def binned_shares(before: Sequence[float], after: Sequence[float]) -> Markup:
    """Draw the shares of the same bins on both sides, in one small picture."""
    top = max((*before, *after), default=0.0) or 1.0
    x = alt.X("from:Q", axis=None, scale=alt.Scale(domain=[0, max(len(before), 1)]))
    y = alt.Y("share:Q", axis=None, scale=alt.Scale(domain=[0, top]))
    return draw(alt.layer(*_bars_and_line(before, after, x, y)), width=168, height=40)


def labelled_bins(before: Sequence[float], after: Sequence[float], labels: Sequence[str], *, pattern: str) -> Markup:
    """Draw bins such as weekdays or hours, with their names below; `pattern` is how Vega writes the values."""
    every = max(len(labels) // LABELS, 1)
    names = {index + 0.5: label for index, label in enumerate(labels) if index % every == 0}
    x = alt.X(
        "from:Q",
        scale=alt.Scale(domain=[0, len(labels)], nice=False),
        axis=alt.Axis(title=None, grid=False, values=list(names), labelExpr=_label_expression(names)),
    )
    y = alt.Y("share:Q", axis=alt.Axis(title=None, tickCount=4, format=pattern))
    return draw(alt.layer(*_bars_and_line(before, after, x, y)))


def _label_expression(names: dict[float, str]) -> str:
    """An expression of Vega's that names the bins; the names are ours, so they need no escaping."""
    expression = "''"
    for value, name in names.items():
        expression = f"datum.value == {value} ? '{name}' : {expression}"
    return expression


def _bars_and_line(before: Sequence[float], after: Sequence[float], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    bars: list[Row] = [{"from": index, "to": index + 0.92, "share": share} for index, share in enumerate(before)]
    steps: list[Row] = [{"from": index, "share": share} for index, share in enumerate([*after, *after[-1:]])]
    filled = alt.Chart(table(bars)).mark_rect(color=SOFT.light).encode(x=x, x2="to", y=y, y2=alt.datum(0))
    line = alt.Chart(table(steps)).mark_line(color=SECOND.light, strokeWidth=1.5, interpolate="step-after").encode(x=x, y=y)
    return [filled, line]


def rows_by_day(days: Sequence[tuple[date, int | None, int | None]]) -> Markup:
    """Draw the rows of each partition before and after; None, where a side lacks the partition, leaves a gap."""
    times = [day_milliseconds(day) for day, _, _ in days]
    scale = alt.Scale(type="utc", domain=[times[0] - DAY_MILLISECONDS / 2, times[-1] + DAY_MILLISECONDS / 2], nice=False)
    marks = times[:: -(-len(times) // TIME_MARKS)]
    x = alt.X("from:T", scale=scale, axis=alt.Axis(title=None, grid=False, values=marks, format=time_format(times[0], times[-1])))
    y = alt.Y("rows:Q", axis=alt.Axis(title=None, tickCount=4, format=",d"))
    half = 0.46 * DAY_MILLISECONDS
    pairs = list(zip(times, days, strict=True))
    bars: list[Row] = [{"from": time - half, "to": time + half, "rows": before} for time, (_, before, _) in pairs if before is not None]
    points: list[Row] = [{"from": time, "rows": after} for time, (_, _, after) in pairs]
    layers = [
        *([alt.Chart(table(bars)).mark_rect(color=SOFT.light).encode(x=x, x2="to", y=y, y2=alt.datum(0))] if bars else []),
        alt.Chart(table(points)).mark_line(color=SECOND.light, strokeWidth=1.5, invalid="break-paths-show-domains").encode(x=x, y=y),
    ]
    return draw(alt.layer(*layers), width=700, height=200)
