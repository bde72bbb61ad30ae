"""The columns of a query's result: BigQuery's names and types for them, whatever DuckDB would give."""

from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

import duckdb
from duckdb.sqltypes import DuckDBPyType
from local_bigquery.engine import results, types
from local_bigquery.engine.database import quote
from local_bigquery.engine.results import unique
from local_bigquery.models import TableFieldSchema
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_ast_pb2 import ResolvedOutputColumnProto

from bigquery.failures import not_supported
from bigquery.sql import schemas

CASTS = {("BIGNUMERIC", "NUMERIC"): "DECIMAL(38,9)", ("INTEGER", "NUMERIC"): "DECIMAL(38,9)", ("JSON", "STRING"): "VARCHAR"}
"""What may be cast to BigQuery's type without another value coming out, to which type of DuckDB."""


def name_columns(columns: Iterable[ResolvedOutputColumnProto]) -> list[TableFieldSchema]:
    """The columns that ZetaSQL found, with the names that BigQuery gives to those without one and to those that have the same."""
    found = list(columns)
    nameless = iter(range(len(found)))
    names = [f"f{next(nameless)}_" if column.name.startswith("$") or not column.name else column.name for column in found]
    return [schemas.result_field(name, column.column.type) for name, column in zip(unique(names), found, strict=True)]


@dataclass(frozen=True)
class Shaped:
    """A query of DuckDB, and the columns of its result, which DuckDB needs a third of the query's time to tell again."""

    sql: str
    columns: tuple[tuple[str, DuckDBPyType], ...]


known: ContextVar[Shaped | None] = ContextVar("known", default=None)
"""The query that runs, if it has a shape."""


def shape(cursor: duckdb.DuckDBPyConnection, sql: str, columns: Sequence[TableFieldSchema]) -> Shaped:
    """A query of DuckDB with columns of these names and types.

    Raises:
        BigQueryError: the query gives something else than BigQuery's does.
    """
    relation = cursor.sql(sql)
    actual = [types.field(name, kind) for name, kind in zip(relation.columns, relation.types, strict=True)]
    casts = [_cast(one, wanted) for one, wanted in zip(actual, columns, strict=True)]
    kinds = [duckdb.sqltype(cast) if cast else kind for cast, kind in zip(casts, relation.types, strict=True)]
    told = tuple(zip((wanted.name for wanted in columns), kinds, strict=True))
    if not any(casts) and [one.name for one in actual] == [wanted.name for wanted in columns]:
        return Shaped(sql, told)
    places = [f"c{place}" for place in range(len(columns))]
    selected = ", ".join(
        f"{f'CAST({place} AS {cast})' if cast else place} AS {quote(wanted.name)}"
        for place, cast, wanted in zip(places, casts, columns, strict=True)
    )
    return Shaped(f"SELECT {selected} FROM ({sql}) AS q({', '.join(places)})", told)


def keep(cursor: duckdb.DuckDBPyConnection, query: str, table: str) -> None:
    """Make a table of the result of the query that runs.

    Raises:
        BigQueryError: it has no shape.
    """
    shaped = known.get()
    if shaped is None or shaped.sql != query:
        raise not_supported("results of what is no query")
    places = [f"c{place}" for place in range(len(shaped.columns))]
    names = unique([name for name, _ in shaped.columns])
    selected = ", ".join(
        f"{results._without_null_elements(types.cast(place, kind), name, kind)} AS {quote(name)}"
        for place, name, (_, kind) in zip(places, names, shaped.columns, strict=True)
    )
    cursor.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT {selected} FROM ({shaped.sql}) AS q({', '.join(places)})")


def _cast(actual: TableFieldSchema, wanted: TableFieldSchema) -> str | None:
    """The type of DuckDB to cast a column to, if it must be cast."""
    if _type(actual) == _type(wanted):
        return None
    cast = CASTS.get((actual.type, wanted.type)) if actual.mode == wanted.mode != "REPEATED" else None
    if cast is None:
        raise not_supported(f"this query: its column {wanted.name} would be {_type(actual)} and is {_type(wanted)} in BigQuery")
    return cast


def _type(field: TableFieldSchema) -> str:
    return str(types.bigquery_type(field.replace(name="", fields=[_nameless(member) for member in field.fields or []]), quoted=False))


def _nameless(field: TableFieldSchema) -> TableFieldSchema:
    """Names of a struct's fields are DuckDB's to choose where the query gives none."""
    return field.replace(name="", fields=[_nameless(member) for member in field.fields or []])
