"""Profile the pinned partitions: new and changed ones are streamed from the table snapshot, the others are cached."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from components.cloud import Cloud
from components.errors import SourceError
from components.files import file_sha256, private_folder, write_whole
from components.lock import exclusive_lock
from components.model.folder import Model
from components.profiles.file import read_profiles, write_profiles
from components.profiles.profile import SOURCE_TABLE, ColumnProfile, ProfileKey, Profiles
from components.profiles.profiler import MOST_VALUES, Profiler
from components.snapshot.arrow_stream import split_by_day, stream_table
from components.snapshot.bigquery_errors import bigquery_errors
from components.snapshot.document import LOADING, Snapshot
from components.snapshot.partitions import days_condition, is_view
from components.snapshot.views.rows import stream_view

log = logging.getLogger(__name__)

PROFILE_VERSION = 5
"""Goes into every fingerprint: raise it when the same rows would give another profile."""
PROFILED = frozenset({"INTEGER", "FLOAT", "NUMERIC", "BIGNUMERIC", "STRING", "BOOLEAN", "DATE", "TIMESTAMP", "DATETIME", "TIME"})
"""The types whose values are profiled: of others nothing can be said that holds for a partition."""

Columns = dict[str, ColumnProfile]


def profile_source(
    cloud: Cloud, snapshot: Snapshot, known: Profiles, *, cluster: str = "", as_of: datetime | None = None
) -> dict[ProfileKey, Columns]:
    """Profile every pinned partition. The profiles are cached on this machine.

    Args:
        cloud: the services, and the folder of caches.
        snapshot: the pinned snapshot.
        known: profiles from elsewhere, which are used for partitions of the same content.
        cluster: the column whose value rows share that belong together: see `cluster_column`.
        as_of: reads the source table as it was then, for a window that was described but not pinned.

    Raises:
        AccessError: BigQuery refuses or does not answer.
        SourceError: the table snapshot is gone, or a view changed since it was described.
    """
    wanted = [_source_key(snapshot, index, cluster) for index in range(len(snapshot.partitions))]
    private_folder(cloud.settings.caches)
    path = cloud.settings.caches / "profiles" / f"{snapshot.source_table}.parquet"
    with exclusive_lock(path.with_suffix(".lock")):
        cached = _read_cached(path)
        profiles = {key: dict(source[key]) for key in wanted for source in (known, cached) if key in source}
        missing = {key.day: key for key in wanted if key not in profiles}
        if missing:
            new = _profile_days(cloud, snapshot, missing, cluster, as_of)
            write_profiles(cached | new, path)
            write_whole(_checksum(path), file_sha256(path))
            profiles |= new
    return {key: profiles[key] for key in wanted}


def cluster_column(model: Model, snapshot: Snapshot) -> str:
    """The column whose value rows share that belong together: `checks.cluster`, else the key; empty if the table has no such column."""
    wanted = model.checks.cluster or model.rows.key
    return wanted if wanted in dict(snapshot.columns) else ""


def _checksum(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _read_cached(path: Path) -> dict[ProfileKey, Columns]:
    """The cached profiles, if the file has the bytes that were written."""
    if not path.is_file():
        return {}
    if not _checksum(path).is_file() or _checksum(path).read_text() != file_sha256(path):
        log.warning("the cached profiles are damaged: they are made again", extra={"file": str(path)})
        return {}
    return read_profiles(path)


def _source_key(snapshot: Snapshot, index: int, cluster: str = "") -> ProfileKey:
    """The key of a pinned partition's profile: it changes with the table, the columns and the content."""
    partition = snapshot.partitions[index]
    content = f"{PROFILE_VERSION} {snapshot.source_table} {snapshot.schema_fingerprint} {partition.checksum} {cluster}".rstrip()
    return ProfileKey(SOURCE_TABLE, partition.day, content)


def _profile_days(
    cloud: Cloud, snapshot: Snapshot, missing: dict[date, ProfileKey], cluster: str, as_of: datetime | None
) -> dict[ProfileKey, Columns]:
    profiled, rows = dict[ProfileKey, Columns](), {one.day: one.rows for one in snapshot.partitions}
    for days in _days_together(sorted(missing), rows, len(snapshot.columns)):
        profilers = {day: Profiler(cluster, day) for day in days}
        for batch in _stream(cloud, snapshot, days, as_of):
            for day, part in split_by_day(batch, snapshot.partition_field):
                if day in profilers:
                    profilers[day].add(_columns_of(part, snapshot))
        _require_as_described(snapshot, {day: profiler.rows for day, profiler in profilers.items()})
        profiled |= {missing[day]: profiler.profile() for day, profiler in profilers.items() if profiler.rows}
    return profiled


def _days_together(days: Sequence[date], rows: Mapping[date, int], columns: int) -> Iterator[list[date]]:
    """The days, as many at a time as can be held in memory, at least one."""
    together, values = list[date](), 0
    for day in days:
        if together and values + rows[day] * columns > MOST_VALUES:
            yield together
            together, values = [], 0
        together.append(day)
        values += rows[day] * columns
    if together:
        yield together


def _require_as_described(snapshot: Snapshot, streamed: Mapping[date, int]) -> None:
    """Refuse days that have other rows than when they were described: a view that is not pinned is read at two moments."""
    described = {one.day: one.rows for one in snapshot.partitions}
    changed = [day for day in sorted(streamed) if streamed[day] != described[day]]
    if changed:
        first = changed[0]
        what = f"{snapshot.source_table} changed while it was read ({first}: {described[first]:,} rows, then {streamed[first]:,})"
        raise SourceError(f"{what}: run the same command again when its tables are written")


def _columns_of(rows: pa.RecordBatch, snapshot: Snapshot) -> pa.RecordBatch:
    """Without the time of loading, which is no column of the table."""
    return rows.drop_columns([snapshot.partition_field]) if snapshot.partition_field in LOADING else rows


def _stream(cloud: Cloud, snapshot: Snapshot, days: list[date], as_of: datetime | None) -> Iterator[pa.RecordBatch]:
    """Stream all rows from the first to the last of the days: BigQuery prunes partitions by a range."""
    field = snapshot.partition_field
    columns = [name for name, kind in snapshot.columns if kind in PROFILED] + [name for name in LOADING if name == field]
    name = snapshot.source_table if as_of else snapshot.snapshot_table
    first, after = (f"DATE '{day}'" for day in (days[0], days[-1] + timedelta(days=1)))
    restriction = days_condition(field, snapshot.partition_type, first, after)
    with bigquery_errors(cloud.settings, f"rows of {name}", remedy="run the same command again"):
        if as_of and is_view(cloud.warehouse.get_table(name, timeout=60)):
            yield from stream_view(cloud, name, columns=columns, condition=restriction)
        else:
            yield from stream_table(cloud, name, columns=columns, restriction=restriction, as_of=as_of)
