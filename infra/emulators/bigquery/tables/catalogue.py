"""Tables as resources: sizes, change times and etags that follow the data, and `table$partition` wherever a table may stand.

Each public function here stands in for the one of the same name in local-bigquery (`install.py` says where), and calls it for the rest.
"""

import hashlib
import json
from collections.abc import Callable

from local_bigquery.catalog import datasets, names, tables
from local_bigquery.engine import database, types
from local_bigquery.engine.database import quote
from local_bigquery.errors import BigQueryError, already_exists, not_found
from local_bigquery.models import Table, TableFieldSchema

from bigquery.tables import partitions, sizes, streaming, structure, versions
from bigquery.tables.partitions import SUMMARY, Partitioning, Reference
from bigquery.tables.sizes import Measured
from bigquery.tables.versions import Version

original_load = tables.load
original_name = tables.name
original_create = tables.create
original_delete = tables.delete
original_record = tables.record

SUMMARY_FIELDS = {"partition_id": "STRING", "creation_time": "INTEGER", "last_modified_time": "INTEGER"}
"""Columns of `table$__PARTITIONS_SUMMARY__`; times are in milliseconds."""


def load(project: str, dataset: str, table: str) -> Table:
    """A table's resource; of a partition, the table's with the number of the partition's rows."""
    reference, partition_id = partitions.split((project, dataset, table))
    resource = original_load(*reference)
    measured: tuple[Measured, ...] = ()
    if dataset != tables.RESULTS and (version := versions.version(reference)):
        measured = sizes.measure(reference)
        resource = streaming.describe(_changed(resource, version, measured), reference)
    if partition_id is None:
        return resource
    identity = tables.defaults(project, dataset, table).only("id", "selfLink", "tableReference").dump()
    if partition_id == SUMMARY:
        if resource.type == "VIEW":
            message = f"Cannot read partition information from a table that is not partitioned: {names.label(project, dataset, table)}"
            raise BigQueryError("invalid", message)
        fields = [{"name": name, "type": kind} for name, kind in SUMMARY_FIELDS.items()]
        return resource.replace(**identity, schema={"fields": fields}, numRows=str(len(measured)))
    rows = sum(partition.rows for partition in measured if partition.id == partition_id)
    return resource.replace(**identity, numRows=str(rows))


def require(project: str, dataset: str, table: str) -> None:
    """Refuse a table that is not there, without measuring one that is.

    Raises:
        BigQueryError: it is not there.
    """
    if not tables.exists(*partitions.split((project, dataset, table))[0]):
        raise not_found("Table", names.label(project, dataset, table))


def _changed(resource: Table, version: Version, measured: tuple[Measured, ...]) -> Table:
    size = str(sum(partition.bytes for partition in measured))
    resource = resource.replace(
        lastModifiedTime=str(max(int(resource.lastModifiedTime or 0), version.modified_ms)),
        numRows=str(sum(partition.rows for partition in measured)),
        numBytes=size,
        numTotalLogicalBytes=size,
        numActiveLogicalBytes=size,
    )
    told = json.dumps([resource.without("etag").dump(), version.table_id, version.snapshot_id], sort_keys=True)
    return resource.replace(etag=hashlib.sha256(told.encode()).hexdigest())


def name(project: str, dataset: str, table: str) -> str:
    """What DuckDB selects from: a table, or the rows of one partition."""
    reference, partition_id = partitions.split((project, dataset, table))
    if partition_id is None:
        return str(original_name(*reference))
    partitioning = partitioned(reference, partition_id)
    shown = f"* EXCLUDE ({quote(tables.INGESTION_TIME)})" if partitioning.is_by_ingestion else "*"
    return f"(SELECT {shown} FROM {original_name(*reference)} WHERE {partitioning.condition(partition_id)})"


