"""Rows of many small files, brought together before a function of Python is called on them."""

from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.tables import sizes

CALLED = "bq.main.farm_fingerprint"
FEW_ROWS = 1024
"""Of a file. DuckDB makes one call for some 2,000 rows of one file, and a call takes as long as a hash of as many rows thirty times."""


def gather_rows(tree: exp.Expression, _context: Context) -> exp.Expression:
    """Read a subquery to its end before FARM_FINGERPRINT is called on its rows, if they are from small files."""
    for call in list(tree.find_all(exp.Anonymous)):
        select = call.parent_select if call.name.lower() == CALLED else None
        source = select.args["from_"].this if select and select.args.get("from_") else None
        if select and isinstance(source, exp.Subquery) and _is_whole(select, source) and _is_scattered(source):
            table = source.args["alias"].copy()
            select.set("with_", exp.With(expressions=[exp.CTE(this=source.this, alias=table, materialized=True)]))
            source.replace(exp.Table(this=table.this.copy()))
    return tree


def _is_whole(select: exp.Select, source: exp.Subquery) -> bool:
    """Whether all that the subquery gives is asked for: no condition and no choice of columns then reaches the files from outside."""
    return bool(source.alias) and not source.is_star and not any(select.args.get(part) for part in ("where", "with_", "joins", "laterals"))


def _is_scattered(source: exp.Subquery) -> bool:
    for table in source.find_all(exp.Table):
        parts = sizes.measure((table.catalog, table.db, table.name)) if table.catalog and table.db else ()
        if len(parts) > 1 and sum(part.rows for part in parts) < FEW_ROWS * len(parts):
            return True
    return False
