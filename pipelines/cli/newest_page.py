"""Versions on the newest data, for the page of a comparison."""

from pathlib import Path

from components.diagnosis.metrics import MetricDifference
from components.diagnosis.newest.newest import Newest, NewestData
from components.diagnosis.newest.predictions import SideBySide
from components.diagnosis.newest.verdict import VerdictKind
from components.diagnosis.newest.version_now import VersionNow
from components.report import compare_content as content
from components.report.compare_page import write
from pipelines.cli.compare_page import difference_row, measured, report_of
from pipelines.cli.text.comparison import slice_text
from pipelines.cli.text.newest import culprit, measured_on, verdict

SHOWN_SLICES = 12
SHOWN_DIFFERENCES = 8


def write_newest(model: str, newest: Newest, path: Path) -> None:
    """The page of one version."""
    data, name = newest.data, newest.versions[-1].name
    headline = culprit(newest, f"No culprit in the data since {name} was trained")
    found = report_of(model, data.comparison, (), headline) if data else _without_data(model, headline)
    names = {"before": name, "after": f"data through {data.through}" if data else "today"}
    write(content.ComparisonReport(**found | names, newest=section(newest)), path)  # type: ignore[arg-type]


def _without_data(model: str, headline: str) -> dict[str, object]:
    rows = content.RowsSection(partitions=(), weekdays=((), ()), hour_column=None, hours=None)
    return {
        "model": model,
        "culprit": headline,
        "is_fault": True,
        "notes": (),
        "windows": (),
        "differences": (),
        "columns": (),
        "rows": rows,
    }


def section(newest: Newest) -> content.NewestSection:
    """All of it."""
    data = newest.data
    return content.NewestSection(
        verdict=verdict(newest),
        is_wrong=newest.verdict.kind not in (VerdictKind.NOTHING, VerdictKind.OLDER),
        today=data.through if data else None,
        then=data.then if data else None,
        measured_on=measured_on(data),
        notes=newest.notes,
        predictions=tuple(_predictions(version) for version in newest.versions),
        together=_together(newest, newest.side_by_side) if newest.side_by_side else None,
        metrics=_metrics(newest),
        title=_title(data) if data else "",
        differences=tuple(map(difference_row, data.comparison.differences[:SHOWN_DIFFERENCES])) if data else (),
    )


def _title(data: NewestData) -> str:
    return f"{data.comparison.before} → {data.comparison.after}{f', partitions since {data.since}' if data.since else ''}"


def _predictions(version: VersionNow) -> content.PredictionColumn:
    then, today = version.then, version.now
    names = dict.fromkeys(name for one in (then, today) if one for name in one.shares)
    return content.PredictionColumn(
        version=version.name,
        then_rows=then.rows if then else None,
        today_rows=today.rows if today else None,
        refused=version.refused,
        classes=tuple(
            content.ClassShare(
                name=name,
                then=then.shares.get(name, 0.0) if then and then.refused < 1 else None,
                today=today.shares.get(name, 0.0) if today and today.refused < 1 else None,
            )
            for name in names
        ),
    )


def _together(newest: Newest, both: SideBySide) -> content.Together:
    return content.Together(
        rows=both.rows,
        agreement=both.agreement,
        score_difference=both.score_difference,
        before=newest.versions[0].name,
        after=newest.versions[-1].name,
        before_classes=both.before_classes,
        after_classes=both.after_classes,
        confusion=both.confusion,
        slices=tuple(
            content.MovedSlice(slice=slice_text(one.slice), rows=one.rows, agreement=one.agreement, moved=one.distance)
            for one in both.slices[:SHOWN_SLICES]
            if one.agreement < 1
        ),
    )


def _metrics(newest: Newest) -> tuple[content.NewestMetricRow, ...]:
    found = [{(one.name, slice_text(one.slice)): one for one in version.differences} for version in newest.versions]
    keys = dict.fromkeys(key for one in found for key in one)
    return tuple(
        content.NewestMetricRow(
            name=name,
            slice=where,
            versions=tuple(
                _then_and_now(version, one[name, where]) if (name, where) in one else None
                for version, one in zip(newest.versions, found, strict=True)
            ),
        )
        for name, where in keys
    )


def _then_and_now(version: VersionNow, difference: MetricDifference) -> content.ThenAndNow:
    return content.ThenAndNow(
        then=measured(difference.before),
        now=measured(difference.after),
        significance=difference.significance,
        is_worse=difference in version.worse,
    )
