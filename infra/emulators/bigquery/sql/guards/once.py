"""Values that are computed once and named several times: what guards a call, or a tree of arithmetic, names each of its arguments."""

from sqlglot import exp

ROW = "perennial_row"
LONG = 100
"""Parts of an expression."""


def bind(call: exp.Expr, arguments: list[exp.Expr], *, always: bool = False) -> exp.Struct:
    """Put names in the place of arguments of a call, but of literals. What `computed` is given names them by these.

    Small arguments stay as they are, and so do aggregates, of which DuckDB computes equal ones once: it knows two lambdas for the same
    by nothing, and so no GROUP BY of one, and none of an aggregate in HAVING. Where an error of theirs must not be hidden, they
    are bound `always`.
    """
    fields: list[exp.PropertyEQ] = []
    if not always and (any(argument.find(exp.AggFunc, exp.Window) for argument in arguments) or not any(map(_is_costly, arguments))):
        return exp.Struct(expressions=fields)
    for argument in arguments:
        if not isinstance(argument, exp.Literal):
            name = f"a{len(fields)}"
            fields.append(exp.PropertyEQ(this=exp.to_identifier(name), expression=argument.copy()))
            argument.replace(exp.column(name, table=ROW))
    return exp.Struct(expressions=fields)


def _is_costly(argument: exp.Expr) -> bool:
    """Whether a value differs each time, or is so long that each further naming would multiply what DuckDB plans."""
    return argument.find(exp.Rand, exp.Uuid, exp.Query) is not None or sum(1 for _ in argument.walk()) > LONG


def computed(fields: exp.Struct, result: exp.Expr) -> exp.Expr:
    """A result of bound values. DuckDB computes no lambda beforehand: a day that partitions are chosen by has none."""
    if not fields.expressions:
        return result
    body = exp.Lambda(this=result, expressions=[exp.to_identifier(ROW)])
    rows = exp.Anonymous(this="list_transform", expressions=[exp.Array(expressions=[fields]), body])
    return exp.Anonymous(this="list_extract", expressions=[rows, exp.Literal.number(1)])
