"""Copy jobs: of tables, of partitions, of a table as it was (`table@MILLISECONDS`), and table snapshots, which may expire."""

import contextlib
import datetime as dt

import duckdb
from local_bigquery.catalog import datasets, metadata, names, tables
from local_bigquery.errors import already_exists
from local_bigquery.models import JobConfigurationQuery, JobConfigurationTableCopy, JobStatistics5, Table
from local_bigquery.sql.rules.tables import DECORATOR as TIME_DECORATED

from bigquery.jobs import views
from bigquery.tables import catalogue, partitions, streaming, versions
from bigquery.tables.making import making
from bigquery.tables.partitions import Reference


def run(cursor: duckdb.DuckDBPyConnection, config: JobConfigurationTableCopy, _upload: str | None) -> JobStatistics5:
    """Run a copy job. A destination that it makes is partitioned and clustered as the first source is."""
    now = dt.datetime.now(dt.UTC)
    sources = [tables.reference(source) for source in config.sourceTables or [config.sourceTable]]
    destination = tables.reference(config.destinationTable)
    datasets.get(*destination[:2])
    for source in sources:
        views.refuse(_base(source))
    select = " UNION ALL BY NAME ".join(f"SELECT * FROM {_rows(source, now)}" for source in sources)
    (copied,) = cursor.execute(f"SELECT count(*) FROM ({select})").fetchone() or (0,)
    if config.operationType in ("SNAPSHOT", "CLONE"):
        _derive(cursor, select, config, now)
    else:
        layout = {} if tables.exists(*partitions.split(destination)[0]) else _layout(sources[0])
        tables.write(cursor, select, None, destination, _writing(config, layout))
    return JobStatistics5(copiedRows=str(copied), copiedLogicalBytes="0")


def _derive(cursor: duckdb.DuckDBPyConnection, select: str, config: JobConfigurationTableCopy, now: dt.datetime) -> None:
    """Make a snapshot or a clone. BigQuery shares storage with the table; this copies, takes room, and behaves the same."""
    destination = tables.reference(config.destinationTable)
    with making(destination, lambda: bool(tables.exists(*destination))) as is_there:
        if is_there:
            raise already_exists("Table", names.label(*destination))
        _make_derived(cursor, select, config, now)


def _make_derived(cursor: duckdb.DuckDBPyConnection, select: str, config: JobConfigurationTableCopy, now: dt.datetime) -> None:
    source, destination = tables.reference(config.sourceTable or config.sourceTables[0]), tables.reference(config.destinationTable)
    base = dict(zip(("projectId", "datasetId", "tableId"), _base(source), strict=True))
    taken = (_moment(source, now) or now).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    resource = tables.defaults(*destination).replace(**_layout(source))
    if config.operationType == "CLONE":
        resource = resource.replace(cloneDefinition={"baseTableReference": base, "cloneTime": taken})
    else:
        resource = resource.replace(type="SNAPSHOT", snapshotDefinition={"baseTableReference": base, "snapshotTime": taken})
    if config.destinationExpirationTime:
        expires = dt.datetime.fromisoformat(config.destinationExpirationTime)
        resource = resource.replace(expirationTime=str(int(expires.timestamp() * 1000)))
    with contextlib.ExitStack() as on_error:
        tables.record(*destination, resource)  # before the rows: the writer lays them out as it says
        on_error.callback(tables.forget, *destination)
        tables.write(cursor, select, None, destination, _writing(config, _layout(source)).replace(writeDisposition="WRITE_TRUNCATE"))
        on_error.pop_all()


def _rows(source: Reference, now: dt.datetime) -> str:
    """What DuckDB selects from."""
    if moment := _moment(source, now):
        return streaming.written(_base(source), versions.at(_base(source), versions.snapshot_at(source[0], moment)))
    tables.load(*source)
    table, partition_id = partitions.split(source)
    rows = streaming.written(table, str(tables.name(*table)))
    return f"(SELECT * FROM {rows} WHERE {catalogue.partitioned(table, partition_id).condition(partition_id)})" if partition_id else rows


def _moment(source: Reference, now: dt.datetime) -> dt.datetime | None:
    """The moment that `table@MILLISECONDS` names, counted from 1970 or, if negative, back from now."""
    timed = TIME_DECORATED.match(source[2])
    if timed is None:
        return None
    milliseconds = int(timed[2])
    start = now if milliseconds < 0 else dt.datetime.fromtimestamp(0, dt.UTC)
    return start + dt.timedelta(milliseconds=milliseconds)


def _base(source: Reference) -> Reference:
    """The table that a source is, is a partition of, or was."""
    (project, dataset, table), _ = partitions.split(source)
    timed = TIME_DECORATED.match(table)
    return project, dataset, timed[1] if timed else table


def _layout(source: Reference) -> dict[str, object]:
    stored = metadata.load(Table, *_base(source))
    return dict(stored.only(*tables.LAYOUT).dump()) if stored else {}


def _writing(config: JobConfigurationTableCopy, layout: dict[str, object]) -> JobConfigurationQuery:
    """The part of the job that says how to write. A copy job itself has no place for a layout."""
    return JobConfigurationQuery.model_validate(config.only("writeDisposition", "createDisposition").dump() | layout)
