"""Rules of translation for what BigQuery refuses and DuckDB answers: other texts, lengths below 0, days outside the calendar."""

import re

from local_bigquery.sql.dialect import macro
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.failures import not_supported
from bigquery.sql import typed

# A rule goes through the calls from the last to the first, the inner before the outer one, whose copy then has the guarded argument.

DIGITS = r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*"
DAY = r"([1-9]\d{3}|0[1-9]\d{2}|00[1-9]\d|000[1-9])-\d{1,2}-\d{1,2}"
CLOCK = r"([01]?\d|2[0-3]):\d{1,2}:\d{1,2}(\.\d{1,6})?"
ZONE = r"(\s*([Zz]|[+-](0?\d|1[0-4])(:?[0-5]\d)?)| [A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*)"
TEXTS = {
    "BIGINT": ("int64 value", r"\s*[+-]?(\d+|0[xX][0-9a-fA-F]+)\s*"),
    "DOUBLE": ("double value", rf"{DIGITS}|(?i:\s*[+-]?(inf|infinity|nan)\s*)"),
    "DECIMAL": ("numeric value", DIGITS),
    "BIGDECIMAL": ("bignumeric value", DIGITS),
    "BOOLEAN": ("bool value", "(?i:true|false)"),
    "DATE": ("date", DAY),
    "TIME": ("time", CLOCK),
    "TIMESTAMP": ("datetime", rf"{DAY}([ Tt]{CLOCK})?"),
    "TIMESTAMPTZ": ("timestamp", rf"{DAY}([ Tt]{CLOCK})?{ZONE}?"),
}
"""What a text must be to be cast to a type: how errors call it, and a pattern. DuckDB takes more: 1.5 for a whole number, yes for true."""
IS_TEXT = "perennial_is_text"
MOMENTS = {exp.Timestamp: "TIMESTAMPTZ", exp.Datetime: "TIMESTAMP", exp.TsOrDsToDatetime: "TIMESTAMP"}
"""Functions that cast a text, and to what."""
LENGTHS = {exp.Left: "expression", exp.Right: "expression", exp.Repeat: "times", exp.Pad: "expression", exp.Substring: "length"}
"""Functions with an argument that may not be negative."""
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
)
"""Functions that may leave the years 1 to 9999."""
MOST_GUARDS = 1
"""A cast is guarded, and one within it. DuckDB gets a value four times for each guard, and three deep it would think for seconds."""
OVERFLOWING = (exp.Exp, exp.Pow, exp.Sinh, exp.Cosh)
SINCE_EPOCH = {exp.UnixSeconds: 1_000_000, exp.UnixMillis: 1000}
"""Functions that count a unit, and its microseconds."""


def refuse_other_texts(tree: exp.Expression, _context: Context) -> exp.Expression:
    """CAST, TIMESTAMP and DATETIME of a text that BigQuery takes for no value are an error, and NULL for SAFE_CAST."""
    for call in list(tree.find_all(exp.Cast, *MOMENTS))[::-1]:
        if call.args.get("format") or isinstance(call.parent, exp.SafeFunc):  # SAFE.TIMESTAMP(text)
            continue
        kind, pattern = TEXTS.get(call.to.this.name if isinstance(call, exp.Cast) else MOMENTS[type(call)], ("", ""))
        if kind and not _is_good(call.this, pattern) and _guards_in(call.this) <= MOST_GUARDS:
            texts = (exp.Literal.string(text) for text in (pattern, f"Bad {kind}: "))
            call.replace(_where(macro(IS_TEXT, call.this.copy(), *texts, _is_safe(call)), call))
    return tree


def _guards_in(value: exp.Expr) -> int:
    return sum(call.name.endswith(IS_TEXT) for call in value.find_all(exp.Anonymous))


def _is_good(value: exp.Expression, pattern: str) -> bool:
    """Whether it is a literal that the pattern allows, or a number."""
    if not isinstance(value, exp.Literal):
        return False
    return not value.is_string or bool(re.fullmatch(pattern, value.name))


def _is_safe(call: exp.Expr) -> exp.Boolean:
    """Whether it gives NULL where others are an error."""
    return exp.Boolean(this=isinstance(call, exp.TryCast) or isinstance(call.parent, exp.SafeFunc))


def _where(claim: exp.Expr, value: exp.Expr) -> exp.If:
    """The value where a claim holds, and else NULL. Other rules see the value's type, by which a cast rounds, and days are added."""
    return exp.If(this=claim, true=value.copy())


def refuse_negative_lengths(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A length below zero is an error, where DuckDB counts from the end or gives nothing."""
    for call in list(tree.find_all(*LENGTHS))[::-1]:
        name = LENGTHS[type(call)]
        length = call.args.get(name)
        if length is not None and not isinstance(length, exp.Literal):
            call.set(name, macro("perennial_length", length.copy(), exp.Literal.string(call.sql_name()), _is_safe(call)))
    return tree


def refuse_other_days(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A day before the year 1 or after 9999 is an error."""
    for call in list(tree.find_all(*DAYS)):  # the outermost alone
        call.replace(_where(macro("perennial_is_day", call.copy(), _is_safe(call)), call))
    return tree


def refuse_infinity(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A function of finite numbers whose result is beyond FLOAT64 is an error."""
    for call in list(tree.find_all(*OVERFLOWING)):  # the outermost alone
        arguments = [argument.copy() for argument in call.iter_expressions()]
        name = exp.Literal.string(call.sql_name())
        call.replace(_where(macro("perennial_is_finite", call.copy(), name, exp.Array(expressions=arguments)), call))
    return tree


def count_whole_units(tree: exp.Expression, _context: Context) -> exp.Expression:
    """Seconds and milliseconds since 1970 are rounded down, before it too."""
    for call in list(tree.find_all(*SINCE_EPOCH))[::-1]:
        microseconds = exp.Anonymous(this="epoch_us", expressions=[call.this.copy()])
        units = macro("perennial_since_epoch", microseconds, exp.Literal.number(SINCE_EPOCH[type(call)]))
        call.replace(exp.cast(units, exp.DataType.Type.BIGINT))
    return tree


def read_json_only(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A STRING that is no JSON has nothing at any path."""
    for mark in list(tree.find_all(exp.Anonymous))[::-1]:
        if mark.name.upper() == typed.TEXT_OF_JSON:
            mark.replace(macro("perennial_json", mark.expressions[0].copy()))
    return tree


def refuse_lost_bytes(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A literal of bytes that ZetaSQL has folded into another value keeps its escapes as characters.

    Raises:
        BigQueryError: it has bytes above 127.
    """
    if any(not literal.name.isascii() for literal in tree.find_all(exp.ByteString)):
        raise not_supported("bytes above 127 in this place: write FROM_HEX in it")
    return tree


RULES = (
    refuse_other_texts,
    refuse_negative_lengths,
    refuse_other_days,
    refuse_infinity,
    count_whole_units,
    read_json_only,
    refuse_lost_bytes,
)
