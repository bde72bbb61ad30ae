"""Rules of translation for days: those outside of the years 1 to 9999 are an error, and units since 1970 are counted whole."""

from collections.abc import Iterator

from local_bigquery.errors import BigQueryError
from local_bigquery.sql.dialect import macro
from local_bigquery.sql.rules import datetime
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.failures import not_supported
from bigquery.sql.guards.texts import is_safe, where
from bigquery.sql.types import typed

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
MOST_GUARDS = 100
"""As many such functions in one another are guarded, and fewer where conditions are between them."""
SINCE_EPOCH = {exp.UnixSeconds: 1_000_000, exp.UnixMillis: 1000}
"""Functions that count a unit, and its microseconds."""


original_from_local = datetime.from_local


def refuse_other_days(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A day before the year 1 or after 9999 is an error. Of days that are computed of one another, each is checked beside the last.

    Raises:
        BigQueryError: so many are computed of one another that DuckDB would think about the query for seconds.
    """
    calls = [call for call in tree.find_all(*DAYS, exp.Anonymous) if _is_day(call)]
    within = {id(_base(call)) for call in calls}
    for call in calls[::-1]:
        if id(call) in within:
            continue
        computed = list(_computed(call))
        if sum(inner.name.endswith(IS_DAY) for inner in call.find_all(exp.Anonymous)) + len(computed) > MOST_GUARDS:
            raise not_supported("that many days that are computed of one another")
        safe = is_safe(call)
        whole = call.parent if isinstance(call.parent, exp.SafeFunc) else call
        whole.replace(where(exp.and_(*(macro(IS_DAY, day.copy(), safe) for day in [*computed[:0:-1], whole])), whole))
    for mark in list(tree.find_all(exp.Anonymous))[::-1]:
        if mark.name.upper() == typed.DAY:
            mark.replace(exp.paren(mark.expressions[0]))
    return tree


def _is_day(call: exp.Expr) -> bool:
    return isinstance(call, DAYS) or (isinstance(call, exp.Anonymous) and call.name.upper() == typed.DAY)


def _computed(call: exp.Expr | None) -> Iterator[exp.Expr]:
    """A day, the one that it is computed of, and so on."""
    while call is not None:
        yield call
        call = _base(call)


def _base(call: exp.Expr) -> exp.Expr | None:
    """The computed day that another is computed of. One of SAFE.FUNCTION is not computed with it: it may be NULL for other reasons."""
    day = call.expressions[0].unnest().this if isinstance(call, exp.Anonymous) else call.this
    while isinstance(day, exp.Paren):
        day = day.this
    return day if isinstance(day, exp.Expr) and _is_day(day) and not is_safe(call).this else None


def count_whole_units(tree: exp.Expression, _context: Context) -> exp.Expression:
    """Seconds and milliseconds since 1970 are rounded down, before it too."""
    for call in list(tree.find_all(*SINCE_EPOCH))[::-1]:
        microseconds = exp.Anonymous(this="epoch_us", expressions=[call.this.copy()])
        units = macro("perennial_since_epoch", microseconds, exp.Literal.number(SINCE_EPOCH[type(call)]))
        call.replace(exp.cast(units, exp.DataType.Type.BIGINT))
    return tree


def first_moment(local: exp.Expression, zone: exp.Expression | None) -> exp.Expression:
    """The moment of a local time, the first of two; zones that are a number of hours have none twice."""
    if zone is None or (isinstance(zone, exp.Literal) and zone.name[:1] in "+-"):
        return original_from_local(local, zone)
    return exp.Anonymous(this="_from_local", expressions=[local, zone])


def take_the_first_moment(tree: exp.Expression, _context: Context) -> exp.Expression:
    """TIMESTAMP of a time that a zone has twice, when its clocks go back, is the first of both."""
    for call in list(tree.find_all(exp.Timestamp))[::-1]:
        zone = call.args.get("zone")
        if zone is not None and not (isinstance(zone, exp.Literal) and zone.name[:1] in "+-"):
            call.replace(first_moment(exp.cast(call.this.copy(), "TIMESTAMP"), zone.copy()))
    return tree


def refuse_no_step(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A sequence of days or moments whose step is zero is an error."""
    for call in list(tree.find_all(exp.GenerateDateArray, exp.GenerateTimestampArray))[::-1]:
        step = call.args.get("step")
        if isinstance(step, exp.Interval) and isinstance(step.this, exp.Literal):
            if not step.this.name.strip("0 -"):
                raise BigQueryError("invalidQuery", "Sequence step cannot be 0.")
        elif isinstance(step, exp.Interval):
            step.set("this", macro("perennial_step", step.this.copy()))
    return tree


RULES = (refuse_other_days, count_whole_units, take_the_first_moment, refuse_no_step)
