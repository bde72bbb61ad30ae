"""When a table or a partition last changed, as DuckLake's catalogue tells it: no hook into any writer is needed."""

import datetime as dt
import functools
import threading
from dataclasses import dataclass
from importlib.resources import files

from local_bigquery.engine import database
from local_bigquery.engine.database import quote
from local_bigquery.errors import BigQueryError

from bigquery.tables.partitions import Reference

committing = threading.RLock()
"""Held from the beginning to the end of a write. DuckLake gives a snapshot the time at which its write began, so without this a table as
of a moment would change while a write that began before it is still on its way. It also saves writes from colliding and starting again."""

VERSION = (files("bigquery.tables") / "table_version.sql").read_text()
LAID_OUT = (files("bigquery.tables") / "laid_out.sql").read_text()
PARTITION_TIMES = (files("bigquery.tables") / "partition_times.sql").read_text()


@dataclass(frozen=True)
class Version:
    """One state of one table. A table that is dropped and made again has another `table_id`."""

    table_id: int
    snapshot_id: int
    modified_ms: int
    has_files: bool
    """Whether it may have rows: they are in files."""


@dataclass(frozen=True)
class Times:
    """When a partition came to be and when it last changed, in milliseconds since 1970."""

    created_ms: int
    modified_ms: int


def catalogue(project: str) -> str:
    """The schema in which DuckLake keeps the catalogue of a project."""
    return quote(f"__ducklake_metadata_{project}")


def newest(project: str) -> tuple[int, int]:
    """Numbers of the newest snapshot of a project's catalogue, and of its schema, which is another one with every change of datasets,
    tables, views and columns."""
    ((snapshot_id, schema_version),) = database.fetch(
        f"SELECT max(snapshot_id), max(schema_version) FROM {catalogue(project)}.ducklake_snapshot"
    )
    return int(snapshot_id), int(schema_version)


def version(reference: Reference) -> Version | None:
    """The newest state of a table; None for a view or a table that is not there."""
    return _version(reference, newest(reference[0])[0])


@functools.lru_cache(maxsize=256)
def _version(reference: Reference, _snapshot_id: int) -> Version | None:
    project, dataset, table = reference
    rows = database.fetch(VERSION.format(catalogue=catalogue(project)), [dataset, table])
    return Version(*rows[0]) if rows else None


def end_of_rows(reference: Reference, table_id: int) -> int:
    """The row id that the next row of a table will have."""
    query = f"SELECT coalesce(max(next_row_id), 0) FROM {catalogue(reference[0])}.ducklake_table_stats WHERE table_id = ?"
    ((end,),) = database.fetch(query, [table_id])
    return int(end)


def partition_times(project: str, table_id: int) -> dict[str, Times]:
    """Times of each partition that ever held rows, by its id."""
    rows = database.fetch(PARTITION_TIMES.format(catalogue=catalogue(project)), [table_id])
    return {partition_id: Times(created, modified) for partition_id, created, modified in rows}


def laid_out(project: str) -> set[tuple[str, str]]:
    """Datasets and tables of which DuckLake keeps each partition in files of its own."""
    return set(database.fetch(LAID_OUT.format(catalogue=catalogue(project))))


def settle() -> None:
    """Wait until no write is on its way that may still change the past."""
    with committing:
        pass


def snapshot_at(project: str, moment: dt.datetime) -> int:
    """The snapshot of a project's catalogue that was the newest one at a moment.

    Raises:
        BigQueryError: the project is younger than that.
    """
    settle()
    query = f"SELECT max(snapshot_id) FROM {catalogue(project)}.ducklake_snapshot WHERE snapshot_time <= ?"
    ((snapshot_id,),) = database.fetch(query, [moment])
    if snapshot_id is None:
        raise BigQueryError("invalid", f"Invalid time travel timestamp {moment:%Y-%m-%d %H:%M:%S.%f}: the data is younger")
    return int(snapshot_id)


def at(reference: Reference, snapshot_id: int) -> str:
    """What DuckDB selects from to see a table as it was in a snapshot."""
    return f"{quote(*reference)} AT (VERSION => {snapshot_id})"
