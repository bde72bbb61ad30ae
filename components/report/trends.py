"""Charts of what happens over time: a value a day with its band, and what was done meanwhile, all on the same axis of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import altair as alt
from markupsafe import Markup

from components.report.charts import DAY_MILLISECONDS, TIME_MARKS, day_milliseconds, time_format
from components.report.drawing import Row, draw, table
from components.report.palette import BAD, CARD_FILL, DATA, GUIDE, MUTED, SOFT

WIDTH, HEIGHT = 1000, 190
SMALL_WIDTH, SMALL_HEIGHT = 340, 150

RULES = ((False, False, MUTED, [4, 4], 1.0), (True, True, BAD, [2, 3], 0.5), (True, False, BAD, [1, 0], 1.0))
"""Of deployments, of alarms that are closed and of those that are not: ink, dashes and opacity."""


@dataclass(frozen=True)
class TrendPoint:
    """The value of a day, finite, with the ends of its interval where they are known."""

    day: date
    value: float
    low: float | None = None
    high: float | None = None
    is_final: bool = True
    """Whether it will not change: an open dot stands for one that may."""


@dataclass(frozen=True)
class TimeMark:
    """Something that happened on a day."""

    day: date
    is_bad: bool
    """An alarm, in red; else something that was done, such as a deployment."""
    is_over: bool = False
    """An alarm that is closed is pale."""


def trend(
    points: Sequence[TrendPoint],
    marks: Sequence[TimeMark],
    days: tuple[date, date],
    *,
    pattern: str = ".2f",
    small: bool = False,
    goal: float | None = None,
) -> Markup:
    """Draw a value by day.

    Args:
        points: at least one, ascending.
        marks: what happened; those outside the days are left out.
        days: the first and the last day of the axis.
        pattern: how Vega writes the values.
        small: whether several stand side by side.
        goal: what the value should be, a dashed line across.
    """
    x, (width, height) = _axis("day", days), (SMALL_WIDTH, SMALL_HEIGHT) if small else (WIDTH, HEIGHT)
    step = width / ((days[1] - days[0]).days + 1)
    value = alt.Y("value:Q", axis=alt.Axis(title=None, tickCount=4, format=pattern), scale=alt.Scale(zero=False, nice=True))
    rows: list[Row] = [
        {"day": day_milliseconds(one.day), "value": one.value, "low": one.low, "high": one.high, "final": one.is_final} for one in points
    ]
    bounded = [row for row in rows if row["low"] is not None and row["high"] is not None]
    bars = alt.Chart(table(bounded)).mark_rule(color=SOFT.light, strokeWidth=min(7.0, max(1.0, 0.6 * step)), strokeCap="round")
    line = alt.Chart(table(rows)).mark_line(color=DATA.light, strokeWidth=2)
    fill = alt.Color("final:N", legend=None, scale=alt.Scale(domain=[True, False], range=[DATA.light, CARD_FILL.light]))
    dots = alt.Chart(table(rows)).mark_point(
        size=min(42.0, max(4.0, (0.9 * step) ** 2)), stroke=DATA.light, strokeWidth=1.5, filled=True, opacity=1
    )
    layers = [
        *_goal(goal, value),
        *_rules(marks, days, x),
        *([bars.encode(x=x, y=alt.Y("low:Q", scale=alt.Scale(zero=False)), y2="high:Q")] if bounded else []),
        line.encode(x=x, y=value),
        dots.encode(x=x, y=value, fill=fill),
    ]
    return draw(alt.layer(*layers), width, height)


def volume(counts: Sequence[tuple[date, float]], marks: Sequence[TimeMark], days: tuple[date, date]) -> Markup:
    """Draw a bar for each day on the same axis of time."""
    half = 0.4 * DAY_MILLISECONDS
    rows: list[Row] = [{"day": day_milliseconds(day) - half, "to": day_milliseconds(day) + half, "rows": count} for day, count in counts]
    x, y = _axis("day", days), alt.Y("rows:Q", axis=alt.Axis(title=None, tickCount=4, format=",d"))
    bars = alt.Chart(table(rows)).mark_rect(color=SOFT.light).encode(x=x, x2="to", y=y, y2=alt.datum(0))
    return draw(alt.layer(bars, *_rules(marks, days, x)), width=WIDTH, height=120)


def _axis(field: str, days: tuple[date, date]) -> alt.X:
    first, last = (day_milliseconds(day) for day in days)
    scale = alt.Scale(type="utc", domain=[first - DAY_MILLISECONDS / 2, last + DAY_MILLISECONDS / 2], nice=False)
    step = max(1, round((last - first) / DAY_MILLISECONDS / TIME_MARKS))
    marks = [first + place * DAY_MILLISECONDS for place in range(0, round((last - first) / DAY_MILLISECONDS) + 1, step)]
    return alt.X(f"{field}:T", scale=scale, axis=alt.Axis(title=None, grid=False, values=marks, format=time_format(first, last)))


def _goal(goal: float | None, value: alt.Y) -> list[alt.Chart]:
    if goal is None:
        return []
    return [alt.Chart(table([{"value": goal}])).mark_rule(color=GUIDE.light, strokeDash=[4, 3]).encode(y=value)]


def _rules(marks: Sequence[TimeMark], days: tuple[date, date], x: alt.X) -> list[alt.Chart]:
    layers = []
    for is_bad, is_over, ink, dash, opacity in RULES:
        chosen = [one.day for one in marks if (one.is_bad, one.is_over) == (is_bad, is_over) and days[0] <= one.day <= days[1]]
        if chosen:
            times: list[Row] = [{"day": day_milliseconds(day)} for day in chosen]
            rule = alt.Chart(table(times)).mark_rule(color=ink.light, strokeWidth=1.25, strokeDash=dash, opacity=opacity)
            layers.append(rule.encode(x=x))
    return layers
