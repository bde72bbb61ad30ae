"""A rule of translation for structs that are compared."""

from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.sql.guards.once import bind, computed
from bigquery.sql.types import shapes


def compare_fields(tree: exp.Expression, _context: Context) -> exp.Expression:
    """Structs are equal if all their fields are: a NULL in one makes it NULL, unless others differ. In DuckDB, NULL equals NULL there."""
    for mark in list(tree.find_all(exp.Anonymous))[::-1]:
        if not mark.name.upper().startswith(shapes.FIELDS):
            continue
        comparison = mark.find_ancestor(exp.EQ, exp.NEQ)
        count = int(mark.name.upper().removeprefix(shapes.FIELDS))
        mark.replace(mark.expressions[0].copy())
        if comparison is not None:
            comparison.replace(exp.paren(_fields_equal(comparison.copy(), count)))
    return tree


def _fields_equal(comparison: exp.Binary, count: int) -> exp.Expr:
    fields = bind(comparison, [comparison.this, comparison.expression])
    sides = [comparison.this.unnest(), comparison.expression.unnest()]
    if any(isinstance(side, exp.Null) for side in sides):
        return exp.cast(exp.null(), "BOOLEAN")
    places = range(1, count + 1)
    equal = exp.and_(*(exp.EQ(this=_field(sides[0], place), expression=_field(sides[1], place)) for place in places))
    return computed(fields, exp.not_(equal) if isinstance(comparison, exp.NEQ) else equal)


def _field(side: exp.Expr, place: int) -> exp.Expr:
    return exp.Anonymous(this="struct_extract_at", expressions=[side.copy(), exp.Literal.number(place)])


RULES = (compare_fields,)
