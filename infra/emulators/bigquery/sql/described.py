"""The tables that a query names, with the columns that they have, as ZetaSQL's catalogue."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
from local_bigquery.catalog import names, tables
from local_bigquery.engine import database, types
from local_bigquery.errors import BigQueryError
from local_bigquery.models import TableFieldSchema
from local_bigquery.sql.rules import information_schema as original
from local_bigquery.sql.rules.tables import _not_found
from local_bigquery.sql.translate import Context, parse, translate
from zetasql.wasi._pb2.zetasql.proto.simple_catalog_pb2 import SimpleCatalogProto

from bigquery.failures import not_supported
from bigquery.sql import ingestion, schemas
from bigquery.sql.identifiers import Path
from bigquery.tables import catalogue, information_schema, partitions, versions
from bigquery.tables.partitions import Reference

INFORMATION_SCHEMA = "INFORMATION_SCHEMA"
NOWHERE = ":"
"""A project that nobody has, so that a view has columns and no rows."""


@dataclass(frozen=True)
class Described:
    """A table that a query names by `path`."""

    path: Path
    columns: tuple[TableFieldSchema, ...]
    pseudo: Mapping[str, str] = field(default_factory=dict)
    """The types of its pseudo columns, by name."""
    is_partial: bool = False
    """Whether BigQuery's table may have columns that the emulator's has not."""


def describe(path: Path, context: Context, clauses: Collection[str] = ()) -> Described:
    """The table that a path means in a query.

    Args:
        path: one to three names, more if it is in an INFORMATION_SCHEMA.
        context: the project and the dataset of a path that names none, and the query's parameters.
        clauses: the moments the table is read as of: `FOR SYSTEM_TIME AS OF …`. None means now.

    Raises:
        BigQueryError: there is no such table, or the emulator cannot tell its columns.
    """
    if INFORMATION_SCHEMA in (name.upper() for name in path[:-1]):
        return _information_schema(path)
    reference = reference_of(path, context.project_id, context.dataset_id)
    if partitions.DECORATED.fullmatch(reference[2]):
        raise BigQueryError("invalidQuery", f'Table "{".".join(path)}" cannot include decorator')
    if reference[2].endswith("*"):
        return Described(path, _wildcard_columns(reference), schemas.SUFFIX)
    if not tables.exists(*reference):
        raise _not_found(*reference)
    if clauses and versions.version(reference) is None:
        raise BigQueryError("invalidQuery", f"FOR SYSTEM_TIME AS OF is not supported for {names.label(*reference)}, which is no table")
    columns = _columns_as_of(reference, context, clauses) if clauses else tuple(catalogue.columns(*reference))
    return Described(path, columns, ingestion.pseudo_columns(partitions.of_table(reference)))


def is_there(path: Path, context: Context) -> bool:
    """Whether there is a table that a path means."""
    return bool(tables.exists(*reference_of(path, context.project_id, context.dataset_id)))


def _columns_as_of(reference: Reference, context: Context, clauses: Collection[str]) -> tuple[TableFieldSchema, ...]:
    """The columns that a table had. A moment that is not possible is left to the query itself to be refused."""
    if len(clauses) > 1:
        raise not_supported(f"one query that reads {names.label(*reference)} as of several moments")
    (tree,) = parse(f"SELECT * FROM {'.'.join(f'`{name}`' for name in reference)} {next(iter(clauses))}")
    with database.cursor() as cursor:
        try:
            relation = cursor.sql(f"SELECT * FROM ({translate(tree, context)[0]}) LIMIT 0")
        except (duckdb.Error, BigQueryError):
            return tuple(catalogue.columns(*reference))
        return tuple(types.field(name, kind) for name, kind in zip(relation.columns, relation.types, strict=True))


def reference_of(path: Path, project: str, dataset: str | None) -> Reference:
    """The table that a path means, whether there is one or not.

    Raises:
        BigQueryError: it means none.
    """
    match path:
        case (table,) if dataset:
            return project, dataset, table
        case (table,):
            raise BigQueryError("invalid", f'Table "{table}" must be qualified with a dataset (e.g. dataset.table).')
        case (named, table):
            return project, named, table
        case (other, named, table):
            return other, named, table
    raise BigQueryError("invalidQuery", f"Invalid table name: `{'.'.join(path)}`")


def _information_schema(path: Path) -> Described:
    view = path[-1].upper()
    if view == "PARTITIONS":
        columns = tuple(TableFieldSchema(name=name, type=kind) for name, kind in information_schema.COLUMNS.items())
    elif view in original.VIEWS:
        told, _ = original.VIEWS[view](NOWHERE, None)
        specified = (column.partition(" ") for column in told)
        columns = tuple(TableFieldSchema(name=name, type=kind or "STRING") for name, _, kind in specified)
    else:
        raise not_supported(f"INFORMATION_SCHEMA.{view}")
    return Described(path, columns, is_partial=True)


def _wildcard_columns(reference: Reference) -> tuple[TableFieldSchema, ...]:
    """Those of the table that was made last."""
    project, dataset, pattern = reference
    prefix = pattern.rstrip("*")
    matching = [name for name, kind, _ in database.objects(project, dataset) if kind == "TABLE" and name.startswith(prefix)]
    if not matching:
        raise BigQueryError("invalid", f"{names.label(*reference)} does not match any table.")
    newest = max(matching, key=lambda name: (int(tables.load(project, dataset, name).creationTime), name))
    return tuple(catalogue.columns(project, dataset, newest))


def catalogue_of(described: Sequence[Described]) -> SimpleCatalogProto:
    """A catalogue in which the paths lead to the tables.

    Raises:
        BigQueryError: two paths differ in the case of letters only: names of tables tell it apart, and those of ZetaSQL do not.
    """
    root = SimpleCatalogProto()
    taken: dict[Path, Path] = {}
    for number, one in enumerate(described, 1):
        other = taken.setdefault(tuple(name.casefold() for name in one.path), one.path)
        if other is not one.path:
            raise not_supported(f"a query of both `{'.'.join(other)}` and `{'.'.join(one.path)}`, which differ in the case of letters only")
        place = _place(root, one.path[:-1])
        place.table.append(schemas.table(one.path[-1], one.columns, serialization_id=number, pseudo=one.pseudo))
    return root


def _place(root: SimpleCatalogProto, names_above: Iterable[str]) -> SimpleCatalogProto:
    place = root
    for name in names_above:
        found = next((child for child in place.catalog if child.name.casefold() == name.casefold()), None)
        if found is None:
            found = place.catalog.add(name=name)
        place = found
    return place
