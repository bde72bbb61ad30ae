"""Rules of translation for arguments that BigQuery refuses and DuckDB takes: other arrays, patterns, positions and characters."""

import duckdb
from local_bigquery.errors import BigQueryError
from local_bigquery.sql.dialect import macro
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.failures import not_supported
from bigquery.sql.guards.once import bind, computed
from bigquery.sql.guards.texts import is_safe

CHECKED: dict[type[exp.Expr], dict[str, str]] = {
    exp.Translate: {"from_": "perennial_different_characters"},
    exp.CosineDistance: {"this": "perennial_vector", "expression": "perennial_vector"},
    exp.RegexpExtract: {"expression": "perennial_pattern", "position": "perennial_position", "occurrence": "perennial_occurrence"},
    exp.RegexpExtractAll: {"expression": "perennial_pattern"},
    exp.RegexpInstr: {"expression": "perennial_pattern", "position": "perennial_position", "occurrence": "perennial_occurrence"},
    exp.Ascii: {"this": "perennial_ascii"},
    exp.Initcap: {"this": "perennial_cased"},
    exp.Levenshtein: {"this": "perennial_plain_letters", "expression": "perennial_plain_letters"},
    exp.TimeFromParts: {"hour": "perennial_hour", "sec": "perennial_second"},
    exp.Like: {"expression": "perennial_like"},
    exp.String: {"this": "perennial_json_string"},
    exp.Pad: {"fill_pattern": "perennial_padding"},
}
"""Of functions, their arguments that are checked, and by what: a macro that gives the argument back, or is an error."""
CHECKED_MACROS: dict[str, dict[int, str]] = {
    "bq.main.range_bucket": {0: "perennial_number", 1: "perennial_ascending"},
    "bq.main.instr": {2: "perennial_position_or_end", 3: "perennial_occurrence"},
    "bq.main.code_points_to_bytes": {0: "perennial_octets"},
    "bq.main.parse_json": {0: "perennial_strict_json"},
    "bq.main.parse_bignumeric": {0: "perennial_plain_number"},
    "bq.main.json_keys": {0: "perennial_plain_keys"},
    "bq.main.int64": {0: "perennial_integer"},
    "bq.main.float64": {0: "perennial_json_number"},
    "bq.main.bool": {0: "perennial_boolean"},
}
"""The same of functions that local-bigquery has macros for, with the places of the arguments."""

ODD: dict[str | type[exp.Expr], str] = {
    "bq.main.parse_json": "perennial_is_odd_json",
    exp.Timestamp: "perennial_is_odd_moment",
    exp.Datetime: "perennial_is_odd_moment",
    exp.TsOrDsToDatetime: "perennial_is_odd_moment",
}
"""What is asked of the first argument of SAFE.FUNCTION."""
LENGTHS = {exp.Left: "expression", exp.Right: "expression", exp.Repeat: "times", exp.Pad: "expression", exp.Substring: "length"}
"""Functions with an argument that may not be negative."""
BYTES_TO_STRING = "bq.main.safe_convert_bytes_to_string"
OFFSETS = (exp.Lag, exp.Lead)
SPACE = r"[\s\v\x{85}\p{Z}]"


def check_arguments(tree: exp.Expression, _context: Context) -> exp.Expression:
    """Arguments that BigQuery refuses are an error, and SAFE.FUNCTION of them is NULL."""
    for call in list(tree.find_all(*CHECKED, exp.Anonymous))[::-1]:
        if isinstance(call.parent, exp.SafeFunc):
            bound = call.copy()
            fields = bind(bound, [argument for argument in bound.iter_expressions() if isinstance(argument, exp.Expression)], always=True)
            if _check(bound):
                call.parent.replace(computed(fields, exp.func("TRY", bound)))
        else:
            _check(call)
    return tree


def refuse_odd_arguments(tree: exp.Expression, _context: Context) -> exp.Expression:
    """SAFE.FUNCTION is not NULL for what only the emulator cannot do."""
    for safe in list(tree.find_all(exp.SafeFunc))[::-1]:
        call = safe.this
        check = ODD.get(call.name if isinstance(call, exp.Anonymous) else type(call))
        if check is not None:
            value = call.expressions[0] if isinstance(call, exp.Anonymous) else call.this
            error = exp.Anonymous(
                this="_raise", expressions=[exp.Literal.string("The emulator does not support SAFE.FUNCTION of this text")]
            )
            safe.replace(exp.case().when(macro(check, value.copy()), error).else_(safe.copy()))
    return tree


