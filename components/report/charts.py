"""Charts of plain values. Each takes finite numbers and gives SVG; the page says in words what it shows."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise

import altair as alt
from markupsafe import Markup

from components.report.drawing import Row, draw, table
from components.report.palette import BAD, DATA, GOOD, MUTED, SECOND, SOFT, WARNING, Ink
from components.wording import legible

DAY_MILLISECONDS = 86_400_000
"""Vega's unit of time is the millisecond."""
MONTHS_FROM_DAYS = 300
"""An axis of time that is longer than this is labelled by month."""
TIME_MARKS = 5
INKS = (DATA, SECOND, GOOD, BAD, WARNING, MUTED)
"""The colours of named lines; more lines than these, nobody can tell apart."""


def inks(names: Sequence[str]) -> dict[str, Ink]:
    """The names whose lines are drawn, each with its colour."""
    return dict(zip(names, INKS, strict=False))


def name_colours(names: Sequence[str]) -> alt.Color:
    """The colour of each line by the field `name` of its rows. Names are spelled as `drawing.table` spells them."""
    shown = {legible(name): ink for name, ink in inks(names).items()}
    return alt.Color("name:N", legend=None, scale=alt.Scale(domain=[*shown], range=[ink.light for ink in shown.values()]))


def axis(title: str | None = None, *, ticks: int = 5, pattern: str = "", grid: bool = True) -> alt.Axis:
    """An axis. One without a title says what it measures in the figure's caption."""
    return alt.Axis(title=title, tickCount=ticks, format=pattern, grid=grid)


def bars_by_day(values: Sequence[tuple[date, int]]) -> Markup:
    """Draw a bar for each day on an axis of time, so that a day without a value leaves a gap."""
    days = [day for day, _ in values]
    half = 0.4 * _step(days)
    rows: list[Row] = [{"from": day_milliseconds(day) - half, "to": day_milliseconds(day) + half, "rows": value} for day, value in values]
    x, y = _time_axis("from", days), alt.Y("rows:Q", axis=axis(ticks=4, pattern=",d"))
    return draw(alt.Chart(table(rows)).mark_rect(color=DATA.light).encode(x=x, x2="to", y=y, y2=alt.datum(0)))


def share_by_day(values: Sequence[tuple[date, float | None]]) -> Markup:
    """Draw one line of shares, with a dot at each day."""
    rows: list[Row] = [{"day": day_milliseconds(day), "name": "", "rate": share} for day, share in values]
    return _lines(rows, [day for day, _ in values], alt.ColorValue(DATA.light))


def numbers_by_day(values: Sequence[tuple[date, float]]) -> Markup:
    """Draw one line of numbers, with a dot at each day."""
    rows: list[Row] = [{"day": day_milliseconds(day), "name": "", "rate": value} for day, value in values]
    return _lines(rows, [day for day, _ in values], alt.ColorValue(DATA.light), pattern="~s")


def shares_by_day(values: Sequence[tuple[date, Mapping[str, float]]], names: Sequence[str]) -> Markup:
    """Draw a line of shares for each of the first names, in its ink."""
    rows: list[Row] = [
        {"day": day_milliseconds(day), "name": name, "rate": shares[name]}
        for day, shares in values
        for name in inks(names)
        if name in shares
    ]
    return _lines(rows, [day for day, _ in values], name_colours(names))


def _lines(rows: Sequence[Row], days: Sequence[date], colour: alt.Color | alt.ColorValue, *, pattern: str = "~%") -> Markup:
    line = alt.Chart(table(rows)).mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=28))
    rate = alt.Y("rate:Q", axis=axis(ticks=4, pattern=pattern), scale=alt.Scale(zero=True))
    return draw(line.encode(x=_time_axis("day", days), y=rate, color=colour))


def histogram(train: Sequence[float], evaluation: Sequence[float]) -> Markup:
    """Draw shares in equal bins: bars for the train split, and an outline of the eval split over them."""
    bars: list[Row] = [{"from": index, "to": index + 0.92, "share": share} for index, share in enumerate(train)]
    steps: list[Row] = [{"from": index, "share": share} for index, share in enumerate([*evaluation, *evaluation[-1:]])]
    x = alt.X("from:Q", axis=None, scale=alt.Scale(domain=[0, len(train)]))
    y = alt.Y("share:Q", axis=None, scale=alt.Scale(domain=[0, max((*train, *evaluation))]))
    filled = alt.Chart(table(bars)).mark_rect(color=SOFT.light).encode(x=x, x2="to", y=y, y2=alt.datum(0))
    outline = alt.Chart(table(steps)).mark_line(color=SECOND.light, strokeWidth=1.25, interpolate="step-after")
    return draw(alt.layer(filled, outline.encode(x=x, y=y)), width=168, height=40)


def time_format(first: float, last: float) -> str:
    """How an axis from `first` to `last`, in milliseconds, writes its days."""
    return "%b %Y" if last - first > MONTHS_FROM_DAYS * DAY_MILLISECONDS else "%-d %b"


def day_milliseconds(day: date) -> float:
    """The beginning of a day of UTC, whatever the machine's zone, as Vega counts time."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000


def _time_axis(field: str, days: Sequence[date]) -> alt.X:
    """An axis with a mark at some of the days."""
    times = sorted({day_milliseconds(day) for day in days})
    margin = 0.5 * _step(days)
    scale = alt.Scale(type="utc", domain=[times[0] - margin, times[-1] + margin], nice=False)
    marks = times[:: math.ceil(len(times) / TIME_MARKS)]
    return alt.X(f"{field}:T", scale=scale, axis=alt.Axis(title=None, grid=False, values=marks, format=time_format(times[0], times[-1])))


def _step(days: Sequence[date]) -> float:
    """The time from one day to the next, where they are closest."""
    times = sorted({day_milliseconds(day) for day in days})
    return min((after - before for before, after in pairwise(times)), default=DAY_MILLISECONDS)
