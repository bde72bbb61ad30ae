"""A rule of translation for what ZetaSQL computes itself."""

from local_bigquery.sql.dialect import macro
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.sql.analyzer.reference import COMPUTED
from bigquery.sql.types import typed

RESULTS = {
    "PARSE_DATE": ("perennial_day", "DATE"),
    "PARSE_DATETIME": ("perennial_clock", "TIMESTAMP"),
    "PARSE_TIME": ("perennial_time", "TIME"),
    "PARSE_TIMESTAMP": ("perennial_moment", "TIMESTAMPTZ"),
    "PARSE_NUMERIC": ("perennial_decimal", "DECIMAL(38, 9)"),
}
"""The macros that make values of what ZetaSQL gives, and their types."""


def ask_the_reference(tree: exp.Expression, _context: Context) -> exp.Expression:
    """A moment that is parsed in no zone is one of UTC."""
    for call in list(tree.find_all(exp.Anonymous))[::-1]:
        name = call.name.upper().removeprefix(typed.FLOATING)
        if name not in RESULTS or name == call.name.upper():
            continue
        whole = call.parent if isinstance(call.parent, exp.SafeFunc) else call
        texts = [argument.copy() for argument in call.expressions]
        texts += [exp.Literal.string("UTC")] * (COMPUTED[name][0] - len(texts))
        found = exp.Anonymous(
            this=f"_{'safe_' if whole is not call else ''}{name.lower()}", expressions=[exp.Anonymous(this="list_value", expressions=texts)]
        )
        value, kind = RESULTS[name]
        whole.replace(exp.cast(macro(value, found), kind, dialect="duckdb"))
    return tree


RULES = (ask_the_reference,)
