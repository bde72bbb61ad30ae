"""Rules of translation for the arithmetic of NUMERIC and INT64."""

from local_bigquery.sql.dialect import macro
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.failures import not_supported
from bigquery.sql.types import decimals


def compute_exactly(tree: exp.Expression, _context: Context) -> exp.Expression:
    """Products and quotients have nine digits behind the point, rounded by the exact value. Arithmetic of INT64 is by macros."""
    for mark in list(tree.find_all(exp.Anonymous))[::-1]:
        name = mark.name.upper()
        if name in decimals.OPERATORS.values():
            operation = mark.expressions[0].unnest()
            mark.replace(_by_python(name, operation.this, operation.expression))
        elif name in decimals.CALLS.values():
            mark.replace(_by_python(name, *mark.expressions))
        elif name in decimals.INT64:
            mark.replace(exp.cast(macro(name.lower(), *(argument.copy() for argument in mark.expressions)), exp.DataType.Type.BIGINT))
        elif name == decimals.NEGATE:
            mark.replace(exp.Neg(this=exp.paren(mark.expressions[0].copy())))
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
        mean = _by_python(decimals.QUOTIENT, total, _over(whole, exp.Count(this=aggregate.this.copy())))
        whole.replace(mean if is_mean else macro("perennial_numeric_sum", total))
    return tree


def _over(whole: exp.Expr, aggregate: exp.Expr) -> exp.Expr:
    if not isinstance(whole, exp.Window):
        return aggregate
    window = whole.copy()
    window.set("this", aggregate)
    return window


def _by_python(name: str, one: exp.Expr, other: exp.Expr) -> exp.Expr:
    """What a function of sql/functions.py gives, whose name a mark's is."""
    numbers = [exp.cast(value.copy(), "DECIMAL(38, 9)", dialect="duckdb") for value in (one, other)]
    function = exp.Anonymous(this=name.lower().removeprefix("perennial"), expressions=numbers)
    return exp.cast(function, "DECIMAL(38, 9)", dialect="duckdb")


RULES = (add_up_exactly, compute_exactly)
