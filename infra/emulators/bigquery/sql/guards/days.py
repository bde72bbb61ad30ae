"""Rules of translation for days: those outside of the years 1 to 9999 are an error, and units since 1970 are counted whole."""

from local_bigquery.sql.dialect import macro
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.failures import not_supported
from bigquery.sql import typed
from bigquery.sql.guards.texts import is_safe, where

DAYS = (
    exp.DateAdd,
    exp.DateSub,
    exp.DateTrunc,
    exp.DateFromParts,
    exp.LastDay,
    exp.DatetimeAdd,
    exp.DatetimeSub,
    exp.DatetimeTrunc,
    exp.TimestampAdd,
    exp.TimestampSub,
    exp.TimestampTrunc,
    exp.UnixToTime,
    exp.DateFromUnixDate,
)
"""Functions that may leave the years 1 to 9999."""
IS_DAY = "perennial_is_day"
MOST_DEEP = 5
"""As many such functions in one another are guarded. DuckDB gets a value twice for each."""
SINCE_EPOCH = {exp.UnixSeconds: 1_000_000, exp.UnixMillis: 1000}
"""Functions that count a unit, and its microseconds."""


def refuse_other_days(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A day before the year 1 or after 9999 is an error.

    Raises:
        BigQueryError: so many are computed of one another that DuckDB would think about the query for seconds.
    """
    for mark in list(tree.find_all(*DAYS, exp.Anonymous))[::-1]:
        call: exp.Expr = mark
        if isinstance(mark, exp.Anonymous):
            if mark.name.upper() != typed.DAY:
                continue
            call = exp.paren(mark.expressions[0].copy())
            mark.replace(call)
        if sum(inner.name.endswith(IS_DAY) for inner in call.find_all(exp.Anonymous)) >= 2**MOST_DEEP - 1:
            raise not_supported(f"days that are computed of one another more than {MOST_DEEP} deep")
        safe = is_safe(call)
        call = call.parent if isinstance(call.parent, exp.SafeFunc) else call
        call.replace(where(macro(IS_DAY, call.copy(), safe), call))
    return tree


def count_whole_units(tree: exp.Expression, _context: Context) -> exp.Expression:
    """Seconds and milliseconds since 1970 are rounded down, before it too."""
    for call in list(tree.find_all(*SINCE_EPOCH))[::-1]:
        microseconds = exp.Anonymous(this="epoch_us", expressions=[call.this.copy()])
        units = macro("perennial_since_epoch", microseconds, exp.Literal.number(SINCE_EPOCH[type(call)]))
        call.replace(exp.cast(units, exp.DataType.Type.BIGINT))
    return tree


RULES = (refuse_other_days, count_whole_units)
