"""Rules of translation for texts that BigQuery takes for no value: of numbers, days, JSON, and bytes."""

import re

from local_bigquery.sql.dialect import macro
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.failures import not_supported
from bigquery.sql.guards.once import bind, computed
from bigquery.sql.types import typed

# A rule goes through the calls from the last to the first, the inner before the outer one, whose copy then has the guarded argument.

DIGITS = r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*"
DAY = r"([1-9]\d{3}|0[1-9]\d{2}|00[1-9]\d|000[1-9])-\d{1,2}-\d{1,2}"
CLOCK = r"([01]?\d|2[0-3]):[0-5]?\d:[0-5]?\d(\.\d{1,6})?"
ZONE = r"(\s*([Zz]|[+-](0\d|1[0-3])(:?[0-5]\d)?|[+-]14(:?00)?)| [A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*)"
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
IS_NO_TEXT = "perennial_is_no_text"
MOMENTS = {exp.Timestamp: "TIMESTAMPTZ", exp.Datetime: "TIMESTAMP", exp.TsOrDsToDatetime: "TIMESTAMP"}
"""Functions that cast a text, and to what."""
MOST_GUARDS = 1
"""A cast is guarded by naming its value four times, and one within it. Those around them take a value that was computed before."""


def note_values(tree: exp.Expression, _context: Context) -> exp.Expression:
    """Take the marks off values that are no texts, and remember them: a cast of one needs no guard, which would name it several times."""
    for mark in list(tree.find_all(exp.Anonymous))[::-1]:
        if mark.name.upper() == typed.NO_TEXT:
            whole = mark.parent
            if isinstance(whole, exp.Cast | exp.Timestamp | exp.Datetime | exp.TsOrDsToDatetime) and mark.arg_key == "this":
                whole.meta[IS_NO_TEXT] = True
            mark.replace(mark.expressions[0])
    return tree


def refuse_other_texts(tree: exp.Expression, _context: Context) -> exp.Expression:
    """CAST, TIMESTAMP and DATETIME of a text that BigQuery takes for no value are an error, and NULL for SAFE_CAST."""
    for call in list(tree.find_all(exp.Cast, *MOMENTS))[::-1]:
        if call.args.get("format") or call.meta.get(IS_NO_TEXT) or isinstance(call.parent, exp.SafeFunc):  # SAFE.TIMESTAMP(text)
            continue
        kind, pattern = TEXTS.get(call.to.this.name if isinstance(call, exp.Cast) else MOMENTS[type(call)], ("", ""))
        if kind and not _is_good(call.this, pattern):
            _guard(call, pattern, f"Bad {kind}: ")
        elif kind == "timestamp" and "/" in call.this.name:
            call.replace(macro("perennial_first_moment", call.copy(), call.this.copy()))
    return tree


def _guard(call: exp.Expr, pattern: str, refusal: str) -> None:
    is_deep = _guards_in(call.this) > MOST_GUARDS
    guarded = call.copy() if is_deep else call
    fields = bind(guarded, [guarded.this] if is_deep else [])
    texts = (exp.Literal.string(text) for text in (pattern, refusal))
    moment = macro("perennial_first_moment", guarded.copy(), exp.cast(guarded.this.copy(), "TEXT")) if "timestamp" in refusal else guarded
    value = where(macro(IS_TEXT, guarded.this.copy(), *texts, is_safe(guarded)), moment)
    call.replace(exp.cast(computed(fields, value), call.to) if is_deep and isinstance(call, exp.Cast) else computed(fields, value))


def _guards_in(value: exp.Expr) -> int:
    return sum(call.name.endswith(IS_TEXT) for call in value.find_all(exp.Anonymous))


def _is_good(value: exp.Expression, pattern: str) -> bool:
    """Whether it is a literal that the pattern allows, or a number."""
    if not isinstance(value, exp.Literal):
        return False
    return not value.is_string or bool(re.fullmatch(pattern, value.name))


def is_safe(call: exp.Expr) -> exp.Boolean:
    """Whether it gives NULL where others are an error."""
    return exp.Boolean(this=isinstance(call, exp.TryCast) or isinstance(call.parent, exp.SafeFunc))


def where(claim: exp.Expr, value: exp.Expr) -> exp.If:
    """The value where a claim holds, and else NULL. Other rules see the value's type, by which a cast rounds, and days are added."""
    return exp.If(this=claim, true=value.copy())


def read_json_only(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A STRING that is no JSON has nothing at any path, and one that has null there, NULL. Its numbers stay as they are written."""
    for mark in list(tree.find_all(exp.Anonymous))[::-1]:
        if mark.name.upper() == typed.TEXT_OF_JSON:
            query = mark.parent
            is_scalar = isinstance(query, exp.JSONExtractScalar | exp.JSONValueArray)
            mark.replace(macro("perennial_json_values" if is_scalar else "perennial_json_texts", mark.expressions[0].copy()))
            if type(query) is exp.JSONExtract:
                query.replace(exp.Nullif(this=exp.cast(query.copy(), "TEXT"), expression=exp.Literal.string("null")))
            elif isinstance(query, exp.JSONExtractArray):
                query.replace(exp.cast(query.copy(), "ARRAY<TEXT>"))
    return tree


def read_arrays_only(tree: exp.Expression, _context: Context) -> exp.Expression:
    """JSON that is no array has no elements, and one of other arrays and objects no values: both are NULL."""
    for call in list(tree.find_all(exp.JSONExtractArray, exp.JSONValueArray))[::-1]:
        check = "perennial_has_scalars" if isinstance(call, exp.JSONValueArray) else "perennial_has_elements"
        bound = call.copy()
        fields = bind(bound, [bound.this])
        there = exp.Anonymous(this="json_extract", expressions=[bound.this.copy(), bound.expression.copy()])
        call.replace(computed(fields, exp.case().when(macro(check, there), bound)))
    return tree


def refuse_lost_bytes(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A literal of bytes that ZetaSQL has folded into another value keeps its escapes as characters.

    Raises:
        BigQueryError: it has bytes above 127.
    """
    if any(not literal.name.isascii() for literal in tree.find_all(exp.ByteString)):
        raise not_supported("bytes above 127 in this place: write FROM_HEX in it")
    return tree


RULES = (refuse_other_texts, read_json_only, read_arrays_only, refuse_lost_bytes)
