"""Rules of translation for the arithmetic of NUMERIC."""

from local_bigquery.sql.dialect import macro
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.failures import not_supported
from bigquery.sql.types import decimals


def divide_exactly(tree: exp.Expression, _context: Context) -> exp.Expression:
    """Quotients have nine digits behind the point, rounded by the exact value."""
    for mark in list(tree.find_all(exp.Anonymous))[::-1]:
        if mark.name.upper() == decimals.QUOTIENT:
            division = mark.expressions[0].unnest()
            mark.replace(_quotient(division.this, division.expression))
        elif mark.name.upper() == decimals.SAFE_QUOTIENT:
            one, other = mark.expressions
            mark.replace(exp.func("TRY", _quotient(one, other)))
    return tree


def add_up_exactly(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A mean is the quotient of a sum and a count, and a sum has 29 digits before the point.

    Raises:
        BigQueryError: the query has one in PIVOT.
    """
    for mark in list(tree.find_all(exp.Anonymous))[::-1]:
        if mark.name.upper() not in (decimals.MEAN, decimals.TOTAL):
            continue
        aggregate = mark.find_ancestor(exp.Sum, exp.Avg)
        is_mean = mark.name.upper() == decimals.MEAN
        mark.replace(mark.expressions[0])
        if aggregate is None:
            continue
        if aggregate.find_ancestor(exp.Pivot):
            raise not_supported("SUM and AVG of NUMERIC in PIVOT")
        whole = aggregate.parent if isinstance(aggregate.parent, exp.Window) else aggregate
        total = _over(whole, exp.Sum(this=aggregate.this.copy()))
        mean = _quotient(total, _over(whole, exp.Count(this=aggregate.this.copy())))
        whole.replace(mean if is_mean else macro("perennial_numeric_sum", total))
    return tree


def _over(whole: exp.Expr, aggregate: exp.Expr) -> exp.Expr:
    if not isinstance(whole, exp.Window):
        return aggregate
    window = whole.copy()
    window.set("this", aggregate)
    return window


def _quotient(one: exp.Expr, other: exp.Expr) -> exp.Expr:
    numbers = [exp.cast(value.copy(), "DECIMAL(38, 9)", dialect="duckdb") for value in (one, other)]
    return exp.cast(exp.Anonymous(this="_quotient", expressions=numbers), "DECIMAL(38, 9)", dialect="duckdb")


RULES = (add_up_exactly, divide_exactly)
