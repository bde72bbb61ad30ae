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
LEAST_COUNTS = 6
"""So many whole numbers that follow each other, the ones in the middle or the least being the most frequent, are counts or marks."""
HILL = 3
"""And the most frequent one is so many times as frequent as the rarest."""
NAMELESS = feature_name("?")
"""Of a text without letters or digits that a name may have, as in another script."""
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
    positive: str | None = None
    """Which of two values is 1, where they do not say it themselves."""

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
        return ", ".join(self.classes) or ("no or yes" if self.positive is None else f"yes (1) where it is {self.positive}")


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
    if len(distinct) > MOST_CLASSES or _are_amounts(distinct, values):
        return _number(table, column, values, quoted if kind in ("FLOAT", "FLOAT64") else f"CAST({quoted} AS FLOAT64)")
    classes: tuple[str, ...] = ()
    order: list[Any] = distinct
    positive: str | None = None
    if kind in ("BOOLEAN", "BOOL"):
        sql = f"IF({quoted}, 1, 0)"
    elif distinct == [0, 1]:
        sql = quoted if kind in WHOLE else f"CAST({quoted} AS INT64)"
    else:
        if len(distinct) == 2:
            if isinstance(distinct[0], str):  # numbers keep their order
                order = sorted(distinct, key=lambda value: value.lower() in POSITIVE)
            positive = _literal(order[1])
        else:
            classes = _class_names(column, distinct)
        cases = " ".join(f"WHEN {_literal(value)} THEN {number}" for number, value in enumerate(order))
        sql = f"CASE {quoted} {cases} END"
    codes = pc.index_in(values, pa.array(order, values.type)).fill_null(-1)
    numbers = codes.to_numpy(zero_copy_only=False).astype(int)
    return Label(sql, classes, _delay(table, numbers), numbers, positive=positive)


def _refuse(table: SourceTable, column: str, kind: str, distinct: list[object]) -> None:
    if len(distinct) < 2:
        what = f"is always {distinct[0]!r}" if distinct else "is always NULL"
        raise SourceError(f"--label {column!r} {what} in the newest days of {table.name}: a model needs at least two classes")
    if len(distinct) > MOST_CLASSES and kind not in NUMBERS:
        most = f"a model has at most {MOST_CLASSES} classes"
        raise SourceError(f"--label {column!r} has {len(distinct):,} values: {most}; make classes of them in a copy of the table")


def _are_amounts(distinct: list[Any], values: pa.Array) -> bool:
    """Whether few numbers are no classes: they have decimals, or count something."""
    if len(distinct) < 3 or isinstance(distinct[0], str):
        return False
    if any(value != value // 1 for value in distinct):
        return True
    rows = pc.value_counts(values.drop_null())
    counts = np.asarray(rows.field("counts"))[np.asarray(pc.sort_indices(rows.field("values")))]
    peak, may_rise = int(counts.argmax()), counts + 3 * np.sqrt(counts) + 3
    rises, falls = (counts[:peak] <= may_rise[1 : peak + 1]).all(), (counts[peak + 1 : -1] <= may_rise[peak:-2]).all()
    is_one_hill = rises and falls and counts.max() > HILL * counts.min()  # the last may be all that are more
    return bool(len(counts) >= LEAST_COUNTS and distinct[-1] - distinct[0] < 2 * len(counts) and is_one_hill)


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
    names = tuple(feature_name(f"{column}_{place}")[:64] if name == NAMELESS else name for place, name in enumerate(names))
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
    """Days that pass until a day has its labels: most rows have one then, or half as many as usual where most never have."""
    days = np.array(table.rows.column(table.partition_field).to_pylist(), dtype="datetime64[D]")
    there, places = np.unique(days, return_inverse=True)
    shares = np.bincount(places, labels >= 0) / np.bincount(places)
    labelled = there[shares > 0.5 * np.median(shares[shares > 0])]
    return int((there.max() - labelled.max()).astype(int))
