"""Which days the source has all of: what was served on them can be held against what source.sql gives."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta

from components.cloud import Cloud
from components.comparison.days import usual_rows
from components.errors import SourceError
from components.model.folder import Model
from components.snapshot.source import count_days, read_source_table

USUAL_DAYS = 28
"""So many days before tell how many rows a day has."""
LEAST_SHARE = 0.5
"""A day with a smaller share of the rows of such weekdays is still being loaded, or lacks some."""


def whole_days(cloud: Cloud, model: Model, days: Collection[date]) -> set[date]:
    """Those of some days of which the source has all rows, as far as it can be said; none if it cannot be read.

    Raises:
        AccessError: BigQuery refuses or does not answer.
    """
    if not days:
        return set()
    try:
        table = read_source_table(cloud, model)
        rows = count_days(cloud, table, model.source.partition_field, min(days) - timedelta(days=USUAL_DAYS))
    except SourceError:
        return set()
    settle = timedelta(days=model.continuous.settle_days if model.continuous else 0)
    return {day for day in days if max(rows, default=date.min) >= day + settle and _is_whole(day, rows)}


def _is_whole(day: date, rows: Mapping[date, int]) -> bool:
    """Whether a day has about as many rows as the same weekdays before it had, or else as the days before it had.

    Args:
        day: which.
        rows: the rows of each partition.
    """
    before = {one: count for one, count in rows.items() if day - timedelta(days=USUAL_DAYS) <= one < day}
    return bool(before) and rows.get(day, 0) >= LEAST_SHARE * usual_rows(day, before)
