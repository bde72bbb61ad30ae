"""Two versions, or two windows of data, as one HTML page that needs nothing else: no script, no link, no font, no network."""

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from components.report import compare_charts
from components.report.compare_content import ComparisonReport, DifferenceRow, RowsSection
from components.report.palette import PALETTE
from components.report.templating import environment, write_whole

DRAWN = 24
"""Differences that have a chart: each takes some milliseconds and some kilobytes."""


@dataclass(frozen=True)
class RowCharts:
    """The charts of rows by day, by weekday, by hour; None where there is nothing to draw."""

    by_day: Markup | None
    by_weekday: Markup | None
    by_hour: Markup | None


def render(report: ComparisonReport) -> str:
    """The whole page. Every value is escaped, and spelled out where it could not be shown."""
    drawn = report.differences[:DRAWN]
    template = environment().get_template("compare.html")
    return template.render(
        report=report,
        charts={place: _chart(difference) for place, difference in enumerate(drawn)},
        rows=_row_charts(report.rows),
        palette=PALETTE,
    )


def write(report: ComparisonReport, path: Path) -> None:
    """Render the page into that file, which is either the old one or the whole new one at any time.

    Raises:
        StorageFullError: the disk has no room for it.
    """
    write_whole(render(report), path)


def _chart(difference: DifferenceRow) -> Markup | None:
    return compare_charts.two_shares(difference.numbers.before, difference.numbers.after) if difference.numbers else None


def _row_charts(rows: RowsSection) -> RowCharts:
    weekdays = compare_charts.by_place(*rows.weekdays, compare_charts.WEEKDAYS, pattern=",d") if any(map(any, rows.weekdays)) else None
    hours = compare_charts.by_place(*rows.hours, [str(hour) for hour in range(24)], pattern="~%") if rows.hours else None
    return RowCharts(compare_charts.rows_by_day(rows.partitions) if rows.partitions else None, weekdays, hours)
