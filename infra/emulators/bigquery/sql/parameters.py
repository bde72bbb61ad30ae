"""Query parameters as literals. DuckDB runs a query with parameters as soon as it is asked for its columns, and again for its rows."""

from local_bigquery.models import QueryParameter
from local_bigquery.sql import params as original
from sqlglot import exp

original_bind = original.bind


def bind(parameters: list[QueryParameter]) -> tuple[dict[str, str], dict[str, object]]:
    """DuckDB's expression for each parameter by its name, and the values that the expressions still need: none."""
    expressions, values = original_bind(parameters)
    return {name: expression.replace(f"${name}", _literal(values[name]), 1) for name, expression in expressions.items()}, {}


def _literal(value: str | None) -> str:
    return "NULL" if value is None else str(exp.Literal.string(value).sql("duckdb"))
