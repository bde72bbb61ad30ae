"""Which columns of source.sql a column of the source table feeds, read off the query itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from components.model.source_text import SOURCE

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

PINNED = "perennial_pinned_source"
"""Stands for `{source}`."""
Names = frozenset[str]
NONE: Names = frozenset()


@dataclass(frozen=True)
class Lineage:
    """Which features the source's columns feed. `features` are source.sql's columns without key and span, the label included."""

    features: tuple[str, ...]
    values: Mapping[str, Names] = field(default_factory=dict)
    """Of each of the source's columns, the features that are computed from its values."""
    deciding: Names = NONE
    """Columns of the source that say which rows there are, in WHERE, JOIN, GROUP BY and the like: they feed every feature."""
    keys: Names = NONE
    """Columns of the source that become the key: identifiers, whose values mean nothing."""
    is_known: bool = True
    """False where the query could not be read: every column is taken to feed every feature."""

    def fed_by(self, column: str) -> Names:
        """The features that a column of the source feeds."""
        every = not self.is_known or column in self.deciding
        return frozenset(self.features) if every else self.values.get(column, NONE)


def trace(sql: str, columns: Collection[str], features: Collection[str], *, key: str) -> Lineage:
    """Trace the columns of a query over `{source}`.

    Args:
        sql: the query, in BigQuery's dialect.
        columns: the columns of the source table.
        features: the columns of the query, without key and span; in their order.
        key: the column of the query that identifies a row.
    """
    from sqlglot import errors, parse_one
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    unknown = Lineage(tuple(features), is_known=False)
    schema: dict[str, object] = {PINNED: dict.fromkeys(columns, "UNKNOWN")}
    try:
        tree = parse_one(sql.replace(SOURCE, f"`{PINNED}`"), read="bigquery")
        scope = build_scope(qualify(tree, schema=schema, dialect="bigquery", validate_qualify_columns=False))
        traced = _Query(columns).outputs(scope) if scope else None
    except (errors.SqlglotError, KeyError, RecursionError, ValueError):
        return unknown
    if traced is None or traced.values.keys().isdisjoint(name.lower() for name in features):
        return unknown
    by_source = {column: frozenset(f for f in features if column in traced.values.get(f.lower(), NONE)) for column in columns}
    return Lineage(tuple(features), by_source, traced.deciding, traced.values.get(key.lower(), NONE))


@dataclass(frozen=True)
class _Outputs:
    """The source's columns behind each column of a SELECT, by its name in lower case, and those behind its choice of rows."""

    values: Mapping[str, Names]
    deciding: Names

    @property
    def all(self) -> Names:
        return frozenset().union(self.deciding, *self.values.values())


class _Query:
    """A query that is walked from its result down to the source; what a part is made of is found out once."""

    def __init__(self, columns: Collection[str]) -> None:
        self._columns = {column.lower(): column for column in columns}
        self._known: dict[int, _Outputs] = {}

    def outputs(self, scope: Scope) -> _Outputs:
        found = self._known.get(id(scope))
        if found is None:
            found = self._known[id(scope)] = self._union(scope) if scope.set_operation_scopes else self._select(scope)
        return found

    def _union(self, scope: Scope) -> _Outputs:
        """By position, as SQL does it; EXCEPT and INTERSECT also choose rows by every value."""
        from sqlglot import exp

        parts = [self.outputs(part) for part in scope.set_operation_scopes]
        names, *others = [list(part.values.items()) for part in parts]
        values = {
            name: frozenset().union(behind, *(other[place][1] for other in others if place < len(other)))
            for place, (name, behind) in enumerate(names)
        }
        deciding = frozenset().union(*(part.deciding for part in parts))
        if not isinstance(scope.expression, exp.Union) or scope.expression.args.get("distinct"):
            deciding = deciding.union(*values.values())
        return _Outputs(values, deciding)

    def _select(self, scope: Scope) -> _Outputs:
        from sqlglot import exp

        select = scope.expression
        if any(isinstance(projection, exp.Star) or projection.is_star for projection in select.expressions):
            raise ValueError("SELECT * of something whose columns are not known")
        values = {projection.alias_or_name.lower(): self._behind(projection, scope, {}) for projection in select.expressions}
        deciding = set[str]().union(*(self.outputs(part).deciding for part in _scopes(scope)))
        for clause in ("where", "joins", "group", "having", "qualify", "distinct"):
            for part in _parts(select.args.get(clause)):
                deciding |= self._behind(part, scope, values)
        if select.args.get("limit"):
            deciding |= self._behind(select.args.get("order") or select.args["limit"], scope, values)
        if select.args.get("distinct"):
            deciding = deciding.union(*values.values())
        return _Outputs(values, frozenset(deciding))

    def _behind(self, part: exp.Expression, scope: Scope, projections: Mapping[str, Names]) -> Names:
        """The source's columns that an expression of a SELECT reads, those of queries inside it included."""
        from sqlglot import exp

        inside = {id(query.expression): query for query in scope.subquery_scopes}
        found: set[str] = set()
        for node in part.walk(prune=lambda node: id(node) in inside or isinstance(node, exp.Table)):
            if id(node) in inside:
                found |= self.outputs(inside[id(node)]).all
            elif isinstance(node, exp.Column):
                found |= self._column(node, scope, projections)
        return frozenset(found)

    def _column(self, column: exp.Column, scope: Scope, projections: Mapping[str, Names]) -> Names:
        name, source = column.name.lower(), self._source(column.table, scope)
        if source is None and name in projections:  # GROUP BY and HAVING may name a column of the result
            return projections[name]
        if source is None:
            return self._unnested(scope)
        from sqlglot.optimizer.scope import Scope

        if isinstance(source, Scope):
            return self._unnested(scope) if source.is_udtf else self.outputs(source).values[name]
        return frozenset({self._columns[name]}) if source.name == PINNED else NONE

    def _source(self, table: str, scope: Scope) -> Scope | exp.Table | None:
        """What a column's table is, here or in a query around this one."""
        here: Scope | None = scope
        while here is not None:
            if table in here.sources:
                found: Scope | exp.Table = here.sources[table]
                return found
            here = here.parent
        return None

    def _unnested(self, scope: Scope) -> Names:
        """What the arrays are made of that this SELECT unnests."""
        from sqlglot import exp

        arrays = [unnest for unnest in scope.expression.find_all(exp.Unnest) if unnest.find_ancestor(exp.Select) is scope.expression]
        if not arrays:
            raise ValueError("a column of something that is neither a table nor an array")
        columns = [column for array in arrays for column in array.find_all(exp.Column)]
        return frozenset().union(*(self._column(column, scope, {}) for column in columns if column.table))


def _scopes(scope: Scope) -> Iterator[Scope]:
    from sqlglot.optimizer.scope import Scope

    for _, source in scope.selected_sources.values():
        if isinstance(source, Scope) and not source.is_udtf:
            yield source


def _parts(clause: object) -> list[exp.Expression]:
    if clause is None:
        return []
    return clause if isinstance(clause, list) else [clause]  # type: ignore[list-item]
