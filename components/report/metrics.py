"""Metrics and checks put in the order in which somebody looks for what is wrong."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from components.model.metric_names import MEASURES, class_metric
from components.report.content import CalibrationBin, Check, MetricValue, RocPoint, RunReport

CHARTED_METRICS = 3
CHARTED_SLICES = 24


@dataclass(frozen=True)
class Cell:
    """A metric of a slice, if it was computed, and whether a check refused it."""

    metric: MetricValue | None
    refused: bool


@dataclass(frozen=True)
class SliceRow:
    """A slice and its metrics, in the order of the table's names."""

    slice: str
    example_count: int | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class MetricTable:
    """Metrics over all rows, and the same by slice."""

    names: tuple[str, ...]
    overall: tuple[MetricValue, ...]
    rows: tuple[SliceRow, ...]


@dataclass(frozen=True)
class ClassRow:
    """A class on a slice (None: all rows), how many rows are of it, and its measures in the order of MEASURES."""

    slice: str | None
    name: str
    rows: float
    cells: tuple[Cell, ...]


def metric_table(metrics: Sequence[MetricValue], checks: Sequence[Check], classes: Sequence[str] = ()) -> MetricTable:
    """Checked metrics come first, since they decide; otherwise the order is kept. Those of a class are in `class_rows`, unless checked."""
    checked = {check.metric for check in checks}
    elsewhere = {class_metric(measure, name) for name in classes for measure in MEASURES} - checked
    found = dict.fromkeys(metric.name for metric in metrics if metric.name not in elsewhere)
    names = sorted(found, key=lambda name: name not in checked)
    slices = dict.fromkeys(metric.slice for metric in metrics if metric.slice is not None)
    values = {(metric.name, metric.slice): metric for metric in metrics}
    refused = _refused(checks)
    return MetricTable(
        names=tuple(names),
        overall=tuple(values[name, None] for name in names if (name, None) in values),
        rows=tuple(_row(name, [Cell(values.get((metric, name)), (metric, name) in refused) for metric in names]) for name in slices),
    )


def class_rows(report: RunReport) -> tuple[ClassRow, ...]:
    """The classes on all rows, then on each slice."""
    values = {(metric.name, metric.slice): metric for metric in report.metrics}
    refused = _refused(report.checks)
    rows = []
    for matrix in sorted(report.matrices, key=lambda matrix: (matrix.slice is not None, matrix.slice or "")):
        for name, counts in zip(report.classes, matrix.counts, strict=True):
            keys = [(class_metric(measure, name), matrix.slice) for measure in MEASURES]
            rows.append(ClassRow(matrix.slice, name, sum(counts), tuple(Cell(values.get(key), key in refused) for key in keys)))
    return tuple(rows)


def _refused(checks: Sequence[Check]) -> set[tuple[str, str | None]]:
    return {(check.metric, check.slice) for check in checks if not check.passed}


def _row(name: str, cells: Sequence[Cell]) -> SliceRow:
    counts = (cell.metric.example_count for cell in cells if cell.metric is not None)
    return SliceRow(name, next((count for count in counts if count is not None), None), tuple(cells))


def charted_names(table: MetricTable) -> tuple[str, ...]:
    """The first metrics that have a finite value on some slice."""
    drawable = [name for place, name in enumerate(table.names) if any(is_drawable(row.cells[place].metric) for row in table.rows)]
    return tuple(drawable[:CHARTED_METRICS])


def charted_rows(table: MetricTable, name: str) -> tuple[tuple[SliceRow, ...], bool]:
    """The rows to draw for a metric, and whether they are only the ones furthest from the value over all rows."""
    place = table.names.index(name)
    rows = [row for row in table.rows if is_drawable(row.cells[place].metric)]
    if len(rows) <= CHARTED_SLICES:
        return tuple(rows), False
    middle = next((metric.value for metric in table.overall if metric.name == name and is_drawable(metric)), 0.0)

    def distance(row: SliceRow) -> float:
        metric = row.cells[place].metric
        return abs(metric.value - middle) if metric is not None else 0.0

    return tuple(sorted(rows, key=distance, reverse=True)[:CHARTED_SLICES]), True


def finite(value: float | None) -> float | None:
    """The value, unless it cannot be drawn."""
    return value if value is not None and math.isfinite(value) else None


def is_drawable(metric: MetricValue | None) -> bool:
    """Whether it is there and finite."""
    return metric is not None and math.isfinite(metric.value)


def ordered_checks(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Refused ones first."""
    return tuple(sorted(checks, key=lambda check: check.passed))


def area_under(roc: Sequence[RocPoint]) -> float:
    """The area under a ROC curve whose points are in the order of the false positive rate, by trapezoids; its ends are added."""
    points = [(0.0, 0.0), *((point.fpr, point.tpr) for point in roc), (1.0, 1.0)]
    return sum((x2 - x1) * (y1 + y2) / 2 for (x1, y1), (x2, y2) in pairwise(points))


def ordered_roc(roc: Iterable[RocPoint]) -> tuple[RocPoint, ...]:
    """The points that can be drawn, from the strictest threshold to the most lenient."""
    finite = (point for point in roc if math.isfinite(point.fpr) and math.isfinite(point.tpr))
    return tuple(sorted(finite, key=lambda point: (point.fpr, point.tpr)))


def drawable_bins(bins: Iterable[CalibrationBin]) -> tuple[CalibrationBin, ...]:
    """The bins that hold rows and finite means, by prediction."""
    kept = (b for b in bins if b.count > 0 and math.isfinite(b.mean_prediction) and math.isfinite(b.mean_label))
    return tuple(sorted(kept, key=lambda b: b.mean_prediction))


def calibration_gap(bins: Sequence[CalibrationBin]) -> float:
    """How far predictions are from what came true, on average over the rows (the expected calibration error)."""
    rows = sum(b.count for b in bins)
    return sum(b.count * abs(b.mean_prediction - b.mean_label) for b in bins) / rows
