"""What a label means: two answers, classes or any number; and how many days pass until it is known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.errors import SourceError
from components.model.task import TaskName
from components.wording import count, number
from pipelines.scaffold.features import NUMBERS, WHOLE, feature_name
from pipelines.scaffold.table import SourceTable

MOST_CLASSES = 20
POSITIVE = ("true", "yes", "ja", "oui", "si", "y", "t", "1", "positive", "bad", "late", "churned", "fraud")
"""Of two texts, the one that is called so is 1."""


@dataclass(frozen=True)
class NumberScale:
    """How the numbers of a label are spread in the sample."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class Label:
    """How a column becomes the label."""

    sql: str
    """A number over the table's row `t`."""
    classes: tuple[str, ...]
    """The meaning of 0, 1, 2, …; () for no and yes."""
    delay_days: int
    """How many of the newest days lack it for most rows."""
    values: np.ndarray
    """int [rows]: the label of each row of the sample, -1 where there is none; of a number, whether it is above the median."""
    scale: NumberScale | None = None
    """Only of a number."""

    @property
    def task(self) -> TaskName:
        """What predicts it."""
        if self.scale is not None:
            return TaskName.REGRESSION
        return TaskName.CLASSES if self.classes else TaskName.BINARY

    @property
    def meaning(self) -> str:
        """In a few words."""
        if self.scale is not None:
            return f"a number, {number(self.scale.mean)} on average"
        return ", ".join(self.classes) or "no or yes"


def read_label(table: SourceTable, column: str) -> Label:
    """Find out what the labels of a table mean.

    Raises:
        SourceError: the column has one value, too many texts, or is of a type that is no label.
    """
    kind = table.columns[column]
    if kind not in (*NUMBERS, "BOOLEAN", "BOOL", "STRING"):
        raise SourceError(f"--label {column!r} is {kind}: a label is BOOL, a number or STRING; make one in a view or a copy of the table")
    values = table.rows.column(column).combine_chunks()
    distinct = sorted(pc.unique(values.drop_null()).to_pylist())
    _refuse(table, column, kind, distinct)
    quoted = f"t.`{column}`"
    if len(distinct) > MOST_CLASSES:
        return _number(table, column, values, quoted if kind in ("FLOAT", "FLOAT64") else f"CAST({quoted} AS FLOAT64)")
    classes: tuple[str, ...] = ()
    order: list[Any] = distinct
    if kind in ("BOOLEAN", "BOOL"):
        sql = f"IF({quoted}, 1, 0)"
    elif distinct == [0, 1]:
        sql = quoted if kind in WHOLE else f"CAST({quoted} AS INT64)"
    else:
        if len(distinct) == 2:
            order = sorted(distinct, key=lambda value: str(value).lower() in POSITIVE)
        else:
            classes = _class_names(column, distinct)
        cases = " ".join(f"WHEN {_literal(value)} THEN {number}" for number, value in enumerate(order))
        sql = f"CASE {quoted} {cases} END"
    codes = pc.index_in(values, pa.array(order, values.type)).fill_null(-1)
    numbers = codes.to_numpy(zero_copy_only=False).astype(int)
    return Label(sql, classes, _delay(table, numbers), numbers)


def _refuse(table: SourceTable, column: str, kind: str, distinct: list[object]) -> None:
    if len(distinct) < 2:
        what = f"is always {distinct[0]!r}" if distinct else "is always NULL"
        raise SourceError(f"--label {column!r} {what} in the newest days of {table.name}: a model needs at least two classes")
    if len(distinct) > MOST_CLASSES and kind not in NUMBERS:
        most = f"a model has at most {MOST_CLASSES} classes"
        raise SourceError(f"--label {column!r} has {len(distinct):,} values: {most}; make classes of them in a copy of the table")


def _number(table: SourceTable, column: str, values: pa.Array, sql: str) -> Label:
    numbers = pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    is_known = np.isfinite(numbers)
    if wrong := int((~is_known).sum()) - values.null_count:
        there = f"in {count(wrong)} of {count(len(values))} rows"
        raise SourceError(f"--label {column!r} is NaN or infinite {there}: give a view that has NULL there; such rows are left out")
    known = numbers[is_known]
    above = np.where(is_known, numbers > np.median(known), -1).astype(int)
    return Label(sql, (), _delay(table, above), above, NumberScale(float(known.mean()), float(known.std())))


def _class_names(column: str, values: list[object]) -> tuple[str, ...]:
    named = (str(value) if str(value)[:1].isalpha() else f"{column}_{value}" for value in values)
    names = tuple(feature_name(name)[:64] for name in named)
    if len(set(names)) < len(names):
        raise SourceError(
            f"--label {column!r} has values that differ only in signs ({values}): give them other names in a copy of the table"
        )
    return names


def _literal(value: object) -> str:
    if not isinstance(value, str):
        return str(value)
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def _delay(table: SourceTable, labels: np.ndarray) -> int:
    """Days that pass until most rows of a day have their label."""
    days = np.array(table.rows.column(table.partition_field).to_pylist(), dtype="datetime64[D]")
    newest = days.max()
    labelled = [day for day in np.unique(days) if (labels[days == day] >= 0).mean() > 0.5]
    if not labelled:
        return 0
    return int((newest - max(labelled)).astype(int))
