"""The charts of an evaluation that only a model of a number has."""

from collections.abc import Sequence
from dataclasses import asdict

import altair as alt
from markupsafe import Markup

from components.evaluation.residuals import ResidualBand
from components.report.charts import axis
from components.report.drawing import Row, draw, table
from components.report.palette import CARD_FILL, DATA, GUIDE, SOFT

UNITS = "~s"
"""Numbers as 12, 3.4k or 5M: an axis has no room for more."""


def calibration_by_decile(bands: Sequence[ResidualBand]) -> Markup:
    """The mean label of each tenth of the predictions against their mean, on the line on which both are the same."""
    rows: list[Row] = [{"predicted": band.mean_prediction, "true": band.mean_label} for band in bands]
    values = [value for band in bands for value in (band.mean_prediction, band.mean_label)]
    ends: list[Row] = [{"predicted": end, "true": end} for end in (min(values), max(values))]
    scale = alt.Scale(zero=False, nice=True)
    x = alt.X("predicted:Q", axis=axis("mean prediction", pattern=UNITS), scale=scale)
    y = alt.Y("true:Q", axis=axis("mean label", pattern=UNITS), scale=scale)
    diagonal = alt.Chart(table(ends)).mark_line(color=GUIDE.light, strokeWidth=1, strokeDash=[4, 3]).encode(x=x, y=y)
    line = alt.Chart(table(rows)).mark_line(color=DATA.light, strokeWidth=1.5).encode(x=x, y=y, order="predicted:Q")
    dots = alt.Chart(table(rows)).mark_point(filled=True, size=54, opacity=1, color=DATA.light, stroke=CARD_FILL.light, strokeWidth=1)
    return draw(alt.layer(diagonal, line, dots.encode(x=x, y=y)), height=320)


def residual_plot(bands: Sequence[ResidualBand]) -> Markup:
    """Of each tenth of the predictions: a line over the middle 80 % of residuals, a thick one over the middle half, a dot at the median."""
    rows: list[Row] = []
    for band in bands:
        lowest, low, middle, high, highest = band.residuals
        rows.append({"at": band.mean_prediction, "lowest": lowest, "low": low, "middle": middle, "high": high, "highest": highest})
    x = alt.X("at:Q", axis=axis("mean prediction", pattern=UNITS), scale=alt.Scale(zero=False, nice=True))
    y = axis("label less prediction", pattern=UNITS)
    data = alt.Chart(table(rows)).encode(x=x)
    zero = alt.Chart(table([{"zero": 0.0}])).mark_rule(color=GUIDE.light, strokeDash=[4, 3]).encode(y=alt.Y("zero:Q", axis=y))
    whole = data.mark_rule(color=DATA.light, strokeWidth=1).encode(y=alt.Y("lowest:Q", axis=y), y2="highest:Q")
    half = data.mark_rule(color=DATA.light, strokeWidth=6, opacity=0.35).encode(y=alt.Y("low:Q", axis=y), y2="high:Q")
    dots = data.mark_point(filled=True, size=54, opacity=1, color=DATA.light).encode(y=alt.Y("middle:Q", axis=y))
    return draw(alt.layer(zero, whole, half, dots), height=320)


def coverage_by_decile(bands: Sequence[ResidualBand]) -> Markup:
    """The share of labels up to each predicted quantile, in each tenth of the predictions: it should be the quantile, a dashed line."""
    rows: list[Row] = [{"band": number} | asdict(one) for number, band in enumerate(bands, start=1) for one in band.coverages]
    goals: list[Row] = [{"share": one.quantile} for one in bands[0].coverages]
    ends = alt.Scale(domain=[0.5, len(bands) + 0.5], nice=False)
    x = alt.X("band:Q", axis=axis("tenth of the predictions, from the lowest", pattern="d"), scale=ends)
    y = alt.Y("share:Q", axis=axis("labels up to the quantile", pattern=".0%"), scale=alt.Scale(domain=[0, 1]))
    data = alt.Chart(table(rows)).encode(x=x)
    goal = alt.Chart(table(goals)).mark_rule(color=GUIDE.light, strokeDash=[4, 3]).encode(y=y)
    known = alt.Chart(table([row for row in rows if row["low"] is not None])).encode(x=x)
    bars = known.mark_rule(color=SOFT.light, strokeWidth=5, strokeCap="round").encode(y=alt.Y("low:Q"), y2="high:Q")
    line = data.mark_line(color=DATA.light, strokeWidth=1.5).encode(y=y, detail="quantile:N")
    dots = data.mark_point(filled=True, size=40, opacity=1, color=DATA.light, stroke=CARD_FILL.light, strokeWidth=1).encode(y=y)
    return draw(alt.layer(goal, bars, line, dots), height=320)
