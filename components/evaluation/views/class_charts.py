"""The charts of an evaluation that only a model of several classes has."""

from collections.abc import Mapping, Sequence

import altair as alt
from markupsafe import Markup

from components.evaluation.results import RocPoint
from components.report.charts import inks, name_colours
from components.report.drawing import WIDTH, Row, draw, table
from components.report.palette import CARD_FILL, DATA, INK, MUTED
from components.wording import count, label, percent

CELL = 52
WITH_COUNTS = 8
"""Classes whose cells have room for the rows as well as for their share."""
DARK = 0.7
"""Shares above it are written in the card's colour."""


def class_rocs(curves: Mapping[str, Sequence[RocPoint]], classes: Sequence[str]) -> Markup:
    """The curve of each class against the rest, over the diagonal of chance."""
    shown = {name: points for name, points in curves.items() if name in inks(classes)}
    ends = (0.0, 0.0), (1.0, 1.0)
    rows: list[Row] = [
        {"fpr": fpr, "tpr": tpr, "name": name}
        for name, points in shown.items()
        for fpr, tpr in (ends[0], *((point.false_positive_rate, point.true_positive_rate) for point in points), ends[1])
    ]
    scale = alt.Scale(domain=[0, 1], clamp=True)
    x = alt.X("fpr:Q", axis=alt.Axis(title="false positive rate", tickCount=5), scale=scale)
    y = alt.Y("tpr:Q", axis=alt.Axis(title="true positive rate", tickCount=5), scale=scale)
    chance = alt.Chart(table([{"fpr": a, "tpr": b} for a, b in ends])).mark_line(color=MUTED.light, strokeWidth=1, strokeDash=[4, 3])
    lines = alt.Chart(table(rows)).mark_line(strokeWidth=2).encode(x=x, y=y, order="fpr:Q", color=name_colours(classes))
    return draw(alt.layer(chance.encode(x=x, y=y), lines), height=320)


def confusion(matrix: Sequence[Sequence[float]], classes: Sequence[str]) -> Markup:
    """A cell for each class and each class that it was taken for: the rows, and their share of the class, which is how dark it is."""
    names = [label(name, 24) for name in classes]
    cells = [
        _cell(names[actual], names[predicted], rows, sum(line)) for actual, line in enumerate(matrix) for predicted, rows in enumerate(line)
    ]
    x = alt.X(
        "predicted:N", sort=names, axis=alt.Axis(title="predicted", orient="top", grid=False, labelAngle=0 if len(names) < 5 else -90)
    )
    y = alt.Y("actual:N", sort=names, axis=alt.Axis(title="actual", grid=False))
    base = alt.Chart(table(cells)).encode(x=x, y=y)
    opacity = alt.FillOpacity("share:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[0.05, 1]))
    rects = base.mark_rect(fill=DATA.light, stroke=CARD_FILL.light, strokeWidth=2).encode(fillOpacity=opacity)
    colour = alt.when(f"datum.share > {DARK}").then(alt.value(CARD_FILL.light)).otherwise(alt.value(INK.light))
    texts = [
        base.mark_text(dy=-7 if len(names) <= WITH_COUNTS else 0, fontSize=12, fontWeight="bold").encode(text="percent:N", color=colour)
    ]
    if len(names) <= WITH_COUNTS:
        texts.append(base.mark_text(dy=9, fontSize=11).encode(text="rows:N", color=colour))
    return draw(alt.layer(rects, *texts), width=max(WIDTH, CELL * len(names)), height=60 + CELL * len(names))


def _cell(actual: str, predicted: str, rows: float, of: float) -> Row:
    share = rows / of if of else None
    return {"actual": actual, "predicted": predicted, "rows": count(rows), "share": share or 0.0, "percent": percent(share)}
