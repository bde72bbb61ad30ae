"""Rules of translation for rows that are ordered by FLOAT64."""

from local_bigquery.sql.dialect import macro
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.sql.types.orders import ORDERED

IS_FLOAT = "perennial_is_float"


def note_orders(tree: exp.Expression, _context: Context) -> exp.Expression:
    """Take the marks off, for the sake of rules that compare values, and remember them. To be applied first."""
    for mark in list(tree.find_all(exp.Anonymous))[::-1]:
        if mark.name.upper() == ORDERED:
            if isinstance(mark.parent, exp.Ordered):
                mark.parent.meta[IS_FLOAT] = True
            mark.replace(mark.expressions[0])
    return tree


def order_nan_first(tree: exp.Expression, _context: Context) -> exp.Expression:
    """NaN comes before all numbers. Where a frame adds to the value, it remains a number."""
    for ordered in list(tree.find_all(exp.Ordered)):
        if ordered.meta.get(IS_FLOAT) and not _is_added_to(ordered):
            value = ordered.this.unnest()
            shown = _shown(ordered, int(value.name)) if isinstance(value, exp.Literal) and value.is_int else value
            if shown is not None:  # a place behind a star stays one
                ordered.set("this", macro("perennial_order", shown.copy()))
    return tree


def _is_added_to(ordered: exp.Ordered) -> bool:
    window = ordered.find_ancestor(exp.Window, exp.Select)
    spec = window.args.get("spec") if isinstance(window, exp.Window) else None
    return (
        spec is not None and spec.args.get("kind") == "RANGE" and any(isinstance(spec.args.get(end), exp.Expr) for end in ("start", "end"))
    )


def _shown(ordered: exp.Ordered, place: int) -> exp.Expr | None:
    """What the query shows at a place, that it is ordered by."""
    select = ordered.find_ancestor(exp.Select)
    if select is None or any(one.is_star for one in select.expressions[:place]):
        return None
    return select.expressions[place - 1].unalias()
