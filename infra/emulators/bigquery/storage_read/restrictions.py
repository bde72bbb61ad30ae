"""What a client of the Storage Read API may say of rows and columns: one condition over the table's own columns, and their names."""

from collections.abc import Sequence

from local_bigquery.catalog import names
from local_bigquery.errors import BigQueryError, not_implemented
from local_bigquery.models import TableFieldSchema
from local_bigquery.sql.dialect import MACROS, BigQueryDialect
from sqlglot import exp
from sqlglot.errors import SqlglotError

from bigquery.tables.partitions import Reference

LONGEST_BYTES = 1 << 20

FOREIGN = (
    exp.AggFunc,
    exp.Dot,  # a function of a dataset
    exp.Parameter,
    exp.Placeholder,
    exp.Query,
    exp.ReadCSV,
    exp.ReadParquet,
    exp.Star,
    exp.SubqueryPredicate,
    exp.Table,
    exp.Window,
)
"""What SQL has beside conditions on one row: other rows, other tables, files, what a query was given."""
NO_CONDITIONS = (exp.Array, exp.Binary, exp.Literal, exp.Null, exp.Struct)
"""Expressions that are no conditions, unless they are a kind of `exp.Predicate` or `exp.Connector` too."""


def condition(text: str, reference: Reference, fields: Sequence[TableFieldSchema]) -> exp.Expression:
    """A `row_restriction` on a table with these fields, parsed. The names in it are looked up when it is translated.

    Raises:
        BigQueryError: it is no condition on a row, as a subquery, an aggregate, a second statement or a call of DuckDB's own is none.
    """
    if len(text.encode()) > LONGEST_BYTES:
        message = f"read_session.read_options.row_restriction exceeded maximum allowed length. Maximum bytes allowed: {LONGEST_BYTES}"
        raise BigQueryError("invalid", message)
    refusal = BigQueryError("invalid", f"request failed: Row filter for table {names.label(*reference)} is invalid. Filter is '{text}'")
    try:
        parsed = BigQueryDialect().parse_into(exp.Condition, text)
    except (SqlglotError, BigQueryError, RecursionError) as error:
        raise refusal from error
    flags = {field.name.casefold() for field in fields if field.type == "BOOLEAN"}
    if "\0" in text or len(parsed) != 1 or not isinstance(parsed[0], exp.Expression) or not _is_condition(parsed[0], flags):
        raise refusal
    return parsed[0]


def _is_condition(tree: exp.Expression, flags: set[str]) -> bool:
    root = tree.unnest()
    if isinstance(root, NO_CONDITIONS) and not isinstance(root, exp.Predicate | exp.Connector):
        return False
    if isinstance(root, exp.Column) and root.name.casefold() not in flags:
        return False
    return not any(isinstance(node, FOREIGN) or _is_engines(node) for node in tree.walk())


def _is_engines(node: object) -> bool:
    """Whether a function is none that local-bigquery wrote for BigQuery's SQL, nor one that sqlglot knows."""
    name = node.name.removeprefix("bq.main.").lower() if isinstance(node, exp.Anonymous) else ""
    return isinstance(node, exp.Anonymous) and (name not in MACROS or name.startswith("_"))


def selected(wanted: Sequence[str], fields: Sequence[TableFieldSchema]) -> set[str]:
    """The names of the chosen columns, in lower case; all of them where nothing is chosen.

    Raises:
        BigQueryError: there is no such column.
    """
    present = {field.name.casefold() for field in fields}
    missing = [name for name in wanted if name.casefold().partition(".")[0] not in present]
    if missing:
        message = f"request failed: The following selected fields do not exist in the table schema: {', '.join(missing)}"
        raise BigQueryError("invalid", message)
    nested = [name for name in wanted if "." in name]
    if nested:
        raise not_implemented(f"Selecting a part of a column ({nested[0]})")
    return {name.casefold() for name in wanted} or present
