"""The page of how fast a model's versions age: the loss by age, every version's metric by span, and all numbers."""

import math
from collections.abc import Sequence
from pathlib import Path

import altair as alt
from markupsafe import Markup

from components.report.charts import axis, day_milliseconds, inks, name_colours, time_format
from components.report.drawing import Row, draw, table
from components.report.palette import DATA, GUIDE, SECOND, SOFT
from components.report.templating import render, write_page
from components.staleness.ageing import Ageing
from components.staleness.record import LaterSpans
from components.wording import score

WIDTH, HEIGHT = 1000, 260
TIME_MARKS = 8


def write_staleness_page(ageing: Ageing, spans: LaterSpans, headline: str, path: Path) -> None:
    """Write the page.

    Raises:
        StorageFullError: the disk has no room for it.
    """
    by_version = {
        version: [one for one in ageing.values if one.version == version]
        for version in ageing.versions
        if any(one.version == version for one in ageing.values)
    }
    names = [f"version {number}" for number in sorted(by_version, reverse=True)]
    page = render(
        "staleness/templates/staleness.html",
        ageing=ageing,
        headline=headline,
        notes=spans.notes,
        by_age=_by_age(ageing),
        by_age_words=f"loss of {ageing.metric} by age, {score(ageing.curve[-1].loss)} at {ageing.curve[-1].age_days} days",
        by_span=_by_span(ageing, names),
        by_span_words=f"{ageing.metric} by span, a line for each of {len(names)} versions",
        inks=inks(names),
        by_version=by_version,
    )
    write_page(page, path)


def _by_age(ageing: Ageing) -> Markup:
    """Every version on every span as a dot, the mean loss at each age as a line, and what is reckoned with as a dashed one."""
    x = alt.X("age:Q", axis=axis("age in days", pattern="d"), scale=alt.Scale(zero=True, nice=False, padding=12))
    y = alt.Y("loss:Q", axis=axis(ticks=5, pattern=".3f"), scale=alt.Scale(zero=True, nice=True))
    dots: list[Row] = [{"age": one.age_days, "loss": one.loss} for one in ageing.values]
    means: list[Row] = [{"age": one.age_days, "loss": one.loss} for one in ageing.curve]
    expected: list[Row] = [{"age": one.age_days, "loss": one.expected} for one in ageing.curve]
    none = alt.Chart(table([{"loss": 0.0}])).mark_rule(color=GUIDE.light, strokeDash=[4, 3]).encode(y="loss:Q")
    layers = [
        none,
        alt.Chart(table(dots)).mark_point(filled=True, size=30, color=SOFT.light, opacity=1).encode(x=x, y=y),
        alt.Chart(table(expected)).mark_line(color=SECOND.light, strokeWidth=1.5, strokeDash=[6, 4]).encode(x=x, y=y),
        alt.Chart(table(means)).mark_line(color=DATA.light, strokeWidth=2, point=alt.OverlayMarkDef(size=36)).encode(x=x, y=y),
    ]
    return draw(alt.layer(*layers), WIDTH, HEIGHT)


def _by_span(ageing: Ageing, names: Sequence[str]) -> Markup:
    """The metric of the newest versions on each span, a line a version in its ink, and of the others in one."""
    shown = inks(names)
    rows: list[Row] = [
        {"span": day_milliseconds(one.span), "name": f"version {one.version}", "value": one.value}
        for one in ageing.values
        if math.isfinite(one.value)
    ]
    times = sorted({float(str(row["span"])) for row in rows})
    marks = times[:: math.ceil(len(times) / TIME_MARKS)]
    span_axis = alt.Axis(title=None, grid=False, values=marks, format=time_format(times[0], times[-1]))
    x = alt.X("span:T", scale=alt.Scale(type="utc", padding=12), axis=span_axis)
    y = alt.Y("value:Q", axis=axis(ticks=5, pattern=".3f"), scale=alt.Scale(zero=False, nice=True))
    others = alt.Chart(table([row for row in rows if row["name"] not in shown]))
    own = alt.Chart(table([row for row in rows if row["name"] in shown]))
    layers = [
        others.mark_line(color=SOFT.light, strokeWidth=1.5, point=alt.OverlayMarkDef(size=30, color=SOFT.light)).encode(
            x=x, y=y, detail="name:N"
        ),
        own.mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=30)).encode(x=x, y=y, color=name_colours(names)),
    ]
    return draw(alt.layer(*layers[0 if len(names) > len(shown) else 1 :]), WIDTH, HEIGHT)
