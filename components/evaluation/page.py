"""An evaluation as a run's page shows it, or a page of its own: checks, metrics by slice and by class, and charts of predictions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from components.evaluation.metric import Check
from components.evaluation.results import CalibrationBucket, ChampionResult, Results
from components.evaluation.tables import (
    Cell,
    ClassRow,
    MetricTable,
    area_under,
    calibration_gap,
    charted_names,
    charted_rows,
    class_rows,
    drawable_buckets,
    metric_table,
    ordered_checks,
    ordered_roc,
)
from components.evaluation.views import charts, class_charts, number_charts
from components.model.sections import Split
from components.report.charts import inks
from components.report.templating import render, write_page


@dataclass(frozen=True)
class SliceChart:
    """A metric's chart by slice, and whether it leaves out slices that are close to the whole."""

    metric: str
    svg: Markup
    slices: int
    is_partial: bool


@dataclass(frozen=True)
class SummedChart:
    """A chart and the one number that sums it up."""

    svg: Markup
    summary: float


@dataclass(frozen=True)
class SplitColumn:
    """The metrics of all rows of a split, of the version that is judged or of the champion, in the order of the table's names."""

    title: str
    rows: int | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True)
class EvaluationSummary:
    """What the page shows of an evaluation. Charts are None where there is nothing to draw."""

    checks: tuple[Check, ...]
    champion: ChampionResult
    splits: tuple[SplitColumn, ...]
    """Empty where nothing was evaluated."""
    table: MetricTable
    slice_charts: tuple[SliceChart, ...]
    class_rows: tuple[ClassRow, ...]
    """Only of a model of several classes; the same holds of `confusion` and `class_rocs`."""
    confusion: Markup | None
    class_rocs: Markup | None
    roc: SummedChart | None
    """Only of a model of two labels, with the area under the curve; the same holds of `calibration`, with the mean error."""
    calibration: SummedChart | None
    deciles: SummedChart | None
    """Only of a model of a number, with the mean distance of the means of each tenth of the predictions; the same holds of `residuals`."""
    residuals: Markup | None
    coverages: Markup | None
    """Only of a model of quantiles."""


def summarize_evaluation(results: Results) -> EvaluationSummary:
    """Put what was evaluated in order, and draw it."""
    table = metric_table(results)
    matrix = next((matrix for matrix in results.matrices if not matrix.slice), None)
    curves = {name: ordered_roc(point for point in results.roc if point.of == name) for name in results.classes}
    return EvaluationSummary(
        checks=ordered_checks(results.checks),
        champion=results.champion,
        splits=tuple(_split_columns(results, table)) if results.metrics else (),
        table=table,
        slice_charts=tuple(_slice_chart(table, name) for name in charted_names(table)),
        class_rows=class_rows(results),
        confusion=class_charts.confusion(matrix.counts, results.classes) if matrix else None,
        class_rocs=class_charts.class_rocs(curves, results.classes) if any(curves.values()) else None,
        roc=None if results.classes else _roc(results, table),
        calibration=_calibration(results),
        deciles=_deciles(results),
        residuals=number_charts.residual_plot(results.bands) if results.bands else None,
        coverages=number_charts.coverage_by_decile(results.bands) if any(band.coverages for band in results.bands) else None,
    )


def _split_columns(results: Results, table: MetricTable) -> Iterator[SplitColumn]:
    """As somebody reads them: in training, on the eval split, on the newest spans; the champion beside it."""
    for split in Split:
        for version in (None, results.champion.version) if results.champion.version else (None,):
            overall = {metric.name: metric for metric in results.of(split, version) if not metric.slice}
            if not overall:
                continue
            refused = {check.metric for check in results.checks if not check.passed and not check.slice and check.split == split}
            title = f"{split}, version {version}" if version else split.value
            cells = tuple(Cell(overall.get(name), version is None and name in refused) for name in table.names)
            yield SplitColumn(title, next(iter(overall.values())).example_count, cells)


def _slice_chart(table: MetricTable, name: str) -> SliceChart:
    rows, is_partial = charted_rows(table, name)
    overall = next((metric for metric in table.overall if metric.name == name), None)
    return SliceChart(name, charts.metric_by_slice(rows, table.names.index(name), overall), len(rows), is_partial)


def _roc(results: Results, table: MetricTable) -> SummedChart | None:
    """With the evaluation's own AUC where there is one: it knows more thresholds than are drawn, and two numbers would confuse."""
    points = ordered_roc(results.roc)
    if not points:
        return None
    areas = (metric.value for metric in table.overall if metric.name.casefold() == "auc")
    return SummedChart(charts.roc_curve(points), next(areas, area_under(points)))


def _calibration(results: Results) -> SummedChart | None:
    buckets = drawable_buckets(results.calibration)
    return SummedChart(charts.calibration_plot(buckets), calibration_gap(buckets)) if buckets else None


def _deciles(results: Results) -> SummedChart | None:
    buckets = [CalibrationBucket(band.mean_prediction, band.mean_label, band.count) for band in results.bands]
    return SummedChart(number_charts.calibration_by_decile(results.bands), calibration_gap(buckets)) if buckets else None


def write_evaluation_page(model: str, results: Results, refusal: str | None, path: Path) -> None:
    """Draw the evaluation on a page of its own.

    Raises:
        StorageFullError: the disk has no room for it.
    """
    page = render(
        "evaluation/templates/evaluation_page.html",
        model=model,
        outcome="blocked" if refusal else "pushed",
        headline="Blocked" if refusal else "Good enough",
        sentence=(refusal or f"All {len(results.checks)} thresholds of model.toml are kept.").removeprefix("blocked: "),
        evaluation=summarize_evaluation(results),
        classes=results.classes,
        inks=inks(results.classes),
    )
    write_page(page, path)
