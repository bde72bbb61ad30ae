"""What a table and somebody's wish come to: the draft of a model, before it is tried."""

from dataclasses import dataclass
from pathlib import Path

from components.errors import SourceError
from pipelines.scaffold.cluster import find_cluster
from pipelines.scaffold.features import guess_features
from pipelines.scaffold.folder import Draft
from pipelines.scaffold.key import key_in_span, require_unique
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
    """A column, or several with commas between them that are unique together."""
    label: str
    partition_field: str | None
    title: str
    owner: str
    keras: str | None = None
    """The file of a Keras model to begin with; None begins with new weights."""
    saved_model: str | None = None
    """The folder of a SavedModel to begin with."""
    inputs: tuple[str, ...] = ()
    """The features in the order of that model's one input, if it has one without names."""

    @property
    def start(self) -> Path | None:
        """The model to begin with."""
        path = self.keras or self.saved_model
        return Path(path) if path else None

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns of the key."""
        return tuple(name for column in self.key.split(",") if (name := column.strip()))


def draft_of(wish: Wish, table: SourceTable) -> Draft:
    """What is guessed of a table.

    Raises:
        SourceError: its key is not unique or its label is none.
    """
    require_column(table.name, table.columns, wish.label, option="--label")
    if wish.label in wish.key_columns:
        raise SourceError(f"--label {wish.label!r} is in --key, too: a label is what is to be predicted, a key tells rows apart")
    label = read_label(table, wish.label)
    plan = make_plan(table, label.delay_days)
    require_unique(table, wish.key_columns)
    key = key_in_span(table, wish.key_columns, plan.every_days)
    guess = guess_features(table, key=wish.key_columns, label=wish.label, labels=label.values)
    return Draft(
        name=wish.name,
        title=wish.title,
        owner=wish.owner,
        table=table,
        key=key,
        label_column=wish.label,
        label=label,
        guess=guess,
        plan=plan,
        cluster=find_cluster(table, wish.key_columns, wish.label),
    )
