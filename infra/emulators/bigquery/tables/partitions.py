"""Partition decorators (`table$20260101`): what they name, and how a table is laid out by partition."""

import datetime as dt
import re
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa
import pyarrow.compute as pc
from local_bigquery.catalog import metadata
from local_bigquery.catalog.tables import INGESTION_TIME
from local_bigquery.engine.database import quote
from local_bigquery.errors import BigQueryError
from local_bigquery.models import Table

Reference = tuple[str, str, str]
"""Project, dataset and table, as local-bigquery passes them around."""

SUMMARY = "__PARTITIONS_SUMMARY__"
"""`table$__PARTITIONS_SUMMARY__` is a table of the table's partitions; the client's list_partitions reads it."""
NULL = "__NULL__"
"""The partition of the rows whose partitioning column is NULL."""
UNPARTITIONED = "__UNPARTITIONED__"
"""The partition of the rows that are in the streaming buffer."""
DECORATED = re.compile(r"([^$]+)\$(\w+)")


class Unit(StrEnum):
    """How much time one partition spans."""

    HOUR = "HOUR"
    DAY = "DAY"
    MONTH = "MONTH"
    YEAR = "YEAR"


ID_FORMATS = {Unit.HOUR: "%Y%m%d%H", Unit.DAY: "%Y%m%d", Unit.MONTH: "%Y%m", Unit.YEAR: "%Y"}
DUCKLAKE_TRANSFORMS = {
    Unit.HOUR: ("year", "month", "day", "hour"),
    Unit.DAY: ("year", "month", "day"),
    Unit.MONTH: ("year", "month"),
    Unit.YEAR: ("year",),
}


@dataclass(frozen=True)
class Partitioning:
    """Which column a table is partitioned by, and how finely."""

    field: str
    """INGESTION_TIME, which clients do not see, for a table that is partitioned by when its rows are loaded."""
    unit: Unit

    @property
    def is_by_ingestion(self) -> bool:
        """Whether rows belong to the partition of the time at which they are loaded, or that the load names."""
        return self.field == INGESTION_TIME

    def loaded(self, rows: pa.Table, partition_id: str | None) -> pa.Table:
        """Rows that are loaded, with the hidden column of such a table. Those that are copied have it."""
        if not self.is_by_ingestion or (INGESTION_TIME in rows.column_names and not partition_id):
            return rows
        moment = self.moment(partition_id)
        others = rows.drop_columns([INGESTION_TIME]) if INGESTION_TIME in rows.column_names else rows
        moments = pa.chunked_array([pa.repeat(pa.scalar(moment, pa.timestamp("us", "UTC")), len(rows))])
        return others.append_column(INGESTION_TIME, moments)

    def moment(self, partition_id: str | None) -> dt.datetime:
        """What the hidden column has for rows of a partition, or else for rows that come now."""
        return self._bounds(partition_id or dt.datetime.now(dt.UTC).strftime(ID_FORMATS[self.unit]))[0].replace(tzinfo=dt.UTC)

    def layout(self) -> str:
        """What follows DuckLake's SET PARTITIONED BY, so that each data file holds rows of one partition only."""
        return ", ".join(f"{transform}({quote(self.field)})" for transform in DUCKLAKE_TRANSFORMS[self.unit])

    def id_of_row(self) -> str:
        """A DuckDB expression: the id of the partition that a row belongs to."""
        return f"coalesce(strftime({quote(self.field)}, '{ID_FORMATS[self.unit]}'), '{NULL}')"

    def condition(self, partition_id: str) -> str:
        """A DuckDB condition that holds for the rows of one partition, as a range so that whole files are skipped."""
        if partition_id == NULL:
            return f"{quote(self.field)} IS NULL"
        start, end = self._bounds(partition_id)
        before = f" AND {quote(self.field)} < '{self._shown(end)}'" if end else ""
        return f"{quote(self.field)} >= '{self._shown(start)}'{before}"

    def _shown(self, moment: dt.datetime) -> str:
        return moment.isoformat(" ") if self.unit is Unit.HOUR else moment.date().isoformat()  # strftime pads no year before 1000

    def holds(self, partition_id: str, rows: pa.Table) -> bool:
        """Whether all rows belong to one partition."""
        named = {name.casefold(): name for name in rows.column_names}
        field = named.get(self.field.casefold())
        values = rows[field] if field else pa.chunked_array([pa.nulls(len(rows), pa.date32())])
        if partition_id == NULL:
            return values.null_count == len(values)
        start, end = self._bounds(partition_id)
        extremes = pc.min_max(values.cast(pa.timestamp("us"))).as_py()
        return values.null_count == 0 and (not len(values) or (start <= extremes["min"] and (end is None or extremes["max"] < end)))

    def _bounds(self, partition_id: str) -> tuple[dt.datetime, dt.datetime | None]:
        """First moment of a partition, and of the one that follows; None after the last one of year 9999."""
        pattern = ID_FORMATS[self.unit]
        try:
            start = dt.datetime.strptime(partition_id, pattern)  # noqa: DTZ007 - of a partition, which is UTC
        except ValueError:
            message = f"Invalid partition decorator ${partition_id}: a table partitioned by {self.unit} takes ${pattern}"
            raise BigQueryError("invalid", message) from None
        try:
            return start, _following(start, self.unit)
        except (OverflowError, ValueError):
            return start, None


def _following(start: dt.datetime, unit: Unit) -> dt.datetime:
    if unit is Unit.HOUR:
        return start + dt.timedelta(hours=1)
    if unit is Unit.DAY:
        return start + dt.timedelta(days=1)
    if unit is Unit.MONTH:
        return (start + dt.timedelta(days=31)).replace(day=1)
    return start.replace(year=start.year + 1)


def split(reference: Reference) -> tuple[Reference, str | None]:
    """The table without its decorator, and the partition's id."""
    project, dataset, table = reference
    if match := DECORATED.fullmatch(table):
        return (project, dataset, match[1]), match[2]
    return reference, None


def declared(resource: object) -> Partitioning | None:
    """The partitioning that a table's resource, or a job's configuration, asks for."""
    asked = getattr(resource, "timePartitioning", None)
    if asked is None:
        return None
    return Partitioning(asked.field or INGESTION_TIME, Unit(asked.type or Unit.DAY))


def is_by_ingestion(reference: Reference) -> bool:
    """Whether a stored table is partitioned by the time at which its rows are loaded."""
    partitioning = of_table(reference)
    return partitioning is not None and partitioning.is_by_ingestion


def of_table(reference: Reference) -> Partitioning | None:
    """The partitioning of a stored table."""
    stored = metadata.load(Table, *reference)
    return declared(stored) if stored else None
