"""Rules of translation for FLOAT64: what overflows, or has no value, is an error in BigQuery, and infinity or NaN in DuckDB."""

from collections.abc import Iterator

from local_bigquery.sql.dialect import macro
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.sql.guards.once import bind, computed
from bigquery.sql.guards.texts import is_safe
from bigquery.sql.types import typed

FINITE = (exp.Exp, exp.Pow, exp.Sinh, exp.Cosh, exp.Acosh, exp.Atanh)
"""Functions that are finite of finite numbers, or an error."""
FINITE_MACROS = frozenset({"bq.main.csc", "bq.main.coth", "bq.main.csch"})
SIGNS: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
SAFE = {"SAFE_ADD": exp.Add, "SAFE_SUBTRACT": exp.Sub, "SAFE_MULTIPLY": exp.Mul, "SAFE_DIVIDE": exp.Div}


def refuse_infinity(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A function of finite numbers whose result is none is an error."""
    for call in list(tree.find_all(*FINITE, exp.Anonymous))[::-1]:
        if isinstance(call, exp.Anonymous) and call.name not in FINITE_MACROS:
            continue
        name = call.name.removeprefix("bq.main.").upper() if isinstance(call, exp.Anonymous) else call.sql_name()
        guarded, place = call.copy(), call
        fields = bind(guarded, list(guarded.iter_expressions()))
        error = _error(f"Floating point error in function: {name}")
        place.replace(_number(computed(fields, _unless(guarded, list(guarded.iter_expressions()), error))))
    return tree


def _number(value: exp.Expr) -> exp.Cast:
    """Other rules see its type, by which a cast to INT64 rounds."""
    return exp.cast(value, "DOUBLE")


def _error(message: str) -> exp.Expr:
    return exp.Anonymous(this="_raise", expressions=[exp.Literal.string(message)])


def _finite(value: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="isfinite", expressions=[exp.cast(value.copy(), "DOUBLE")])


def _unless(value: exp.Expr, arguments: list[exp.Expr], otherwise: exp.Expr) -> exp.Case:
    """The value, unless it is infinite or NaN and no argument is."""
    overflows = exp.and_(exp.not_(_finite(value)), *map(_finite, arguments))
    return exp.case().when(overflows, otherwise).else_(value.copy())


def refuse_overflow(tree: exp.Expression, _context: Context) -> exp.Expression:
    """Sums, differences, products and quotients of finite numbers that are none are an error. What they are of is computed once."""
    marks = [mark for mark in tree.find_all(exp.Anonymous) if mark.name.upper() == typed.ARITHMETIC]
    outermost = [mark for mark in marks if not _is_within(mark)]
    for mark in marks:
        if _is_within(mark):
            mark.replace(exp.paren(mark.expressions[0], copy=False))
    for mark in outermost[::-1]:
        mark.replace(exp.paren(_checked(mark.expressions[0].copy())))
    return tree


def _is_within(mark: exp.Expr) -> bool:
    """Whether it is of arithmetic within arithmetic, which is checked with it."""
    parent: exp.Expr | None = mark.parent
    while parent is not None and isinstance(parent, (*SIGNS, exp.Paren, exp.Neg)):
        parent = parent.parent
    return isinstance(parent, exp.Anonymous) and parent.name.upper() == typed.ARITHMETIC


def _parts(whole: exp.Expr) -> Iterator[exp.Expr]:
    """A tree of arithmetic, with the values that it is of."""
    yield whole
    if isinstance(whole, tuple(SIGNS)):
        yield from (*_parts(whole.this), *_parts(whole.expression))
    elif isinstance(whole, exp.Paren | exp.Neg):
        yield from _parts(whole.this)


def _checked(whole: exp.Expr) -> exp.Expr:
    root = exp.paren(whole)
    leaves = [part for part in _parts(root) if not isinstance(part, (*SIGNS, exp.Paren, exp.Neg))]
    fields = bind(root, leaves)
    checked = exp.case()
    for part in _parts(root):
        if isinstance(part, tuple(SIGNS)):
            overflows = exp.and_(exp.not_(_finite(exp.paren(part))), _finite(part.this), _finite(part.expression))
            checked = checked.when(overflows, _error(f"double overflow: {SIGNS[type(part)]}"))
    return _number(computed(fields, checked.else_(root)))


def give_null_for_overflow(tree: exp.Expression, _context: Context) -> exp.Expression:
    """SAFE_ADD and its like of finite numbers are NULL where they are no number."""
    for call in list(tree.find_all(exp.Anonymous))[::-1]:
        operation = SAFE.get(call.name.upper().removeprefix(typed.FLOATING)) if call.name.upper().startswith(typed.FLOATING) else None
        if operation is None:
            continue
        bound = call.copy()
        fields = bind(bound, list(bound.expressions))
        one, other = bound.expressions
        value = operation(this=_number(one.copy()), expression=_number(other.copy()))
        if operation is exp.Div:
            value.set("expression", exp.Nullif(this=_number(other.copy()), expression=exp.Literal.number(0)))
        call.replace(_number(computed(fields, _unless(value, [one, other], exp.null()))))
    return tree


def refuse_infinite_sums(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A sum or a mean of finite numbers that is beyond FLOAT64 is an error."""
    for mark in list(tree.find_all(exp.Anonymous))[::-1]:
        if mark.name.upper() != typed.SUMMED:
            continue
        value = mark.expressions[0]
        aggregate = mark.find_ancestor(exp.Sum, exp.Avg)
        mark.replace(value)
        if aggregate is None:
            continue
        if aggregate.find_ancestor(exp.Pivot):  # which takes nothing but one aggregate
            whole = value.parent if isinstance(value.parent, exp.Anonymous) and value.parent.name.upper() == typed.ARITHMETIC else value
            whole.replace(_summand(whole))
            continue
        whole = aggregate.parent if isinstance(aggregate.parent, exp.Window) else aggregate
        overflows = exp.and_(
            exp.not_(_finite(whole)), exp.EQ(this=_over(whole, _spoilers(aggregate, value)), expression=exp.Literal.number(0))
        )
        whole.replace(exp.paren(exp.case().when(overflows, _overflow(aggregate, whole, value)).else_(whole.copy())))
    return tree


def _spoilers(aggregate: exp.Expr, value: exp.Expr) -> exp.Expr:
    """Counts the numbers of which it is known what a sum with them is, and a mean: NaN. Of infinity alone, ZetaSQL finds no mean."""
    is_known = (
        exp.Anonymous(this="isnan", expressions=[exp.cast(value.copy(), "DOUBLE")])
        if isinstance(aggregate, exp.Avg)
        else exp.not_(_finite(value))
    )
    return exp.Anonymous(this="count_if", expressions=[is_known])


def _summand(value: exp.Expr) -> exp.Expr:
    """What is summed in PIVOT: no number so large that the sum could be infinite, be it computed or not."""
    plain = exp.paren(value.copy(), copy=False)
    marks = [mark for mark in plain.find_all(exp.Anonymous) if mark.name.upper() == typed.ARITHMETIC]
    for mark in marks[::-1]:
        mark.replace(exp.paren(mark.expressions[0]))
    return macro("perennial_summand", exp.cast(plain, "DOUBLE"), exp.Boolean(this=bool(marks)))


def _over(whole: exp.Expr, aggregate: exp.Expr) -> exp.Expr:
    """An aggregate of the same rows as another."""
    if not isinstance(whole, exp.Window):
        return aggregate
    window = whole.copy()
    window.set("this", aggregate)
    return window


def _overflow(aggregate: exp.AggFunc, whole: exp.Expr, value: exp.Expr) -> exp.Expr:
    """What is said of a sum that is infinite. One of numbers of both signs may not be so in BigQuery, and a mean never is."""
    unknown = _error(f"The emulator does not support {aggregate.sql_name()} of numbers whose sum is beyond FLOAT64")
    if isinstance(aggregate, exp.Avg):
        return unknown
    both = exp.and_(_over(whole, exp.Min(this=value.copy())) < 0, _over(whole, exp.Max(this=value.copy())) > 0)
    return exp.case().when(both, unknown).else_(_error(f"double overflow: {aggregate.sql_name()}"))


def round_decimals(tree: exp.Expression, _context: Context) -> exp.Expression:
    """ROUND and TRUNC to a number of digits go by the number's exact value: 2.675 is a little less, and becomes 2.67."""
    for call in list(tree.find_all(exp.Anonymous))[::-1]:
        if call.name.upper() in (typed.ROUND, typed.TRUNC):
            value, digits = call.expressions
            call.replace(_number(macro(call.name.lower(), exp.cast(value.copy(), "DOUBLE"), digits.copy())))
    return tree


def cast_exactly(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A FLOAT64 that is cast to NUMERIC is rounded by its exact value; DuckDB multiplies it first."""
    for mark in list(tree.find_all(exp.Anonymous))[::-1]:
        if mark.name.upper() == typed.EXACT:
            number = exp.cast(mark.expressions[0].copy(), "DOUBLE")
            if isinstance(mark.parent, exp.Cast):
                mark.parent.replace(macro("perennial_numeric", number, is_safe(mark.parent)))
    return tree


def divide_by_signed_zero(tree: exp.Expression, _context: Context) -> exp.Expression:
    """IEEE_DIVIDE of NaN is NaN, and the sign of a zero counts."""
    for call in list(tree.find_all(exp.Anonymous))[::-1]:
        if call.name == "bq.main.ieee_divide":
            call.replace(macro("perennial_ieee_divide", *(argument.copy() for argument in call.expressions)))
    return tree


RULES = (
    divide_by_signed_zero,
    round_decimals,
    refuse_infinite_sums,
    refuse_overflow,
    refuse_infinity,
    give_null_for_overflow,
)
