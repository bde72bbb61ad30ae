"""What a table and somebody's wish come to: the draft of a model, before it is tried."""

from dataclasses import dataclass

from components.errors import SourceError
from components.snapshot.columns import KEY_TYPES
from pipelines.scaffold.features import guess_features
from pipelines.scaffold.folder import Draft
from pipelines.scaffold.label import read_label
from pipelines.scaffold.plan import make_plan
from pipelines.scaffold.table import SourceTable, require_column


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody wants a model of."""

    name: str
    table: str
    """DATASET.TABLE"""
    key: str
    label: str
    partition_field: str | None
    title: str
    owner: str
    keras: str | None = None
    """The file of a Keras model to begin with; None begins with new weights."""
    inputs: tuple[str, ...] = ()
    """The features in the order of that model's one input, if it has one without names."""


def draft_of(wish: Wish, table: SourceTable) -> Draft:
    """What is guessed of a table.

    Raises:
        SourceError: its key is not unique or its label is none.
    """
    require_column(table.name, table.columns, wish.label, option="--label")
    label = read_label(table, wish.label)
    plan = make_plan(table, label.delay_days)
    _require_unique(table, wish.key)
    guess = guess_features(table, key=wish.key, label=wish.label, labels=label.values)
    return Draft(
        name=wish.name,
        title=wish.title,
        owner=wish.owner,
        table=table,
        key=wish.key,
        label_column=wish.label,
        label=label,
        guess=guess,
        plan=plan,
    )


def _require_unique(table: SourceTable, key: str) -> None:
    """Refuse a key that has several rows in a day, and name the columns that have not."""
    kind = table.columns[key]
    if kind not in (*KEY_TYPES, "INT64"):
        raise SourceError(f"--key {key!r} is {kind}: a key is INT64 or STRING")
    if _is_unique(table, key):
        return
    others = [name for name, kind in table.columns.items() if kind in (*KEY_TYPES, "INT64") and name != key and _is_unique(table, name)]
    copy = "copy the table with one row for a key and day, or with a column that numbers the rows"
    way_out = f"--key {others[0]} would do" if others else copy
    raise SourceError(f"--key {key!r} has several rows in a day of {table.name}: a row needs a key of its own; {way_out}")


def _is_unique(table: SourceTable, column: str) -> bool:
    pairs = table.rows.select([table.partition_field, column])
    distinct = pairs.group_by(pairs.column_names).aggregate([]).num_rows
    return not pairs.column(column).null_count and bool(distinct == pairs.num_rows)
