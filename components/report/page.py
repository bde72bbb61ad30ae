"""A training run's report as one HTML page that needs nothing else: no script, no link, no font, no network.

It is read from disk without a connection and inside Kubeflow's sandboxed frame, so the charts are inline SVG and the page's own
policy forbids everything but inline style. There are no links within the page either: in such a frame they load the frame's parent.
"""

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from components.report import charts, class_charts, metrics
from components.report.content import CalibrationBin, DataSection, RunReport, Verdict
from components.report.features import feature_tables
from components.report.metrics import ClassRow, MetricTable
from components.report.palette import PALETTE, Ink
from components.report.templating import environment, write_whole


@dataclass(frozen=True)
class SliceChart:
    """A metric's chart by slice, and whether it leaves out slices that are close to the whole."""

    metric: str
    svg: Markup
    slices: int
    is_partial: bool


@dataclass(frozen=True)
class Series:
    """A chart by span and the range of its values."""

    svg: Markup
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """A chart and the one number that sums it up."""

    svg: Markup
    summary: float


@dataclass(frozen=True)
class Classes:
    """What a page shows only of several classes."""

    inks: dict[str, Ink]
    """The classes that lines are drawn of."""
    shares: Markup | None
    """By span."""
    rows: tuple[ClassRow, ...]
    confusion: Markup | None
    rocs: Markup | None


def render(report: RunReport) -> str:
    """The whole page. Every value is escaped, and spelled out where it could not be shown."""
    table = metrics.metric_table(report.metrics, report.checks, report.classes)
    templates = environment()
    templates.filters["distribution"] = charts.feature_distribution
    template = templates.get_template("page.html")
    return template.render(
        report=report,
        headline=_headline(report.verdict),
        rows_by_span=_rows_by_span(report.data),
        labels_by_span=_labels_by_span(report.data),
        classes=_classes(report),
        features=feature_tables(report.train_statistics, report.eval_statistics),
        anomalous={anomaly.feature for anomaly in report.anomalies or ()},
        checks=metrics.ordered_checks(report.checks),
        table=table,
        slice_charts=_slice_charts(table),
        roc=None if report.classes else _roc(report, table),
        calibration=_calibration(report.calibration),
        palette=PALETTE,
    )


def write(report: RunReport, path: Path) -> None:
    """Renders the page into that file, which is either the old one or the whole new one at any time.

    Raises:
        StorageFullError: the disk has no room for it.
    """
    write_whole(render(report), path)


def _headline(verdict: Verdict) -> str:
    return verdict.outcome.capitalize() if verdict.version is None else f"Pushed as version {verdict.version}"


def _rows_by_span(data: DataSection | None) -> Series | None:
    if data is None or not data.spans:
        return None
    rows = [span.rows for span in data.spans]
    return Series(charts.span_rows(data.spans), min(rows), max(rows))


def _labels_by_span(data: DataSection | None) -> Series | None:
    spans = data.spans if data is not None else ()
    known = {span: rate for span in spans if (rate := metrics.finite(span.label_rate)) is not None}
    return Series(charts.label_rates(tuple(known)), min(known.values()), max(known.values())) if known else None


def _classes(report: RunReport) -> Classes | None:
    """None of a model of two labels, and of a run that ended before there was data."""
    spans = report.data.spans if report.data is not None else ()
    names = report.classes or tuple(spans[0].class_shares if spans else ())
    if not names:
        return None
    matrix = next((matrix for matrix in report.matrices if matrix.slice is None), None)
    curves = {name: metrics.ordered_roc(point for point in report.roc if point.of == name) for name in report.classes}
    return Classes(
        inks=class_charts.inks(names),
        shares=class_charts.class_shares(spans, names) if spans else None,
        rows=metrics.class_rows(report),
        confusion=class_charts.confusion(matrix.counts, report.classes) if matrix else None,
        rocs=class_charts.class_rocs(curves, report.classes) if any(curves.values()) else None,
    )


def _slice_charts(table: MetricTable) -> list[SliceChart]:
    drawn = []
    for name in metrics.charted_names(table):
        rows, is_partial = metrics.charted_rows(table, name)
        overall = next((metric for metric in table.overall if metric.name == name), None)
        svg = charts.metric_by_slice(rows, table.names.index(name), overall)
        drawn.append(SliceChart(name, svg, len(rows), is_partial))
    return drawn


def _roc(report: RunReport, table: MetricTable) -> Curve | None:
    """With the evaluation's own AUC where there is one: it knows more thresholds than are drawn, and two numbers would confuse."""
    points = metrics.ordered_roc(report.roc)
    if not points:
        return None
    known = (metric.value for metric in table.overall if metric.name.casefold() == "auc")
    return Curve(charts.roc_curve(points), next(known, metrics.area_under(points)))


def _calibration(bins: tuple[CalibrationBin, ...]) -> Curve | None:
    drawable = metrics.drawable_bins(bins)
    return Curve(charts.calibration_plot(drawable), metrics.calibration_gap(drawable)) if drawable else None
