"""Metrics and checks put in the order in which somebody looks for what is wrong."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from components.evaluation.metric import Check, Metric
from components.evaluation.results import CalibrationBucket, Results, RocPoint
from components.model.metric_names import MEASURES, class_metric
from components.model.sections import Split
from components.wording import slice_text

CHARTED_METRICS = 3
CHARTED_SLICES = 24
ALL_ROWS = slice_text({})


@dataclass(frozen=True)
class Cell:
    """A metric of a slice, if it was computed, and whether a check refused it."""

    metric: Metric | None
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
    overall: tuple[Metric, ...]
    rows: tuple[SliceRow, ...]


@dataclass(frozen=True)
class ClassRow:
    """A class on a slice, how many rows are of it, and its measures in the order of MEASURES."""

    slice: Mapping[str, str]
    name: str
    rows: float
    cells: tuple[Cell, ...]


def metric_table(results: Results) -> MetricTable:
    """Checked metrics come first, since they decide; otherwise the order is kept. Those of a class are in `class_rows`, unless checked."""
    metrics = [metric for metric in results.metrics if metric.name != "example_count"]
    checked = {check.metric for check in results.checks}
    elsewhere = {class_metric(measure, name) for name in results.classes for measure in MEASURES} - checked
    names = sorted(dict.fromkeys(metric.name for metric in metrics if metric.name not in elsewhere), key=lambda name: name not in checked)
    slices = dict.fromkeys(slice_text(metric.slice) for metric in metrics if metric.slice)
    values, refused = _by_name_and_slice(metrics), _refused(results.checks)
    return MetricTable(
        names=tuple(names),
        overall=tuple(values[name, ALL_ROWS] for name in names if (name, ALL_ROWS) in values),
        rows=tuple(_row(name, [Cell(values.get((metric, name)), (metric, name) in refused) for metric in names]) for name in slices),
    )


def class_rows(results: Results) -> tuple[ClassRow, ...]:
    """The classes on all rows, then on each slice."""
    values, refused = _by_name_and_slice(results.metrics), _refused(results.checks)
    rows = []
    for matrix in sorted(results.matrices, key=lambda matrix: (bool(matrix.slice), slice_text(matrix.slice))):
        for name, counts in zip(results.classes, matrix.counts, strict=True):
            keys = [(class_metric(measure, name), slice_text(matrix.slice)) for measure in MEASURES]
            rows.append(ClassRow(matrix.slice, name, sum(counts), tuple(Cell(values.get(key), key in refused) for key in keys)))
    return tuple(rows)


def _by_name_and_slice(metrics: Iterable[Metric]) -> dict[tuple[str, str], Metric]:
    return {(metric.name, slice_text(metric.slice)): metric for metric in metrics}


def _refused(checks: Sequence[Check]) -> set[tuple[str, str]]:
    return {(check.metric, slice_text(check.slice)) for check in checks if not check.passed and check.split == Split.EVAL}


def _row(name: str, cells: Sequence[Cell]) -> SliceRow:
    counts = (cell.metric.example_count for cell in cells if cell.metric is not None)
    return SliceRow(name, next((count for count in counts if count is not None), None), tuple(cells))


def charted_names(table: MetricTable) -> tuple[str, ...]:
    """The first metrics that have a finite value on some slice."""
    drawable = [name for index, name in enumerate(table.names) if any(_is_drawable(row.cells[index].metric) for row in table.rows)]
    return tuple(drawable[:CHARTED_METRICS])


def charted_rows(table: MetricTable, name: str) -> tuple[tuple[SliceRow, ...], bool]:
    """The rows to draw for a metric, and whether they are only the ones furthest from the value over all rows."""
    index = table.names.index(name)
    rows = [row for row in table.rows if _is_drawable(row.cells[index].metric)]
    if len(rows) <= CHARTED_SLICES:
        return tuple(rows), False
    middle = next((metric.value for metric in table.overall if metric.name == name and _is_drawable(metric)), 0.0)

    def distance(row: SliceRow) -> float:
        metric = row.cells[index].metric
        return abs(metric.value - middle) if metric is not None else 0.0

    return tuple(sorted(rows, key=distance, reverse=True)[:CHARTED_SLICES]), True


def finite(value: float | None) -> float | None:
    """The value, unless it cannot be drawn."""
    return value if value is not None and math.isfinite(value) else None


def _is_drawable(metric: Metric | None) -> bool:
    """Whether a metric is known and finite."""
    return metric is not None and math.isfinite(metric.value)


def ordered_checks(checks: Iterable[Check]) -> tuple[Check, ...]:
    """The checks, refused ones first."""
    return tuple(sorted(checks, key=lambda check: check.passed))


def area_under(roc: Sequence[RocPoint]) -> float:
    """The area under a ROC curve whose points are in the order of the false positive rate, by trapezoids; its ends are added."""
    points = [(0.0, 0.0), *((point.false_positive_rate, point.true_positive_rate) for point in roc), (1.0, 1.0)]
    return sum((x2 - x1) * (y1 + y2) / 2 for (x1, y1), (x2, y2) in pairwise(points))


def ordered_roc(roc: Iterable[RocPoint]) -> tuple[RocPoint, ...]:
    """The points that can be drawn, from the strictest threshold to the most lenient."""
    finite = (point for point in roc if math.isfinite(point.false_positive_rate) and math.isfinite(point.true_positive_rate))
    return tuple(sorted(finite, key=lambda point: (point.false_positive_rate, point.true_positive_rate)))


def drawable_buckets(buckets: Iterable[CalibrationBucket]) -> tuple[CalibrationBucket, ...]:
    """The buckets that hold rows and finite means, by prediction."""
    finite = (b for b in buckets if b.count > 0 and math.isfinite(b.mean_prediction) and math.isfinite(b.mean_label))
    return tuple(sorted(finite, key=lambda b: b.mean_prediction))


def calibration_gap(buckets: Sequence[CalibrationBucket]) -> float:
    """How far predictions are from what came true, on average over the rows (the expected calibration error)."""
    rows = sum(b.count for b in buckets)
    return sum(b.count * abs(b.mean_prediction - b.mean_label) for b in buckets) / rows
