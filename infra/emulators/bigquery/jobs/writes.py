"""Writing into partitioned tables: loads, copies and query results, into the whole table or into one partition."""

import contextlib
from dataclasses import dataclass

import duckdb
import pyarrow as pa
from local_bigquery.catalog import metadata, names, tables
from local_bigquery.engine import database, types
from local_bigquery.engine.database import quote
from local_bigquery.errors import BigQueryError, already_exists, not_found
from local_bigquery.models import Table, TableFieldSchema

from bigquery.sql import outcome
from bigquery.tables import partitions, versions
from bigquery.tables.making import making
from bigquery.tables.partitions import Partitioning, Reference

original_write = tables.write

ATTEMPTS = 3
NOT_COMMITTED = b"Failed to commit DuckLake transaction"
"""DuckLake may free the names that a transaction is about to write, while others read (github.com/duckdb/ducklake/issues/1248). Then it
writes nothing, with a message of random bytes, and another attempt succeeds."""


@dataclass(frozen=True)
class Destination:
    """Where rows go, and what becomes of those that are there."""

    table: Reference
    partition_id: str | None
    partitioning: Partitioning
    disposition: str
    options: tuple[str, ...]
    """schemaUpdateOptions"""
    prefix: str
    """What an error about the schema begins with."""

    @property
    def condition(self) -> str:
        """A DuckDB condition that holds for the rows which WRITE_TRUNCATE replaces."""
        return self.partitioning.condition(self.partition_id) if self.partition_id else "true"

    @property
    def label(self) -> str:
        """As errors name it."""
        project, dataset, table = self.table
        return str(names.label(project, dataset, f"{table}${self.partition_id}" if self.partition_id else table))


def write(
    cursor: duckdb.DuckDBPyConnection,
    query: str,
    parameters: dict[str, object] | None,
    reference: Reference,
    config: tables.Destination,
    default: str = "WRITE_EMPTY",
    prefix: str = "Invalid schema update. ",
    isolated: bool = False,
) -> bool:
    """Write the rows of a query of DuckDB.

    Args:
        cursor: where the query runs.
        reference: the table, or a partition of it.
        config: what the job says of dispositions and layout.
        default: the disposition of a job that says none.
        isolated: whether `cursor` may be inside a transaction of a script, which must not hold this write.

    Returns:
        Whether the table was made by this.
    """
    if reference[1] == tables.RESULTS:
        outcome.keep(cursor, query, tables.name(*reference))
        return True
    table, partition_id = partitions.split(reference)
    stored = metadata.load(Table, *table)
    partitioning = _partitioning(stored, config)
    _refuse(table, partition_id, stored, partitioning)
    if partitioning is None:
        created = original_write(cursor, query, parameters, table, config, default, prefix, isolated)
        if created and not stored:
            tables.record(*table, tables.defaults(*table))  # recovery takes a table without a record for a crash's leftover
        return created
    disposition = config.writeDisposition or default
    options = tuple(getattr(config, "schemaUpdateOptions", None) or ())
    rows = partitioning.loaded(_rows(cursor, query, parameters), partition_id)
    return _write(rows, Destination(table, partition_id, partitioning, disposition, options, prefix), config)


def _refuse(table: Reference, partition_id: str | None, stored: Table | None, partitioning: Partitioning | None) -> None:
    if stored and stored.type == "SNAPSHOT" and database.objects(*table):
        raise BigQueryError("invalid", f"Table {names.label(*table)} is a snapshot, and snapshots are immutable.")
    if partition_id and partitioning is None:
        message = f"Cannot use partition decorator ${partition_id}: {names.label(*table)} is not partitioned by a column of time"
        raise BigQueryError("invalid", message)


def _partitioning(stored: Table | None, config: tables.Destination) -> Partitioning | None:
    asked = partitions.declared(config)
    if stored is None:
        return asked
    kept = partitions.declared(stored)
    if asked and kept != asked:
        message = f"Incompatible table partitioning specification. Expects {_told(kept)}, but input is {_told(asked)}"
        raise BigQueryError("invalid", message)
    return kept


def _told(partitioning: Partitioning | None) -> str:
    return f"interval(type:{partitioning.unit.lower()},field:{partitioning.field})" if partitioning else "none"


def _rows(cursor: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, object] | None) -> pa.Table:
    """The query's rows, held before the write begins: it may read the very rows that are to be replaced."""
    relation = cursor.sql(query, params=parameters)
    columns = ", ".join(f"{types.cast(quote(c), t)} AS {quote(c)}" for c, t in zip(relation.columns, relation.types, strict=True))
    rows = relation.project(columns).to_arrow_table()
    kinds = dict(zip(relation.columns, relation.types, strict=True))
    fields = [pa.field(field.name, pa.json_()) if str(kinds[field.name]) == "JSON" else field for field in rows.schema]
    return rows.cast(pa.schema(fields))  # Arrow's texts would become a column of texts


def _write(rows: pa.Table, to: Destination, config: tables.Destination) -> bool:
    with making(to.table, lambda: tables._lookup(*to.table) is not None) as is_there:
        return _write_rows(rows, to, config, is_new=not is_there)


