"""Which tables there are and what columns they have, looked up again only when DuckLake's schema has changed.

local-bigquery asks duckdb_tables() and duckdb_columns() several times a job, and those walk through everything there is.
"""

import functools
from importlib.resources import files

import duckdb
from local_bigquery.catalog import tables
from local_bigquery.engine import database, types
from local_bigquery.engine.database import quote
from local_bigquery.models import TableFieldSchema

from bigquery.tables.making import is_hidden
from bigquery.tables.partitions import Reference
from bigquery.tables.versions import catalogue

original_objects = database.objects
original_columns = tables.columns

OBJECTS = (files("bigquery.tables") / "objects.sql").read_text()

Object = tuple[str, str, int]
"""Name, TABLE or VIEW, and an estimate of the rows, which sizes.py does better."""


def objects(project: str, dataset: str, table: str | None = None) -> list[Object]:
    """Tables and views of a dataset, by name."""
    if project not in database._attached:
        return _results(project, dataset, table)
    found = _objects(project, _schema_version(project)).get(dataset, [])
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
    return project in database._attached and dataset in _objects(project, _schema_version(project))


def columns(reference: Reference) -> list[TableFieldSchema]:
    """The columns of a table or a view."""
    if reference[1] == tables.RESULTS:
        with database.cursor() as cursor:
            relation = cursor.sql(f"SELECT * FROM {tables.name(*reference)} LIMIT 0")
            return [types.field(name, kind) for name, kind in zip(relation.columns, relation.types, strict=True)]
    return list(_columns(reference, _schema_version(reference[0])))


def _schema_version(project: str) -> int:
    """A number that DuckLake raises with every change of datasets, tables, views and columns."""
    ((version,),) = database.fetch(f"SELECT max(schema_version) FROM {catalogue(project)}.ducklake_snapshot")
    return int(version)


@functools.lru_cache(maxsize=16)
def _objects(project: str, _schema_version: int) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for dataset, name, kind in database.fetch(OBJECTS.format(catalogue=catalogue(project))):
        found.setdefault(dataset, []).extend([(name, kind, 0)] if name else [])
    return found


@functools.lru_cache(maxsize=1024)
def _columns(reference: Reference, _schema_version: int) -> tuple[TableFieldSchema, ...]:
    return tuple(original_columns(*reference))
