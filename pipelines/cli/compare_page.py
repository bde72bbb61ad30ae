"""The page of a comparison, from what was compared."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components.diagnosis.data.columns import ColumnDifference
from components.diagnosis.data.compare import DataComparison, Difference
from components.diagnosis.data.sentences import culprit, describe, new_values, sentence, subject
from components.diagnosis.metrics import MetricDifference, Significance
from components.diagnosis.versions import VersionComparison
from components.profiles.distance import Cells
from components.profiles.profile import ColumnProfile
from components.registry.evaluations import Metric
from components.report import compare_content as content
from components.report.compare_page import write
from pipelines.cli.text.comparison import slice_text

SHOWN_VALUES = 8
SHOWN_NEW = 20


def write_versions(comparison: VersionComparison, culprit: str, newest: content.NewestSection | None, path: Path) -> None:
    """The page of two versions."""
    report = report_of(comparison.model, comparison.data, comparison.notes, culprit) | {"newest": newest}
    files = None if comparison.files is None else tuple(content.FileRow(file.path, file.diff) for file in comparison.files)
    facts = tuple(content.FactRow(fact.kind, fact.name, fact.before, fact.after) for fact in comparison.facts)
    names = {"before": comparison.before.name, "after": comparison.after.name}
    write(content.ComparisonReport(**report | names, metrics=tuple(map(_metric, comparison.metrics)), files=files, facts=facts), path)  # type: ignore[arg-type]


def write_data(model: str, comparison: DataComparison, notes: Sequence[str], path: Path) -> None:
    """The page of two windows of data."""
    write(content.ComparisonReport(**report_of(model, comparison, notes, culprit(comparison))), path)  # type: ignore[arg-type]


def report_of(model: str, data: DataComparison, notes: Sequence[str], headline: str) -> dict[str, object]:
    """What every page says of data."""
    top = next(iter(data.differences), None)
    kinds = (("partitions", data.partitions), ("spans", data.spans))
    return {
        "model": model,
        "before": data.before,
        "after": data.after,
        "culprit": headline,
        "is_fault": top is not None and top.column is not None and top.column.is_fault,
        "notes": tuple(notes),
        "windows": tuple(
            content.WindowRow(name=name, added=one.added, vanished=one.vanished, rewritten=one.rewritten, same=len(one.same))
            for name, one in kinds
        ),
        "differences": tuple(map(difference_row, data.differences)),
        "columns": tuple(_column(column, of) for of, found in (("source", data.source), ("source.sql", data.features)) for column in found),
        "rows": _rows(data),
    }


def difference_row(difference: Difference) -> content.DifferenceRow:
    """One of the ranked differences."""
    column = difference.column
    if column is None:
        said = sentence(difference)
        return content.DifferenceRow(name=subject(difference), how=said, score=difference.score, share=None, is_fault=False, feeds=())
    added, vanished = new_values(column)
    is_numeric = column.before is not None and (column.before.is_numeric or column.before.times > 0)
    return content.DifferenceRow(
        name=subject(difference),
        how=describe(column),
        score=difference.score,
        share=column.share,
        is_fault=column.is_fault,
        feeds=difference.fed if difference.fed != (difference.name,) else (),
        consequences=difference.consequences,
        numbers=_shares(column.cells) if column.cells and is_numeric else None,
        values=_most_different(column.cells) if column.cells and not is_numeric else None,
        added=tuple(added[:SHOWN_NEW]),
        vanished=tuple(vanished[:SHOWN_NEW]),
    )


def _shares(cells: Cells) -> content.Shares:
    """Without cells at the end that are empty on both sides."""
    before, after = cells.shares
    filled = np.flatnonzero(before + after)
    end = int(filled[-1]) + 1 if len(filled) else 0
    return content.Shares(cells.labels[:end], tuple(before[:end].tolist()), tuple(after[:end].tolist()))


def _most_different(cells: Cells) -> content.Shares:
    before, after = cells.shares
    order = [int(place) for place in np.argsort(-np.abs(before - after), kind="stable")[:SHOWN_VALUES] if before[place] + after[place]]
    return content.Shares(
        tuple(cells.labels[place] for place in order),
        tuple(float(before[place]) for place in order),
        tuple(float(after[place]) for place in order),
    )


def _column(column: ColumnDifference, of: str) -> content.ColumnRow:
    return content.ColumnRow(
        name=column.name,
        of=of,
        before=_facts(column.before or column.whole_before),
        after=_facts(column.after or column.whole_after),
        total_variation=column.total_variation,
        jensen_shannon=column.jensen_shannon,
        l_infinity=column.l_infinity,
        population_stability=column.population_stability,
        is_fault=column.is_fault,
        differs=bool(column.kinds),
    )


def _facts(profile: ColumnProfile | None) -> content.Facts | None:
    if profile is None:
        return None
    rows = max(profile.rows, 1)
    return content.Facts(
        type=profile.type,
        rows=profile.rows,
        nulls=profile.nulls / rows,
        texts=profile.texts / rows,
        unfinite=(profile.nans + profile.infinities) / rows,
        low=profile.low if profile.numbers else None,
        median=_median(profile),
        mean=profile.mean,
        high=profile.high if profile.numbers else None,
    )


def _median(profile: ColumnProfile) -> float | None:
    """Of whole numbers a whole one: the buckets know it to 1 %."""
    found = profile.quantile(0.5)
    return float(round(found)) if found is not None and profile.type == "INTEGER" else found


def _rows(data: DataComparison) -> content.RowsSection:
    rows, hours = data.rows, None
    if rows.hours:
        one, other = (tuple((side / max(side.sum(), 1)).tolist()) for side in rows.hours)
        hours = one, other
    before, after = (tuple(side.tolist()) for side in rows.weekdays)
    return content.RowsSection(
        partitions=tuple((day, was, now) for day, (was, now) in rows.partitions.items()),
        weekdays=(before, after),
        hour_column=rows.hour_column,
        hours=hours,
    )


def _metric(metric: MetricDifference) -> content.MetricRow:
    return content.MetricRow(
        name=metric.name,
        slice=slice_text(metric.slice),
        before=measured(metric.before),
        after=measured(metric.after),
        significance=metric.significance,
        is_significant=metric.significance == Significance.SIGNIFICANT,
    )


def measured(metric: Metric | None) -> content.Measured | None:
    """A metric with its interval."""
    return None if metric is None else content.Measured(value=metric.value, low=metric.ci_low, high=metric.ci_high)