def _write_rows(rows: pa.Table, to: Destination, config: tables.Destination, *, is_new: bool) -> bool:
    if is_new and config.createDisposition == "CREATE_NEVER":
        raise not_found("Table", names.label(*to.table))
    if to.partition_id and not to.partitioning.holds(to.partition_id, rows):
        raise BigQueryError("invalid", f"Some rows belong to different partitions rather than destination partition {to.label}")
    with contextlib.ExitStack() as on_error:
        if is_new:
            tables.annotate(to.table, _layout(rows.column_names, to, config))
            on_error.callback(tables.forget, *to.table)
        made = _replace(rows, to)
        on_error.pop_all()
    return made


def _replace(rows: pa.Table, to: Destination) -> bool:
    """Put the rows where they belong, one writer at a time, and say whether the table was made for them."""
    with database.writing(*to.table), database.cursor() as writer:
        writer.register("incoming", rows)
        is_there = bool(database.objects(*to.table))
        if not is_there or (to.disposition == "WRITE_TRUNCATE" and not to.partition_id):
            _replace_table(writer, to)
        else:
            _replace_rows(writer, to)
    return not is_there


def _layout(columns: list[str], to: Destination, config: tables.Destination) -> Table:
    """What the job says of partitions and clusters, checked against the columns."""
    replaces_partition = to.partition_id and to.disposition == "WRITE_TRUNCATE"
    return tables.layout(columns, config, "WRITE_APPEND" if replaces_partition else to.disposition)


def _replace_table(writer: duckdb.DuckDBPyConnection, to: Destination) -> None:
    """Make the table anew, with the columns of the rows."""
    relation = writer.sql("SELECT * FROM incoming")
    columns = ", ".join(f"{quote(c)} {types.normalised(t)}" for c, t in zip(relation.columns, relation.types, strict=True))
    name = tables.name(*to.table)
    _commit(
        writer,
        f"CREATE OR REPLACE TABLE {name} ({columns})",
        f"ALTER TABLE {name} SET PARTITIONED BY ({to.partitioning.layout()})",
        f"INSERT INTO {name} BY NAME SELECT * FROM incoming",
    )


def _replace_rows(writer: duckdb.DuckDBPyConnection, to: Destination) -> None:
    """Append, or put the rows in the place of a partition's, as the disposition says."""
    name = tables.name(*to.table)
    if to.disposition == "WRITE_EMPTY" and writer.execute(f"SELECT 1 FROM {name} WHERE {to.condition} LIMIT 1").fetchone():
        raise already_exists("Table", to.label)
    evolve(writer, to.table, writer.sql("SELECT * FROM incoming"), list(to.options), to.prefix)
    delete = [f"DELETE FROM {name} WHERE {to.condition}"] if to.disposition == "WRITE_TRUNCATE" else []
    _commit(writer, *delete, f"INSERT INTO {name} BY NAME SELECT * FROM incoming")


def _commit(writer: duckdb.DuckDBPyConnection, *statements: str) -> None:
    """All or nothing: closing the writer after an error rolls back."""
    with versions.committing:
        for _ in range(ATTEMPTS - 1):
            try:
                _attempt(writer, *statements)
                return
            except (UnicodeDecodeError, duckdb.TransactionException) as error:
                if NOT_COMMITTED not in (bytes(error.object) if isinstance(error, UnicodeDecodeError) else str(error).encode()):
                    raise
                with contextlib.suppress(duckdb.Error):
                    writer.execute("ROLLBACK")
        _attempt(writer, *statements)


def _attempt(writer: duckdb.DuckDBPyConnection, *statements: str) -> None:
    for statement in ("BEGIN", *statements, "COMMIT"):
        writer.execute(statement)


def evolve(
    cursor: duckdb.DuckDBPyConnection, reference: Reference, incoming: duckdb.DuckDBPyRelation, options: list[str] | None, prefix: str
) -> None:
    """Add the columns that the job may add.

    Raises:
        BigQueryError: a column is new and may not be, or is of another type than the table's, which DuckDB would cast.
    """
    existing = {field.name.casefold(): field for field in tables.columns(*reference)}
    for column, kind in zip(incoming.columns, incoming.types, strict=True):
        if column == tables.INGESTION_TIME:
            continue
        field = existing.get(column.casefold())
        if field is None:
            if "ALLOW_FIELD_ADDITION" not in (options or []):
                raise BigQueryError("invalid", f"{prefix}Cannot add fields (field: {column})")
            cursor.execute(f"ALTER TABLE {tables.name(*reference)} ADD COLUMN {quote(column)} {types.normalised(kind)}")
        elif (given := _type(types.field(column, kind))) != _type(field):
            raise BigQueryError("invalid", f"{prefix}Field {column} has changed type from {_type(field)} to {given}")


def _type(field: TableFieldSchema) -> str:
    return f"ARRAY<{field.type}>" if field.mode == "REPEATED" else str(field.type)
