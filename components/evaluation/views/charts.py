"""The charts of an evaluation. Each takes finite values and gives SVG; the page says in words what it shows."""

import math
from collections.abc import Sequence

import altair as alt
from markupsafe import Markup

from components.evaluation.metric import Metric
from components.evaluation.results import CalibrationBucket, RocPoint
from components.evaluation.tables import Cell, SliceRow, finite
from components.report.charts import axis
from components.report.drawing import Row, draw, table
from components.report.palette import BAD, CARD_FILL, DATA, GUIDE, MUTED, SOFT
from components.wording import label

MARKED_THRESHOLD = 0.5


def metric_by_slice(rows: Sequence[SliceRow], index: int, overall: Metric | None) -> Markup:
    """A dot and its interval for each slice, on the value over all rows. Slices that a check refused are in another colour."""
    labels = _distinct([row.slice for row in rows])
    values = [_slice_values(name, row.cells[index]) for name, row in zip(labels, rows, strict=True)]
    x = alt.X("value:Q", axis=axis(ticks=4), scale=alt.Scale(zero=False, nice=True))
    y = alt.Y("slice:N", axis=axis(grid=False), sort=labels)
    colour = alt.when("datum.refused").then(alt.value(BAD.light)).otherwise(alt.value(DATA.light))
    known = [value for value in values if value["low"] is not None and value["high"] is not None]
    intervals = alt.Chart(table(known)).mark_rule(strokeWidth=2).encode(x="low:Q", x2="high", y=y, color=colour)
    dots = alt.Chart(table(values)).mark_point(filled=True, size=54, opacity=1).encode(x=x, y=y, color=colour)
    return draw(alt.layer(*_overall(overall), *([intervals] if known else []), dots), height=28 + 24 * len(rows))


def _slice_values(name: str, cell: Cell) -> Row:
    metric = cell.metric
    if metric is None:
        return {"slice": name, "value": None, "low": None, "high": None, "refused": cell.refused}
    return {
        "slice": name,
        "value": finite(metric.value),
        "low": finite(metric.ci_low),
        "high": finite(metric.ci_high),
        "refused": cell.refused,
    }


def _overall(metric: Metric | None) -> list[alt.Chart]:
    """A line at the value over all rows, on a band as wide as its interval."""
    if metric is None or not math.isfinite(metric.value):
        return []
    data = alt.Chart(table([{"value": metric.value, "low": finite(metric.ci_low), "high": finite(metric.ci_high)}]))
    line = data.mark_rule(color=GUIDE.light, strokeDash=[4, 3]).encode(x="value:Q")
    if finite(metric.ci_low) is None or finite(metric.ci_high) is None:
        return [line]
    return [data.mark_rect(color=SOFT.light, opacity=0.35).encode(x="low:Q", x2="high"), line]


def roc_curve(points: Sequence[RocPoint]) -> Markup:
    """The curve over the diagonal of chance, with the usual threshold marked."""
    ends: list[Row] = [{"fpr": 0.0, "tpr": 0.0}, {"fpr": 1.0, "tpr": 1.0}]
    curve: list[Row] = [ends[0], *({"fpr": p.false_positive_rate, "tpr": p.true_positive_rate} for p in points), ends[1]]
    scale = alt.Scale(domain=[0, 1], clamp=True)
    x = alt.X("fpr:Q", axis=axis("false positive rate"), scale=scale)
    y = alt.Y("tpr:Q", axis=axis("true positive rate"), scale=scale, stack=None)  # else points of equal rate would pile up
    chance = alt.Chart(table(ends)).mark_line(color=GUIDE.light, strokeWidth=1, strokeDash=[4, 3]).encode(x=x, y=y)
    area = alt.Chart(table(curve)).mark_area(color=SOFT.light, opacity=0.35).encode(x=x, y=y)
    line = alt.Chart(table(curve)).mark_line(color=DATA.light, strokeWidth=2).encode(x=x, y=y, order="fpr:Q")
    return draw(alt.layer(area, chance, line, *_marked_threshold(points, x, y)), height=320)


def _marked_threshold(points: Sequence[RocPoint], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    known = [point for point in points if math.isfinite(point.threshold)]
    if not known:
        return []
    marked = min(known, key=lambda point: abs(point.threshold - MARKED_THRESHOLD))
    row: Row = {"fpr": marked.false_positive_rate, "tpr": marked.true_positive_rate, "text": f"threshold {marked.threshold:.2f}"}
    chart = alt.Chart(table([row]))
    marked_point = chart.encode(x=x, y=y)
    dot = marked_point.mark_point(filled=True, size=54, opacity=1, color=DATA.light)
    return [dot, marked_point.mark_text(align="left", dx=9, dy=8, color=MUTED.light, fontSize=11).encode(text="text:N")]


def calibration_plot(buckets: Sequence[CalibrationBucket]) -> Markup:
    """What came true against what was predicted; the area of a dot is its number of rows."""
    end = min(1.0, 1.05 * max(max(b.mean_prediction, b.mean_label) for b in buckets)) or 1.0
    scale = alt.Scale(domain=[0, end], nice=False, clamp=True)
    rows: list[Row] = [{"predicted": b.mean_prediction, "true": b.mean_label, "rows": b.count} for b in buckets]
    x = alt.X("predicted:Q", axis=axis("mean prediction"), scale=scale)
    y = alt.Y("true:Q", axis=axis("share that came true"), scale=scale)
    ideal: list[Row] = [{"predicted": 0.0, "true": 0.0}, {"predicted": end, "true": end}]
    diagonal = alt.Chart(table(ideal)).mark_line(color=GUIDE.light, strokeWidth=1, strokeDash=[4, 3]).encode(x=x, y=y)
    line = alt.Chart(table(rows)).mark_line(color=DATA.light, strokeWidth=1.5).encode(x=x, y=y, order="predicted:Q")
    size = alt.Size("rows:Q", legend=None, scale=alt.Scale(range=[16, 180], zero=True))
    dots = alt.Chart(table(rows)).mark_point(filled=True, opacity=1, color=DATA.light, stroke=CARD_FILL.light, strokeWidth=1)
    return draw(alt.layer(diagonal, line, dots.encode(x=x, y=y, size=size)), height=320)


def _distinct(slices: Sequence[str]) -> list[str]:
    """Labels that are short and still differ, since equal ones would share a line of the chart."""
    labels: list[str] = []
    for number, name in enumerate(map(label, slices), start=1):
        labels.append(f"{name} #{number}" if name in labels else name)
    return labels
