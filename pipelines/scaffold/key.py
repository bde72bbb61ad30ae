"""What names a row of a table: one column, or several together."""

import math
from collections.abc import Sequence

import pyarrow as pa

from components.errors import SourceError
from components.wording import count
from pipelines.scaffold.table import KEY_TYPES, SourceTable, require_key_type

UNCHANGED_TYPES = ("INTEGER", "INT64", "STRING")
"""Of a column that is a key as it is."""


def require_unique(table: SourceTable, key: Sequence[str]) -> None:
    """Refuse columns that several rows of a day share, and name those that none do.

    Raises:
        SourceError: they are no key; the text says what is one.
    """
    twice = next((column for column in key if key.count(column) > 1), None)
    if twice is not None:
        raise SourceError(f"--key {','.join(key)!r} names {twice!r} twice: name each column once")
    for column in key:
        require_key_type(table.columns, column)
        if nulls := table.rows.column(column).null_count:
            there = f"{count(nulls)} of {count(table.rows.num_rows)} rows"
            raise SourceError(f"--key {column!r} is NULL in {there}: give a key that every row has, or a view without such rows")
    if _is_unique(table, key):
        return
    told = ",".join(key)
    if copied := _copies(table):
        copies = f"{count(copied)} rows of {table.name} are there twice, equal in all columns"
        raise SourceError(f"{copies}, so that --key {told!r} is not unique: load them once, or give a view that says SELECT DISTINCT *")
    raise SourceError(f"--key {told!r} has several rows in a day of {table.name}: a row needs a key of its own; {_way_out(table, key)}")


def _copies(table: SourceTable) -> int:
    """How many rows are equal in all columns to an earlier one; 0 where a type cannot be compared."""
    columns = [*table.rows.columns, *([table.moments] if table.moments is not None else [])]
    rows = pa.Table.from_arrays(columns, names=[str(place) for place in range(len(columns))])
    try:
        return int(rows.num_rows - rows.group_by(rows.column_names).aggregate([]).num_rows)
    except pa.ArrowNotImplementedError:
        return 0


def _way_out(table: SourceTable, key: Sequence[str]) -> str:
    others = [column for column, kind in table.columns.items() if kind in KEY_TYPES and column not in key]
    longer = [(*key, column) for column in others if _is_unique(table, (*key, column))]
    alone = [(column,) for column in others if _is_unique(table, (column,))]
    ids = [one for one in alone if table.columns[one[0]] in UNCHANGED_TYPES]
    if found := ids or longer or alone:
        return f"--key {','.join(found[0])} would do"
    return "copy the table with one row for a key and day, or with a column that numbers the rows"


def key_in_span(table: SourceTable, key: Sequence[str], every_days: int) -> tuple[str, ...]:
    """The key, with the moment of the row if the same customer or product has a row on several days of a span."""
    field = table.partition_field
    return (*key,) if field in key or _is_unique(table, key, every_days) else (*key, field)


def _is_unique(table: SourceTable, columns: Sequence[str], every_days: int = 1) -> bool:
    days = table.rows.column(table.partition_field)
    moments = days if table.moments is None else table.moments
    parts = [moments if column == table.partition_field else table.rows.column(column) for column in columns]
    spans = days if every_days == 1 else pa.array([math.ceil(day.toordinal() / every_days) for day in days.to_pylist()])
    rows = pa.Table.from_arrays([spans, *parts], names=[str(position) for position in range(len(parts) + 1)])
    distinct = rows.group_by(rows.column_names).aggregate([]).num_rows
    return not any(part.null_count for part in parts) and bool(distinct == rows.num_rows)


def key_sql(table: SourceTable, key: Sequence[str]) -> str:
    """The key of the table's row `t`: the column, the text of a point in time, or that of several columns with a space between them.

    Several STRINGs are quoted, so that 'x y' and 'z' are another key than 'x' and 'y z'.
    """
    if len(key) == 1:
        column = f"t.`{key[0]}`"
        return column if table.columns[key[0]] in UNCHANGED_TYPES else f"CAST({column} AS STRING)"
    strings = [column for column in key if table.columns.get(column) == "STRING"]
    quoted = strings if len(strings) > 1 else ()
    texts = (f"TO_JSON_STRING(t.`{c}`)" if c in quoted else f"t.`{c}`" if c in strings else f"CAST(t.`{c}` AS STRING)" for c in key)
    parts = ", ' ', ".join(texts)
    return f"CONCAT({parts})"
