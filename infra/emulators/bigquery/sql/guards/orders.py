"""Rules of translation for rows that are ordered by FLOAT64."""

from local_bigquery.sql.dialect import macro
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.failures import not_supported
from bigquery.sql.types.orders import ORDERED

IS_FLOAT = "perennial_is_float"
NAME = "perennial_name"


def note_orders(tree: exp.Expression, _context: Context) -> exp.Expression:
    """Take the marks off, for the sake of rules that compare values, and remember them. To be applied first."""
    for mark in list(tree.find_all(exp.Anonymous))[::-1]:
        if mark.name.upper() == ORDERED:
            if isinstance(mark.parent, exp.Ordered):
                mark.parent.meta[IS_FLOAT] = True
                mark.parent.meta[NAME] = mark.expressions[1].name if len(mark.expressions) > 1 else None
            mark.replace(mark.expressions[0])
    return tree


def order_nan_first(tree: exp.Expression, _context: Context) -> exp.Expression:
    """NaN comes before all numbers. Where a frame adds to the value, it remains a number."""
    for ordered in list(tree.find_all(exp.Ordered)):
        if ordered.meta.get(IS_FLOAT) and not _is_added_to(ordered):
            value = ordered.this.unnest()
            shown = _shown(ordered, int(value.name)) if isinstance(value, exp.Literal) and value.is_int else value
            ordered.set("this", macro("perennial_order", shown.copy()))
    return tree


def _is_added_to(ordered: exp.Ordered) -> bool:
    window = ordered.find_ancestor(exp.Window, exp.Select)
    spec = window.args.get("spec") if isinstance(window, exp.Window) else None
    return (
        spec is not None and spec.args.get("kind") == "RANGE" and any(isinstance(spec.args.get(end), exp.Expr) for end in ("start", "end"))
    )


def _shown(ordered: exp.Ordered, place: int) -> exp.Expr:
    """What the query shows at a place, that it is ordered by.

    Raises:
        BigQueryError: it is behind a star, and its name is not enough to find it.
    """
    select = ordered.find_ancestor(exp.Select)
    values = select.expressions if select is not None else []
    if values and not any(one.is_star for one in values[:place]):
        return values[place - 1].unalias()
    name = ordered.meta.get(NAME) or ""
    shown = [one.unalias() for one in values if not one.is_star and one.alias_or_name.lower() == name.lower()]
    is_replaced = any(star.args.get("replace") for one in values for star in one.find_all(exp.Star))
    if is_replaced or len(shown) > 1 or not (shown or name):
        raise not_supported("ORDER BY the place of a column of FLOAT64 behind a star: write its name")
    return shown[0] if shown else exp.column(exp.to_identifier(name, quoted=True))
