"""What BigQuery knows of a table without reading its rows: its partitions by one query a table, and what a training would read."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from google.cloud import bigquery

from components.cloud import Cloud
from components.errors import SourceError
from components.google import split_table, table_name
from components.model.folder import Model
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.partitions import PartitionRange, is_view, partitions_bytes
from components.snapshot.query import dry_run
from components.snapshot.source import AHEAD_OF_UTC, LOAD, History, days_of_months, days_of_view_bytes, read_days_of_view, read_source_table
from components.snapshot.views.behind import newest_change
from components.snapshot.window import resolve_window

MONTH, DAY, HOUR = len("202612"), len("20261231"), len("2026123123")
"""The lengths of names of partitions."""
COUNTS = 2
"""A training counts its partitions in the source, and in the table that it has pinned; the days of a view twice, which it also copies."""


@dataclass(frozen=True)
class PartitionSizes:
    """The partitions of a table that a window may use."""

    history: History
    rows: Mapping[date, int]
    modified: Mapping[date, datetime]
    """When each was changed last; of a view, when anything behind it was."""
    is_view: bool = False

    def rows_between(self, after: date, through: date) -> int:
        """The rows after one day, up to another."""
        return sum(rows for day, rows in self.rows.items() if after < day <= through)

    def written_at(self, first: date, last: date) -> datetime | None:
        """When a partition from one day to another was written last; None of a view, of no day of which that is known."""
        if self.is_view:
            return None
        return max((when for day, when in self.modified.items() if first <= day <= last), default=None)


def read_partition_sizes(cloud: Cloud, model: Model) -> PartitionSizes:
    """The partitions of a model's source.

    Raises:
        SourceError: the table does not exist, has no partition of today or before, or is partitioned by other units.
        AccessError: BigQuery refuses or does not answer.
    """
    name = f"{cloud.settings.project}.{model.source.table}"
    _, _, table = split_table(name)
    config = bigquery.QueryJobConfig(
        query_parameters=[bigquery.ScalarQueryParameter("table", "STRING", table)], maximum_bytes_billed=cloud.settings.maximum_bytes_billed
    )
    with bigquery_errors(cloud.settings, f"partitions of {name}", remedy=LOAD):
        found = list(cloud.warehouse.query(_query(name), config).result(timeout=600))
    if not found and is_view(source := read_source_table(cloud, model)):
        return _of_view(cloud, model, source)
    partitions = {row.partition_id: row for row in found if row.partition_id.isdigit()}
    for identifier in partitions:
        if len(identifier) not in (MONTH, DAY, HOUR):
            what = f"table {name} has a partition {identifier}, which is of no day, hour or month"
            raise SourceError(f"{what}: `perennial train {model.name}` says what to do")
    by_month = any(len(identifier) == MONTH for identifier in partitions)
    rows, modified = _of_months(cloud, model, partitions) if by_month else _of_days(partitions)
    today = (found[0].present + AHEAD_OF_UTC).date() if found else date.min
    if not rows or min(rows) > today:
        raise SourceError(f"table {name} has no partition of today or before: {LOAD}")
    return PartitionSizes(History.of(sorted(rows), today=today), rows, modified)


def _of_view(cloud: Cloud, model: Model, view: bigquery.Table) -> PartitionSizes:
    """The days of a view, which has no partitions of its own; each was changed when anything behind the view was."""
    field = model.source.partition_field
    history, rows = read_days_of_view(cloud, view, field)
    return PartitionSizes(history, rows, dict.fromkeys(rows, newest_change(cloud, view, field)), is_view=True)


def _of_days(partitions: Mapping[str, bigquery.Row]) -> tuple[Mapping[date, int], Mapping[date, datetime]]:
    """The rows of each day, and when it was changed last, of partitions that are days or the hours of them."""
    rows, modified = Counter[date](), dict[date, datetime]()
    for identifier, row in partitions.items():
        day = _day(identifier)
        rows[day] += int(row.total_rows)
        modified[day] = max(row.last_modified_time, modified.get(day, row.last_modified_time))
    return rows, modified


def _of_months(cloud: Cloud, model: Model, partitions: Mapping[str, bigquery.Row]) -> tuple[Mapping[date, int], Mapping[date, datetime]]:
    """The same of partitions that are months. Their days are counted; each was changed when its month was, as far as BigQuery knows."""
    table = read_source_table(cloud, model)
    with bigquery_errors(cloud.settings, f"days of {table_name(table)}", remedy=LOAD):
        rows = days_of_months(cloud, table, sorted(partitions))
    months = {day: f"{day:%Y%m}" for day in rows}
    return rows, {day: partitions[month].last_modified_time for day, month in months.items() if month in partitions}


def _query(name: str) -> str:
    project, dataset, _ = split_table(name)
    return (Path(__file__).parent / "partition_sizes.sql").read_text().format(dataset=f"`{project}`.`{dataset}`")


def _day(identifier: str) -> date:
    return date(int(identifier[:4]), int(identifier[4:6]), int(identifier[6:8]))


def training_bytes(cloud: Cloud, model: Model, through: date, history: History) -> int:
    """How many bytes a training through a day would read at most: examples that are kept from before are not read again.

    Raises:
        SourceError: BigQuery refuses a query of it, or one would read more than `maximum_bytes_billed`.
        AccessError: BigQuery refuses the credentials, or does not answer.
    """
    table, limit = read_source_table(cloud, model), cloud.settings.maximum_bytes_billed
    window = resolve_window(model, through, first=history.first, last=history.latest)
    wanted = PartitionRange.of(table, model.source.partition_field, (window.first_partition, window.last_partition))
    with bigquery_errors(cloud.settings, f"partitions of {wanted.table}", remedy="correct model.toml"):
        counted = partitions_bytes(cloud.warehouse, wanted)
        days = days_of_view_bytes(cloud.warehouse, table, wanted.field) if wanted.is_view else 0
    rows = dry_run(cloud, model, table=wanted.table, window=window).total_bytes_processed or 0
    if (most := max(counted, rows, days)) > limit:
        raise SourceError(
            f"a query of it would read {most:,} bytes, and PERENNIAL_MAXIMUM_BYTES_BILLED is {limit:,}: "
            f"narrow the window or raise the limit"
        )
    copied = counted if wanted.is_view else 0
    return COUNTS * (counted + days) + copied + rows