def columns(project: str, dataset: str, table: str) -> list[TableFieldSchema]:
    """The columns of a table, which are also those of its partitions."""
    reference, partition_id = partitions.split((project, dataset, table))
    if partition_id == SUMMARY:
        return [TableFieldSchema(name=name, type=kind) for name, kind in SUMMARY_FIELDS.items()]
    return structure.columns(reference)


def create(project: str, dataset: str, body: Table, translate: Callable[[str, str, str], str]) -> Table:
    """Make a table, as tables.insert asks.

    Raises:
        BigQueryError: it exists.
    """
    partitioning = partitions.declared(body)
    table = body.tableReference and body.tableReference.tableId
    if partitioning is None or not table or body.view or not tables.fields(body):
        return original_create(project, dataset, body, translate)
    return _create_partitioned((project, dataset, table), body, partitioning)


def _create_partitioned(reference: Reference, body: Table, partitioning: Partitioning) -> Table:
    """In one transaction: after each that changes it, DuckLake reads the whole catalogue again."""
    names.table(reference[2])
    names.fields(tables.fields(body))
    datasets.get(*reference[:2])
    if tables.exists(*reference):
        raise already_exists("Table", names.label(*reference))
    columns = [types.column(field) for field in tables.fields(body)]
    if partitioning.is_by_ingestion:
        columns.append(f"{quote(tables.INGESTION_TIME)} TIMESTAMPTZ")
    with versions.committing, database.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"CREATE TABLE {original_name(*reference)} ({', '.join(columns)})")
        cursor.execute(f"ALTER TABLE {original_name(*reference)} SET PARTITIONED BY ({partitioning.layout()})")
        cursor.execute("COMMIT")
    return tables._store(*reference, tables.defaults(*reference).merged(body))


def record(project: str, dataset: str, table: str, resource: Table) -> None:
    """Keep a table's resource, and lay the table out by the partitions that it declares."""
    original_record(project, dataset, table, resource)
    lay_out((project, dataset, table))


def lay_out(reference: Reference) -> None:
    """Make DuckLake keep each partition in files of its own. Rows that are there already are written once more."""
    partitioning = partitions.of_table(reference)
    if partitioning is None or not database.objects(*reference) or reference[1:] in versions.laid_out(reference[0]):
        return
    table = original_name(*reference)
    with database.writing(*reference), versions.committing, database.cursor() as cursor:
        cursor.execute("BEGIN")
        if partitioning.is_by_ingestion and tables.INGESTION_TIME not in cursor.sql(f"SELECT * FROM {table} LIMIT 0").columns:
            cursor.execute(f"ALTER TABLE {table} ADD COLUMN {quote(tables.INGESTION_TIME)} TIMESTAMPTZ")
        cursor.execute(f"ALTER TABLE {table} SET PARTITIONED BY ({partitioning.layout()})")
        if cursor.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():
            cursor.register("present", cursor.sql(f"SELECT * FROM {table}").to_arrow_table())
            cursor.execute(f"DELETE FROM {table}")
            cursor.execute(f"INSERT INTO {table} SELECT * FROM present")
        cursor.execute("COMMIT")


def delete(project: str, dataset: str, table: str) -> None:
    """Delete a table, or the rows of one partition."""
    reference, partition_id = partitions.split((project, dataset, table))
    if partition_id is None:
        original_delete(*reference)
        return
    condition = partitioned(reference, partition_id).condition(partition_id)
    with database.writing(*reference):
        database.execute(f"DELETE FROM {original_name(*reference)} WHERE {condition}")


def partitioned(reference: Reference, partition_id: str) -> Partitioning:
    """The partitioning of a table that somebody named with a partition decorator.

    Raises:
        BigQueryError: there is no such table, or it has no partitions.
    """
    original_load(*reference)
    partitioning = partitions.of_table(reference)
    if partitioning is None:
        label = names.label(*reference)
        raise BigQueryError("invalid", f"Cannot use partition decorator ${partition_id}: {label} is not partitioned by a column of time")
    return partitioning
