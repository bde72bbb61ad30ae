"""Which tables there are and what columns they have, looked up again only when DuckLake's schema has changed.

local-bigquery asks duckdb_tables() and duckdb_columns() several times a job, and those walk through everything there is.
"""

import functools
from importlib.resources import files

import duckdb
from duckdb.sqltypes import DuckDBPyType
from local_bigquery.catalog import names, tables
from local_bigquery.engine import database, types
from local_bigquery.engine.database import quote
from local_bigquery.errors import not_found
from local_bigquery.models import TableFieldSchema

from bigquery.tables.making import is_hidden
from bigquery.tables.partitions import Reference
from bigquery.tables.versions import catalogue, newest

original_objects = database.objects

OBJECTS = (files("bigquery.tables") / "objects.sql").read_text()
REQUIRED_COLUMNS = (files("bigquery.tables") / "required_columns.sql").read_text()

Object = tuple[str, str, int]
"""Name, TABLE or VIEW, and an estimate of the rows, which sizes.py does better."""


def objects(project: str, dataset: str, table: str | None = None) -> list[Object]:
    """Tables and views of a dataset, by name."""
    if project not in database._attached:
        return _results(project, dataset, table)
    found = _objects(project, newest(project)[1]).get(dataset, [])
    return [one for one in found if (table is None or one[0] == table) and not is_hidden((project, dataset, one[0]))]


def _results(database_name: str, schema: str, table: str | None) -> list[Object]:
    """The same for the results of queries, which are kept in a database of their own, where each name is used once.

    The rest of that database, and DuckLake's catalogue, are nobody's tables.
    """
    if schema != tables.RESULTS:
        return []
    if table is None:
        return list(original_objects(database_name, schema))
    try:
        ((rows,),) = database.fetch(f"SELECT count(*) FROM {quote(database_name, schema, table)}")
    except duckdb.CatalogException:
        return []
    return [(table, "TABLE", rows)]


def dataset_exists(project: str, dataset: str) -> bool:
    """Whether there is such a dataset."""
    return project in database._attached and dataset in _objects(project, newest(project)[1])


def columns(reference: Reference) -> list[TableFieldSchema]:
    """The columns of a table or a view.

    Raises:
        BigQueryError: it is not there.
    """
    if reference[1] == tables.RESULTS:
        return [types.field(name, kind) for name, kind in _shape(reference)]
    return list(_columns(reference, newest(reference[0])[1]))


def _shape(reference: Reference) -> list[tuple[str, DuckDBPyType]]:
    with database.cursor() as cursor:
        relation = cursor.sql(f"SELECT * FROM {tables.name(*reference)} LIMIT 0")
        return list(zip(relation.columns, relation.types, strict=True))


@functools.lru_cache(maxsize=16)
def _objects(project: str, _schema_version: int) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for dataset, name, kind in database.fetch(OBJECTS.format(catalogue=catalogue(project))):
        found.setdefault(dataset, []).extend([(name, kind, 0)] if name else [])
    return found


@functools.lru_cache(maxsize=1024)
def _columns(reference: Reference, _schema_version: int) -> tuple[TableFieldSchema, ...]:
    project, *names_below = reference
    required = {name for (name,) in database.fetch(REQUIRED_COLUMNS.format(catalogue=catalogue(project)), names_below)}
    try:
        shape = _shape(reference)
    except duckdb.CatalogException:
        raise not_found("Table", names.label(*reference)) from None
    return tuple(types.field(name, kind, name in required) for name, kind in shape if name != tables.INGESTION_TIME)
