"""Values that are computed once and named several times: what guards a call, or a tree of arithmetic, names each of its arguments."""

from sqlglot import exp

ROW = "perennial_row"


def bind(call: exp.Expr, arguments: list[exp.Expr]) -> exp.Struct:
    """Put names in the place of arguments of a call, but of literals. What `computed` is given names them by these.

    Columns alone keep their names, which cost nothing: DuckDB knows two lambdas for the same by nothing, and so no GROUP BY of one.
    """
    fields: list[exp.PropertyEQ] = []
    if all(isinstance(argument, exp.Column | exp.Literal) for argument in arguments):
        return exp.Struct(expressions=fields)
    for argument in arguments:
        if not isinstance(argument, exp.Literal):
            name = f"a{len(fields)}"
            fields.append(exp.PropertyEQ(this=exp.to_identifier(name), expression=argument.copy()))
            argument.replace(exp.column(name, table=ROW))
    return exp.Struct(expressions=fields)


def computed(fields: exp.Struct, result: exp.Expr) -> exp.Expr:
    """A result of bound values. DuckDB computes no lambda beforehand: a day that partitions are chosen by has none."""
    if not fields.expressions:
        return result
    body = exp.Lambda(this=result, expressions=[exp.to_identifier(ROW)])
    rows = exp.Anonymous(this="list_transform", expressions=[exp.Array(expressions=[fields]), body])
    return exp.Anonymous(this="list_extract", expressions=[rows, exp.Literal.number(1)])
