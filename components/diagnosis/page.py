"""The page of a comparison of two versions, of two windows of data, or of versions on the newest data.

Like every page of ours it needs nothing else: no script, no link, no font, no network.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from markupsafe import Markup

from components.comparison import sentences
from components.comparison.compare import DataComparison, Difference, RowCounts
from components.diagnosis.metrics import MetricDifference
from components.diagnosis.newest.newest import Newest, measured_on, newest_culprit
from components.diagnosis.versions import VersionComparison
from components.profiles.distance import Cells
from components.profiles.profile import ColumnProfile
from components.report.before_after import binned_shares, labelled_bins, rows_by_day
from components.report.templating import render, write_page
from components.wording import ABSENT, number, percent, slice_text

DRAWN = 24
"""Differences that have a chart: each takes some milliseconds and some kilobytes."""
LISTED_VALUES = 8
WEEKDAY_LABELS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOUR_LABELS = tuple(map(str, range(24)))

COLUMN_FIGURES: Mapping[str, Callable[[ColumnProfile], str]] = {
    "Type": lambda profile: profile.type,
    "Rows": lambda profile: number(profile.rows),
    "NULL": lambda profile: percent(profile.nulls / max(profile.rows, 1)),
    "Text": lambda profile: percent(profile.texts / max(profile.rows, 1)),
    "NaN, ∞": lambda profile: percent((profile.nans + profile.infinities) / max(profile.rows, 1)),
    "Min": lambda profile: number(profile.low if profile.numbers else None),
    "Median": lambda profile: number(_median(profile)),
    "Mean": lambda profile: number(profile.mean),
    "Max": lambda profile: number(profile.high if profile.numbers else None),
}
"""What the page says of a column on one side. Shares are of its rows."""


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """What a page is written from."""

    model: str
    before: str
    after: str
    headline: str
    notes: Sequence[str] = ()
    data: DataComparison | None
    """None where the newest data could not be read, which is a fault."""
    versions: VersionComparison | None = None
    newest: Newest | None = None

    @property
    def outcome(self) -> str:
        """How the page is coloured: a fault, a difference, or neither."""
        if self.newest is not None:
            return "pushed" if self.newest.verdict.is_healthy else "failed"
        top = sentences.leading(self.data) if self.data else None
        if self.data is None or (top and sentences.is_break(top)):
            return "failed"
        return "blocked" if top else "pushed"


def write_versions_page(comparison: VersionComparison, newest: Newest | None, path: Path) -> None:
    """Write the page of two versions, with their predictions on the newest data if somebody looked at it.

    Raises:
        StorageFullError: the disk has no room for the page.
    """
    facts = _Facts(
        model=comparison.model,
        before=comparison.before.name,
        after=comparison.after.name,
        headline=newest_culprit(newest, comparison.culprit),
        notes=comparison.notes,
        data=comparison.data,
        versions=comparison,
        newest=newest,
    )
    _write(facts, path)


def write_data_page(model: str, data: DataComparison, notes: Sequence[str], path: Path) -> None:
    """Write the page of two windows of data."""
    headline = sentences.culprit(data)
    _write(_Facts(model=model, before=data.before, after=data.after, headline=headline, notes=notes, data=data), path)


def write_newest_page(model: str, newest: Newest, path: Path) -> None:
    """Write the page of one version on the newest data."""
    name, data = newest.versions[-1].name, newest.data
    facts = _Facts(
        model=model,
        before=name,
        after=f"data through {data.through}" if data else "today",
        headline=newest_culprit(newest, f"No culprit in the data since {name} was trained"),
        data=data.comparison if data else None,
        newest=newest,
    )
    _write(facts, path)


def _write(facts: _Facts, path: Path) -> None:
    data, newest = facts.data, facts.newest
    page = render(
        "diagnosis/templates/compare.html",
        **vars(facts),
        outcome=facts.outcome,
        differences=data.differences if data else (),
        windows={"partitions": data.partitions, "spans": data.spans} if data else {},
        columns={"source": data.source, "source.sql": data.features} if data else {},
        charts=[_chart(difference) for difference in data.differences[:DRAWN]] if data else [],
        rows=_row_charts(data.rows if data else None),
        newest_title=_newest_title(newest),
        newest_metrics=_newest_metrics(newest) if newest else {},
        measured_on=measured_on(newest.data if newest else None),
        figure=_figure,
        most_different=_most_different,
        subject=sentences.subject,
        cells=_cells,
        how=sentences.how,
        is_break=sentences.is_break,
        added_and_vanished=sentences.added_and_vanished,
    )
    write_page(page, path)


def _figure(profile: ColumnProfile | None, name: str) -> str:
    return COLUMN_FIGURES[name](profile) if profile else ABSENT


def _median(profile: ColumnProfile) -> float | None:
    """The median; of whole numbers a whole one, since the profile's buckets know it to 1 %."""
    median = profile.quantile(0.5)
    return float(round(median)) if median is not None and profile.type == "INTEGER" else median


def _cells(difference: Difference) -> Cells | None:
    """What is drawn of a difference: the window that is named first is before, even if it is the odd one."""
    cells = difference.column.cells if difference.column else None
    return replace(cells, before=cells.after, after=cells.before) if cells and difference.odd else cells


def _chart(difference: Difference) -> Markup | None:
    """Numbers as a histogram, without the bins at the end that are empty on both sides. Other values are listed, not drawn."""
    cells = _cells(difference)
    if difference.column is None or cells is None or not difference.column.is_numeric:
        return None
    before, after = cells.shares
    filled = np.flatnonzero(before + after)
    end = int(filled[-1]) + 1 if len(filled) else 0
    return binned_shares(before[:end].tolist(), after[:end].tolist())


def _most_different(cells: Cells) -> list[tuple[str, float, float]]:
    """Values and their shares before and after, the most different first."""
    before, after = cells.shares
    order = [int(index) for index in np.argsort(-np.abs(before - after), kind="stable")[:LISTED_VALUES] if before[index] + after[index]]
    return [(cells.labels[index], float(before[index]), float(after[index])) for index in order]


def _row_charts(rows: RowCounts | None) -> dict[str, Markup | None]:
    """The charts of rows by day, by weekday and by hour; None where there is nothing to draw."""
    by_day = by_weekday = by_hour = None
    if rows and rows.partitions:
        by_day = rows_by_day([(day, was, now) for day, (was, now) in rows.partitions.items()])
    if rows and any(map(np.any, rows.weekdays)):
        before, after = rows.weekdays
        by_weekday = labelled_bins(before.tolist(), after.tolist(), WEEKDAY_LABELS, pattern=",d")
    if rows and rows.hours:
        before, after = (side / max(side.sum(), 1) for side in rows.hours)
        by_hour = labelled_bins(before.tolist(), after.tolist(), HOUR_LABELS, pattern="~%")
    return {"by_day": by_day, "by_weekday": by_weekday, "by_hour": by_hour}


def _newest_title(newest: Newest | None) -> str:
    if newest is None or newest.data is None:
        return ""
    return f"{newest.data.comparison.before} → {newest.data.comparison.after}"


def _newest_metrics(newest: Newest) -> dict[tuple[str, str], list[MetricDifference | None]]:
    """By metric and slice: how it differs today from when each version was made; None where it was not measured."""
    sides = [{(metric.name, slice_text(metric.slice)): metric for metric in version.differences} for version in newest.versions]
    return {key: [side.get(key) for side in sides] for key in dict.fromkeys(key for side in sides for key in side)}
