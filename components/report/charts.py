"""The charts of a run's page. Each takes finite values and gives SVG; the page says in words what it shows."""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import pairwise

import altair as alt
from markupsafe import Markup

from components.report.content import CalibrationBin, MetricValue, RocPoint, SpanRows
from components.report.distributions import Distribution
from components.report.drawing import Row, draw, table
from components.report.metrics import Cell, SliceRow, finite
from components.report.palette import BAD, CARD, DATA, GUIDE, MUTED, SECOND, SOFT
from components.wording import label

DAY = 86_400_000
"""Milliseconds: Vega's unit of time."""
TIME_MARKS = 5
MARKED_THRESHOLD = 0.5


def span_rows(spans: Sequence[SpanRows]) -> Markup:
    """Bars on an axis of time, so that a span which is not there leaves a gap."""
    half = 0.4 * _step(spans)
    rows: list[Row] = [{"from": _time(p.span) - half, "to": _time(p.span) + half, "rows": p.rows} for p in spans]
    x, y = _time_axis("from", spans), alt.Y("rows:Q", axis=_axis(ticks=4, pattern=",d"))
    return draw(alt.Chart(table(rows)).mark_rect(color=DATA.light).encode(x=x, x2="to", y=y, y2=alt.datum(0)))


def label_rates(spans: Sequence[SpanRows]) -> Markup:
    """A line from span to span, on the same axis of time."""
    return rate_chart([(span.span, "", span.label_rate) for span in spans], spans, alt.ColorValue(DATA.light))


def rate_chart(rates: Sequence[tuple[date, str, float | None]], spans: Sequence[SpanRows], colour: alt.Color | alt.ColorValue) -> Markup:
    """Lines of shares, each with a dot at its spans; rates are by day and by what tells the lines apart."""
    rows: list[Row] = [{"day": _time(day), "class": name, "rate": rate} for day, name, rate in rates]
    line = alt.Chart(table(rows)).mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=28))
    rate = alt.Y("rate:Q", axis=_axis(ticks=4, pattern="~%"), scale=alt.Scale(zero=True))
    return draw(line.encode(x=_time_axis("day", spans), y=rate, color=colour))


def feature_distribution(shares: Distribution) -> Markup:
    """Bars for the train split, and the eval split's outline over them."""
    trained: list[Row] = [{"from": place, "to": place + 0.92, "share": share} for place, share in enumerate(shares.train)]
    evaluated: list[Row] = [{"from": place, "share": share} for place, share in enumerate([*shares.evaluation, *shares.evaluation[-1:]])]
    x = alt.X("from:Q", axis=None, scale=alt.Scale(domain=[0, len(shares.train)]))
    y = alt.Y("share:Q", axis=None, scale=alt.Scale(domain=[0, max((*shares.train, *shares.evaluation))]))
    bars = alt.Chart(table(trained)).mark_rect(color=SOFT.light).encode(x=x, x2="to", y=y, y2=alt.datum(0))
    outline = alt.Chart(table(evaluated)).mark_line(color=SECOND.light, strokeWidth=1.25, interpolate="step-after")
    return draw(alt.layer(bars, outline.encode(x=x, y=y)), width=168, height=40)


def metric_by_slice(rows: Sequence[SliceRow], place: int, overall: MetricValue | None) -> Markup:
    """A dot and its interval for each slice, on the value over all rows. Slices that a check refused are in another colour."""
    labels = _distinct([row.slice for row in rows])
    values = [_slice_values(name, row.cells[place]) for name, row in zip(labels, rows, strict=True)]
    x = alt.X("value:Q", axis=_axis(ticks=4), scale=alt.Scale(zero=False, nice=True))
    y = alt.Y("slice:N", axis=_axis(grid=False), sort=labels)
    colour = alt.when("datum.refused").then(alt.value(BAD.light)).otherwise(alt.value(DATA.light))
    known = [value for value in values if value["low"] is not None and value["high"] is not None]
    intervals = alt.Chart(table(known)).mark_rule(strokeWidth=2).encode(x="low:Q", x2="high", y=y, color=colour)
    dots = alt.Chart(table(values)).mark_point(filled=True, size=54, opacity=1).encode(x=x, y=y, color=colour)
    return draw(alt.layer(*_overall(overall), *([intervals] if known else []), dots), height=28 + 24 * len(rows))


def _slice_values(name: str, cell: Cell) -> Row:
    metric = cell.metric
    if metric is None:
        return {"slice": name, "value": None, "low": None, "high": None, "refused": cell.refused}
    return {"slice": name, "value": finite(metric.value), "low": finite(metric.low), "high": finite(metric.high), "refused": cell.refused}


def _overall(metric: MetricValue | None) -> list[alt.Chart]:
    """A line at the value over all rows, on a band as wide as its interval."""
    if metric is None or not math.isfinite(metric.value):
        return []
    data = alt.Chart(table([{"value": metric.value, "low": finite(metric.low), "high": finite(metric.high)}]))
    line = data.mark_rule(color=GUIDE.light, strokeDash=[4, 3]).encode(x="value:Q")
    if finite(metric.low) is None or finite(metric.high) is None:
        return [line]
    return [data.mark_rect(color=SOFT.light, opacity=0.35).encode(x="low:Q", x2="high"), line]