def check_rewrites(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A group that REGEXP_REPLACE names and the pattern does not have is an error."""
    for call in list(tree.find_all(exp.RegexpReplace))[::-1]:
        rewrite = call.args["replacement"]
        if not isinstance(rewrite, exp.Literal) or "\\" in rewrite.name:
            call.set("replacement", macro("perennial_rewrite", rewrite.copy(), call.expression.copy()))
    return tree


def _check(call: exp.Expr) -> bool:
    """Check arguments of a call, and tell whether it has any to be checked."""
    checks: dict[str, str] = CHECKED.get(type(call), {})
    for name, check in checks.items():
        value = call.args.get(name)
        if value is not None and not isinstance(value, exp.Any | exp.All) and not _is_harmless(call, value):
            call.set(name, macro(check, value.copy()))
    places = CHECKED_MACROS.get(call.name, {}) if isinstance(call, exp.Anonymous) else {}
    for place, check in places.items():
        if place < len(call.expressions):
            call.expressions[place].replace(macro(check, call.expressions[place].copy()))
    return bool(checks or places)


def refuse_other_bytes(tree: exp.Expression, _context: Context) -> exp.Expression:
    """What SAFE_CONVERT_BYTES_TO_STRING puts in the place of bytes that are no UTF-8 is not known; DuckDB gives NULL."""
    for call in list(tree.find_all(exp.Anonymous))[::-1]:
        if call.name == BYTES_TO_STRING:
            call.replace(macro("perennial_bytes_to_string", call.expressions[0].copy()))
    return tree


def _is_harmless(call: exp.Expr, value: exp.Expr) -> bool:
    """Whether it is a pattern of LIKE without a backslash, which DuckDB looks up faster as it is, or a moment in a zone and no JSON."""
    if isinstance(call, exp.String):
        return call.args.get("zone") is not None
    return isinstance(call, exp.Like) and isinstance(value, exp.Literal) and "\\" not in value.name


def refuse_negative_lengths(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A length below zero is an error, where DuckDB counts from the end or gives nothing."""
    for call in list(tree.find_all(*LENGTHS))[::-1]:
        name = LENGTHS[type(call)]
        length = call.args.get(name)
        if length is not None and not isinstance(length, exp.Literal):
            call.set(name, macro("perennial_length", length.copy(), exp.Literal.string(call.sql_name()), is_safe(call)))
    return tree


def refuse_negative_offsets(tree: exp.Expression, _context: Context) -> exp.Expression:
    """LAG of the rows after, and LEAD of those before, are an error.

    Raises:
        BigQueryError: the query has one.
    """
    for call in tree.find_all(*OFFSETS):
        if isinstance(call.args.get("offset"), exp.Neg):
            raise BigQueryError("invalidQuery", f"The offset to the function {call.sql_name()} must not be negative")
    return tree


def give_null_for_null_arrays(tree: exp.Expression, _context: Context) -> exp.Expression:
    """ARRAY_CONCAT of an array that is NULL is NULL; DuckDB leaves it out."""
    for call in list(tree.find_all(exp.ArrayConcat))[::-1]:
        bound = call.copy()
        arrays = [bound.this, *bound.expressions]
        fields = bind(bound, arrays)
        missing = exp.or_(*(exp.Is(this=array.copy(), expression=exp.null()) for array in [bound.this, *bound.expressions]))
        call.replace(computed(fields, exp.case().when(missing, exp.null()).else_(bound)))
    return tree


def trim_all_spaces(tree: exp.Expression, _context: Context) -> exp.Expression:
    """TRIM, LTRIM and RTRIM without characters take off every kind of white space, where DuckDB knows one."""
    for call in list(tree.find_all(exp.Trim))[::-1]:
        if call.args.get("expression") is None:
            place = str(call.args.get("position") or "BOTH").upper()
            pattern = "|".join(one for one, other in ((f"^{SPACE}+", "TRAILING"), (f"{SPACE}+$", "LEADING")) if place != other)
            text, rest, options = exp.Literal.string(pattern), exp.Literal.string(""), exp.Literal.string("g")
            call.replace(exp.Anonymous(this="regexp_replace", expressions=[call.this.copy(), text, rest, options]))
    return tree


def try_patterns(tree: exp.Expression, _context: Context) -> exp.Expression:
    """SAFE.REGEXP_CONTAINS and SAFE.REGEXP_EXTRACT of a pattern that is none are NULL. DuckDB refuses it before it tries.

    Raises:
        BigQueryError: the query has one.
    """
    for call in tree.find_all(exp.RegexpLike, exp.RegexpExtract):
        pattern = call.expression
        if isinstance(call.parent, exp.SafeFunc) and isinstance(pattern, exp.Literal):
            try:
                duckdb.connect().execute("SELECT regexp_matches('', $1)", [pattern.name])
            except duckdb.Error as error:
                name = "REGEXP_CONTAINS" if isinstance(call, exp.RegexpLike) else "REGEXP_EXTRACT"
                raise not_supported(f"SAFE.{name} with the pattern {pattern.name}") from error
    return tree


def expand_alternatives(tree: exp.Expression, _context: Context) -> exp.Expression:
    """LIKE ANY and LIKE ALL are some LIKE, each of which knows an escape."""
    for like in list(tree.find_all(exp.Like))[::-1]:
        if isinstance(like.expression, exp.Any | exp.All) and isinstance(like.expression.this, exp.Tuple | exp.Paren):
            patterns = like.expression.this.expressions or [like.expression.this.this]
            each = [exp.Like(this=like.this.copy(), expression=pattern.copy(), negate=like.args.get("negate")) for pattern in patterns]
            like.replace(exp.paren(exp.or_(*each) if isinstance(like.expression, exp.Any) else exp.and_(*each)))
    return tree


RULES = (
    expand_alternatives,
    give_null_for_null_arrays,
    trim_all_spaces,
    try_patterns,
    refuse_odd_arguments,
    check_arguments,
    check_rewrites,
    refuse_other_bytes,
    refuse_negative_lengths,
    refuse_negative_offsets,
)
