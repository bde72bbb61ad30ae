"""A rule of translation for values that rows are grouped by.

DuckDB must find the same value in SELECT, GROUP BY and ORDER BY, where ZetaSQL takes one for a computation, and the others for a column:
types are marked in one of them only.
"""

from collections.abc import Iterator

from local_bigquery.sql.dialect import BigQueryDialect, macro
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.sql.types import decimals, typed

SETS = (exp.Rollup, exp.Cube, exp.GroupingSets)


def repeat_groups(tree: exp.Expression, _context: Context) -> exp.Expression:
    """What rows are grouped by is the same wherever the query writes it. That it does not overflow is checked in HAVING, once."""
    for group in list(tree.find_all(exp.Group)):
        if isinstance(group.parent, exp.Select):
            _group_by_all(group, group.parent)
            _repeat(group, group.parent)
            if group.find(*SETS) and any(_grouped(group)):  # no rows have no groups, not even the one of all
                group.parent.having(exp.Count(this=exp.Star()) > 0, copy=False)
    return tree


def _group_by_all(group: exp.Group, select: exp.Select) -> None:
    """DuckDB finds no value of GROUP BY ALL in ORDER BY."""
    shown = [value.unalias() for value in select.expressions]
    if group.args.get("all") and not any(value.is_star for value in shown):
        places = [place for place, value in enumerate(shown, 1) if not isinstance(value, exp.Literal) and not _has_aggregate(value)]
        group.set("all", None if places else True)
        group.set("expressions", [exp.Literal.number(place) for place in places])


def _repeat(group: exp.Group, select: exp.Select) -> None:
    values = [_shown_by(select, value) or value for value in _grouped(group)]
    values = [value for value in values if not isinstance(value, exp.Column | exp.Literal) and not _has_aggregate(value)]
    places: list[list[exp.Expr]] = [[] for _ in values]
    for place in _places(select, group):
        named = _shown_by(select, place) if isinstance(place.parent, exp.Ordered) and isinstance(place, exp.Column) else None
        if (found := _found(named or place, values)) is not None:
            places[found].append(place)
    for value, same in zip(values, places, strict=True):
        marked = max([value, *same], key=_count_marks).copy()
        plain = _unmarked(marked, {typed.ARITHMETIC})
        for place in same:
            place.replace(exp.paren(plain) if isinstance(place.parent, exp.Ordered) else plain.copy())
        if plain != marked:
            select.having(exp.Count(this=marked) >= 0, copy=False)


def _grouped(group: exp.Group) -> Iterator[exp.Expr]:
    """The values that rows are grouped by, those within ROLLUP, CUBE and GROUPING SETS too."""
    values = list(group.expressions)
    while values:
        value = values.pop(0)
        if isinstance(value, exp.Rollup | exp.Cube | exp.GroupingSets | exp.Tuple):
            values[:0] = value.expressions
        elif isinstance(value, exp.Paren):
            values[:0] = [value.this]
        else:
            yield value


def _shown_by(select: exp.Select, value: exp.Expr) -> exp.Expr | None:
    """The value that the query shows under a name, or at a place."""
    if isinstance(value, exp.Literal) and value.is_int and not any(one.is_star for one in select.expressions[: int(value.name)]):
        return select.expressions[int(value.name) - 1].unalias()
    if isinstance(value, exp.Column) and not value.table:
        return next(
            (one.this for one in select.expressions if isinstance(one, exp.Alias) and one.alias.lower() == value.name.lower()), None
        )
    return None


def _places(select: exp.Select, group: exp.Group) -> Iterator[exp.Expr]:
    """Where a grouped value may stand."""
    yield from (value.unalias() for value in select.expressions)
    yield from _grouped(group)
    order = select.args.get("order")
    yield from (ordered.this for ordered in (order.expressions if order else ()) if isinstance(ordered, exp.Ordered))
    yield from (value for call in select.find_all(exp.Grouping) for value in call.expressions)


def _found(value: exp.Expr, values: list[exp.Expr]) -> int | None:
    """Which of the values it is; columns may be named with their tables or without."""
    alike = [place for place, one in enumerate(values) if _written(one) == _written(value)]
    same = [place for place in alike if _tables(values[place]) == _tables(value)]
    fitting = [
        place for place in alike if all(not a or not b or a == b for a, b in zip(_tables(values[place]), _tables(value), strict=True))
    ]
    return next(iter(same + fitting), None)


def _tables(value: exp.Expr) -> list[str]:
    return [".".join(part.name.lower() for part in column.parts[:-1]) for column in value.find_all(exp.Column)]


def _written(value: exp.Expr) -> exp.Expr:
    """What a value is, be it marked, in brackets, or of columns that are named with their tables."""
    plain: exp.Expr = exp.paren(_unmarked(value, typed.MARKS | {typed.TEXT_OF_JSON}))
    for part in list(plain.find_all(exp.Paren, exp.Column, exp.Anonymous))[::-1]:
        if isinstance(part, exp.Column):
            part.replace(exp.column(part.name.lower()))
        elif isinstance(part, exp.Anonymous):
            part.replace(_original(part))
        elif part is not plain:
            part.replace(part.this)
    return plain.this


def _original(call: exp.Anonymous) -> exp.Expr:
    """A call of the function that the query names, where another stands for it."""
    name = call.name.upper()
    if name.startswith(typed.JSON):
        return macro("to_json_string", *call.expressions)
    if not name.startswith(typed.FLOATING):
        return call
    return exp.func(decimals.ORIGINALS.get(name, name.removeprefix(typed.FLOATING)), *call.expressions, dialect=BigQueryDialect)


def _unmarked(value: exp.Expr, marks: set[str]) -> exp.Expr:
    """A copy of a value without marks."""
    plain = exp.paren(value.copy(), copy=False)
    for mark in list(plain.find_all(exp.Anonymous))[::-1]:
        if mark.name.upper() in marks:
            mark.replace(mark.expressions[0])
    return plain.this


def _count_marks(value: exp.Expr) -> int:
    return sum(call.name.upper().startswith(typed.FLOATING) for call in value.find_all(exp.Anonymous))


def _has_aggregate(value: exp.Expr) -> bool:
    return value.find(exp.AggFunc, exp.Window) is not None