def roc_curve(points: Sequence[RocPoint]) -> Markup:
    """The curve over the diagonal of chance, with the usual threshold marked."""
    ends: list[Row] = [{"fpr": 0.0, "tpr": 0.0}, {"fpr": 1.0, "tpr": 1.0}]
    curve: list[Row] = [ends[0], *({"fpr": p.fpr, "tpr": p.tpr} for p in points), ends[1]]
    scale = alt.Scale(domain=[0, 1], clamp=True)
    x = alt.X("fpr:Q", axis=_axis("false positive rate"), scale=scale)
    y = alt.Y("tpr:Q", axis=_axis("true positive rate"), scale=scale, stack=None)  # else points of equal rate would pile up
    chance = alt.Chart(table(ends)).mark_line(color=GUIDE.light, strokeWidth=1, strokeDash=[4, 3]).encode(x=x, y=y)
    area = alt.Chart(table(curve)).mark_area(color=SOFT.light, opacity=0.35).encode(x=x, y=y)
    line = alt.Chart(table(curve)).mark_line(color=DATA.light, strokeWidth=2).encode(x=x, y=y, order="fpr:Q")
    return draw(alt.layer(area, chance, line, *_marked_threshold(points, x, y)), height=320)


def _marked_threshold(points: Sequence[RocPoint], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    known = [point for point in points if math.isfinite(point.threshold)]
    if not known:
        return []
    marked = min(known, key=lambda point: abs(point.threshold - MARKED_THRESHOLD))
    chart = alt.Chart(table([{"fpr": marked.fpr, "tpr": marked.tpr, "text": f"threshold {marked.threshold:.2f}"}]))
    place = chart.encode(x=x, y=y)
    dot = place.mark_point(filled=True, size=54, opacity=1, color=DATA.light)
    return [dot, place.mark_text(align="left", dx=9, dy=8, color=MUTED.light, fontSize=11).encode(text="text:N")]


def calibration_plot(bins: Sequence[CalibrationBin]) -> Markup:
    """What came true against what was predicted; the area of a dot is its number of rows."""
    end = min(1.0, 1.05 * max(max(b.mean_prediction, b.mean_label) for b in bins)) or 1.0
    scale = alt.Scale(domain=[0, end], nice=False, clamp=True)
    rows: list[Row] = [{"predicted": b.mean_prediction, "true": b.mean_label, "rows": b.count} for b in bins]
    x = alt.X("predicted:Q", axis=_axis("mean prediction"), scale=scale)
    y = alt.Y("true:Q", axis=_axis("share that came true"), scale=scale)
    ideal: list[Row] = [{"predicted": 0.0, "true": 0.0}, {"predicted": end, "true": end}]
    diagonal = alt.Chart(table(ideal)).mark_line(color=GUIDE.light, strokeWidth=1, strokeDash=[4, 3]).encode(x=x, y=y)
    line = alt.Chart(table(rows)).mark_line(color=DATA.light, strokeWidth=1.5).encode(x=x, y=y, order="predicted:Q")
    size = alt.Size("rows:Q", legend=None, scale=alt.Scale(range=[16, 180], zero=True))
    dots = alt.Chart(table(rows)).mark_point(filled=True, opacity=1, color=DATA.light, stroke=CARD.light, strokeWidth=1)
    return draw(alt.layer(diagonal, line, dots.encode(x=x, y=y, size=size)), height=320)


def _axis(title: str | None = None, *, ticks: int = 5, pattern: str = "", grid: bool = True) -> alt.Axis:
    """One without a title says what it measures in the figure's caption."""
    return alt.Axis(title=title, tickCount=ticks, format=pattern, grid=grid)


def _time_axis(field: str, spans: Sequence[SpanRows]) -> alt.X:
    """Days of UTC, whatever the machine's zone, with a mark at some of the spans."""
    times = sorted({_time(p.span) for p in spans})
    margin = 0.5 * _step(spans)
    scale = alt.Scale(type="utc", domain=[times[0] - margin, times[-1] + margin], nice=False)
    pattern = "%b %Y" if times[-1] - times[0] > 300 * DAY else "%-d %b"
    marks = times[:: math.ceil(len(times) / TIME_MARKS)]
    return alt.X(f"{field}:T", scale=scale, axis=alt.Axis(title=None, grid=False, values=marks, format=pattern))


def _step(spans: Sequence[SpanRows]) -> float:
    """The time from one span to the next, where they are closest."""
    times = sorted({_time(p.span) for p in spans})
    return min((after - before for before, after in pairwise(times)), default=DAY)


def _time(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000


def _distinct(slices: Sequence[str]) -> list[str]:
    """Labels that are short and still differ, since equal ones would share a line of the chart."""
    labels: list[str] = []
    for place, name in enumerate(map(label, slices), start=1):
        labels.append(f"{name} #{place}" if name in labels else name)
    return labels
