"""Rules of translation for letters: their cases, codes and sounds, and what is cut out of texts or joined from them."""

from local_bigquery.sql.dialect import macro
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.failures import not_supported
from bigquery.sql.guards.texts import where
from bigquery.sql.types import moments, shapes

SOUNDEX = "bq.main.soundex"
INSTR = "bq.main.instr"
CALLS = {name: name.lower() for name in (*moments.CHECKS, *shapes.CHECKS, *shapes.CASES.values())}


def call_macros(tree: exp.Expression, _context: Context) -> exp.Expression:
    """What was named by its types is a macro."""
    for call in list(tree.find_all(exp.Anonymous))[::-1]:
        if call.name.upper() in CALLS:
            call.replace(macro(CALLS[call.name.upper()], *(argument.copy() for argument in call.expressions)))
        elif call.name.upper() == moments.FOUR_DIGITS:
            day = call.expressions[0]
            call.replace(where(macro("perennial_has_four_digits", day.copy()), day))
    return tree


def read_letters(tree: exp.Expression, _context: Context) -> exp.Expression:
    """UNICODE of an empty text is 0, and SOUNDEX keeps the case of the first letter."""
    for call in list(tree.find_all(exp.Unicode, exp.Anonymous))[::-1]:
        if isinstance(call, exp.Unicode):
            call.replace(macro("perennial_unicode", call.this.copy()))
        elif call.name == SOUNDEX:
            call.replace(macro("perennial_soundex", call.expressions[0].copy()))
    return tree


def join_with_texts(tree: exp.Expression, _context: Context) -> exp.Expression:
    """ARRAY_TO_STRING with NULL between the elements, or for those that are NULL, is NULL."""
    for call in list(tree.find_all(exp.ArrayToString))[::-1]:
        others = [one for one in (call.expression, call.args.get("null")) if one is not None and not isinstance(one, exp.Literal)]
        if others:
            missing = exp.or_(*(exp.Is(this=one.copy(), expression=exp.null()) for one in others))
            call.replace(exp.case().when(missing, exp.cast(exp.null(), "TEXT")).else_(call.copy()))
    return tree


def give_null_for_null(tree: exp.Expression, _context: Context) -> exp.Expression:
    """INSTR with a NULL is NULL, and so is SPLIT."""
    for call in list(tree.find_all(exp.Split, exp.Anonymous))[::-1]:
        if isinstance(call, exp.Split) or call.name == INSTR:
            arguments = [one for one in call.iter_expressions() if not isinstance(one, exp.Literal)]
            missing = [exp.Is(this=one.copy(), expression=exp.null()) for one in arguments]
            if missing:
                call.replace(exp.case().when(exp.or_(*missing), exp.null()).else_(call.copy()))
    return tree


def cut_out_matches(tree: exp.Expression, _context: Context) -> exp.Expression:
    """REGEXP_EXTRACT_ALL has no match behind the last character, and an empty one for a group that has none."""
    for call in list(tree.find_all(exp.RegexpExtractAll))[::-1]:
        call.replace(macro("perennial_matches", call.copy(), call.this.copy(), call.expression.copy()))
    return tree


def find_nothing_in_nothing(tree: exp.Expression, _context: Context) -> exp.Expression:
    """REGEXP_INSTR of an empty text is 0, whatever the pattern."""
    for call in list(tree.find_all(exp.RegexpInstr))[::-1]:
        is_empty = exp.EQ(this=call.this.copy(), expression=exp.Literal.string(""))
        is_asked = exp.Is(this=call.expression.copy(), expression=exp.null()).not_()
        call.replace(exp.case().when(exp.and_(is_empty, is_asked), exp.Literal.number(0)).else_(call.copy()))
    return tree


def refuse_empty_matches(tree: exp.Expression, _context: Context) -> exp.Expression:
    """Where matches are counted, some empty ones are refused: BigQuery counts them otherwise than DuckDB.

    Raises:
        BigQueryError: the query has SAFE.REGEXP_EXTRACT with a position.
    """
    for call in list(tree.find_all(exp.RegexpInstr, exp.RegexpExtract))[::-1]:
        is_place = isinstance(call, exp.RegexpInstr)
        if not is_place and not call.args.get("position"):
            continue
        if isinstance(call.parent, exp.SafeFunc):
            raise not_supported("SAFE.REGEXP_EXTRACT with a position")
        numbers = [(call.args.get(name) or exp.Literal.number(1)).copy() for name in ("position", "occurrence")]
        name = "perennial_located" if is_place else "perennial_extracted"
        call.set("this", macro(name, call.this.copy(), call.expression.copy(), *numbers))
    return tree


def show_moments(tree: exp.Expression, _context: Context) -> exp.Expression:
    """STRING of a TIMESTAMP shows three or six digits of the fraction of a second.

    Raises:
        BigQueryError: the query has SAFE.STRING of a moment in a zone.
    """
    for call in list(tree.find_all(exp.String))[::-1]:
        if call.args.get("zone") is None:
            continue
        if isinstance(call.parent, exp.SafeFunc):
            raise not_supported("SAFE.STRING of a TIMESTAMP in a zone")
        call.replace(macro("perennial_fraction", call.copy()))
    return tree


RULES = (
    call_macros,
    read_letters,
    join_with_texts,
    give_null_for_null,
    cut_out_matches,
    refuse_empty_matches,
    find_nothing_in_nothing,
    show_moments,
)
