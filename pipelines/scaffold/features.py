"""Guess what a network can learn from: one feature or two for a column, and why the others are left out."""

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.scaffold.table import READABLE, SourceTable

NUMBERS = ("INTEGER", "INT64", "FLOAT", "FLOAT64", "NUMERIC", "BIGNUMERIC")
WHOLE = ("INTEGER", "INT64")
FEW_VALUES = 50
"""A text with at most so many values is a category; one with more is hashed."""
ID_SHARE = 0.9
"""A column with more distinct values than this share of its rows tells rows apart, and nothing about them."""
LEAK_SHARE = 0.97
"""A column leaks the label if its values alone tell it for more than this share of the rows that have not the most frequent one."""
NEVER_EMPTY = 0.98
CODES = frozenset({"code", "id", "zip", "zipcode", "postcode", "postal"})
"""Words in the names of columns whose whole numbers are names, and not amounts."""
LEAST_CODES, FAR_APART = 4, 8
"""So few whole numbers, which lie so many times further apart than if they followed each other, may be names too."""
ROWS_PER_CODE = 20
AMOUNT, WITH_SIGN = r"^\s*[-+]?[$€£]?\s*[-+]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?\s*([%$€£]|EUR|USD|GBP)?\s*$", r"[.,%$€£A-Z]"
"""A text that is a number, as `12.5 %` or `$1,200`; half of them must have more than digits, which may be a code."""
AMOUNT_SHARE = 0.99
PASSING_CELLS, ROWS_PER_ORDER = 1.05, 1.3
"""A value that passes is on so many days, in the middle, and has so many rows."""


@dataclass(frozen=True)
class Feature:
    """A column of source.sql."""

    name: str
    sql: str
    """Over the table's row `t` and the span `as_of`."""
    is_number: bool
    """A number, else a text."""
    distinct: int = 0
    """How many values a text has in the sample."""
    column: str = ""
    """The column of the table that it is made of; empty for one that is made of the partition field."""

    @property
    def is_category(self) -> bool:
        """Whether it is a text with few values."""
        return not self.is_number and self.distinct <= FEW_VALUES


@dataclass(frozen=True)
class Guess:
    """The features, and the columns that are none, with the reason."""

    features: tuple[Feature, ...]
    left_out: Mapping[str, str]
    ids: tuple[str, ...]
    """Those left out that tell rows apart, and nothing about them."""
    objected: tuple[str, ...] = ()
    """Those left out that the gate would block a first run for."""

    def without(self, objections: Mapping[str, str], columns: Collection[str]) -> "Guess":
        """The guess without some columns or features.

        Args:
            objections: the reasons, by column of the table or by feature.
            columns: those of the table.
        """
        why = {feature.column: objections[feature.name] for feature in self.features if feature.column and feature.name in objections}
        why |= {column: reason for column, reason in objections.items() if column in columns}
        return replace(
            self,
            features=tuple(feature for feature in self.features if feature.column not in why),
            left_out={**self.left_out, **{column: why[column] for column in columns if column in why}},
            objected=tuple(column for column in columns if column in objections and column not in self.ids),
        )


def guess_features(table: SourceTable, *, key: Sequence[str], label: str, labels: np.ndarray) -> Guess:
    """Guess the features of a table.

    Args:
        table: the table with its sample.
        key: the columns of the key.
        label: the column of the label.
        labels: int [rows]; the label of each row of the sample, -1 where there is none.
    """
    features: list[Feature] = []
    left_out: dict[str, str] = {}
    ids: list[str] = []
    for column, kind in table.columns.items():
        if column in (label, table.partition_field) or tuple(key) == (column,):
            continue
        values = table.rows.column(column).combine_chunks() if kind in READABLE else None
        why = f"its type is {kind}: take what is in it apart in source.sql" if values is None else _useless(values, kind, labels)
        is_part = column in key and values is not None and pc.count_distinct(values).as_py() > FEW_VALUES
        is_passing = values is not None and _is_passing(table.unthinned.column(table.partition_field), table.unthinned.column(column), kind)
        if why or is_part or is_passing:
            left_out[column] = why or ("it is a part of the key" if is_part else "no value of it is there on two days, as of an order")
            if is_part or is_passing or (values is not None and _tells_rows_apart(values, kind)):
                ids.append(column)
        elif values is not None:
            features += [replace(feature, column=column) for feature in _of_column(column, kind, values)]
    if table.partition_type != "DATE":
        features.append(
            Feature(f"{feature_name(table.partition_field)}_hour", f"EXTRACT(HOUR FROM t.`{table.partition_field}`)", is_number=True)
        )
    features.append(Feature("weekday", f"EXTRACT(DAYOFWEEK FROM t.`{table.partition_field}`)", is_number=True))
    return Guess(tuple(_named_apart(features)), left_out, tuple(ids))


def _named_apart(features: Iterable[Feature]) -> Iterator[Feature]:
    """The features; the names of two columns may differ only in what feature_name drops, and a column may be called `weekday`."""
    taken: set[str] = set()
    for feature in features:
        names = chain([feature.name], (f"{feature.name}_{number}" for number in count(2)))
        taken.add(name := next(name for name in names if name not in taken))
        yield replace(feature, name=name)


def _useless(values: pa.Array, kind: str, labels: np.ndarray) -> str | None:
    """Why a column cannot be a feature; None if it can."""
    filled = len(values) - values.null_count
    if not filled:
        return "it is always NULL"
    distinct = pc.count_distinct(values).as_py()
    if distinct == 1 and not values.null_count:
        return f"it is always {_shown(values)}"
    if _tells_rows_apart(values, kind):
        return f"it tells rows apart ({distinct:,} values in {filled:,} rows), as an id or free text does"
    purity, most = _purity(values, labels, distinct), _most_frequent(labels)
    if purity - most > LEAK_SHARE * (1 - most):
        return f"it alone tells the label of {purity:.1%} of the rows: known only afterwards? Take it in if it is not"
    return None


def _tells_rows_apart(values: pa.Array, kind: str) -> bool:
    filled = len(values) - values.null_count
    is_discrete = kind in WHOLE or (kind == "STRING" and not _are_amounts(values))
    return is_discrete and filled > FEW_VALUES and bool(pc.count_distinct(values).as_py() > ID_SHARE * filled)


def _are_amounts(texts: pa.Array) -> bool:
    """Whether texts are numbers with a decimal point, a per cent sign or a currency."""
    filled = texts.drop_null()
    if pc.count_distinct(filled).as_py() <= FEW_VALUES:
        return False
    numbers, marked = (pc.sum(pc.match_substring_regex(filled, pattern)).as_py() or 0 for pattern in (AMOUNT, WITH_SIGN))
    return bool(numbers >= AMOUNT_SHARE * len(filled) and 2 * marked >= len(filled))


def _is_passing(days: pa.ChunkedArray, values: pa.ChunkedArray, kind: str) -> bool:
    """Whether rows of a day share values that hardly any other day has, as those of an order or a session do."""
    if kind != "STRING" and kind not in WHOLE:
        return False
    cells = pa.table({"day": days, "value": values}).filter(values.is_valid()).group_by(["day", "value"]).aggregate([([], "count_all")])
    distinct, rows = pc.count_distinct(values).as_py(), len(values) - values.null_count
    return bool(distinct > FEW_VALUES and cells.num_rows < PASSING_CELLS * distinct and distinct * ROWS_PER_ORDER < rows)


def _shown(values: pa.Array) -> str:
    return repr(str(values.drop_null()[0].as_py()))[:40]


def _most_frequent(labels: np.ndarray) -> float:
    """The share of labelled rows that have the most frequent label; 1 without any."""
    known = labels[labels >= 0]
    return float(np.bincount(known).max() / len(known)) if len(known) else 1.0


def _purity(values: pa.Array, labels: np.ndarray, distinct: int) -> float:
    """The share of labelled rows whose label is the most frequent one of their value; 0 where too few rows share a value."""
    known = labels >= 0
    if not known.any() or distinct * 10 > known.sum() or len(np.unique(labels[known])) < 2:
        return _ranking_purity(values, labels) if pa.types.is_floating(values.type) or pa.types.is_decimal(values.type) else 0.0
    codes = values.dictionary_encode().indices.fill_null(distinct).to_numpy(zero_copy_only=False)[known]
    table = np.zeros((distinct + 1, labels.max() + 1))
    np.add.at(table, (codes, labels[known]), 1)
    return float(table.max(axis=1).sum() / known.sum())


def _ranking_purity(values: pa.Array, labels: np.ndarray) -> float:
    """The best share of labels that one cut of the values tells, for labels 0 and 1."""
    numbers = pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    known = (labels >= 0) & np.isfinite(numbers)
    if not known.any() or labels.max() > 1:
        return 0.0
    ones = np.cumsum(labels[known][np.argsort(numbers[known], kind="stable")])
    below = np.arange(1, len(ones) + 1)
    right = below - ones + (ones[-1] - ones)  # zeros below the cut, ones above
    return float(max(right.max(), len(ones) - right.min()) / len(ones))


def _of_column(column: str, kind: str, values: pa.Array) -> list[Feature]:
    name, source = feature_name(column), f"t.`{column}`"
    distinct = pc.count_distinct(values, mode="all").as_py()
    as_text, filled = f"IFNULL(CAST({source} AS STRING), 'missing')", source
    unfinite = pc.sum(pc.invert(pc.is_finite(values))).as_py() or 0 if pa.types.is_floating(values.type) else 0
    if kind in WHOLE and CODES & set(name.split("_")):
        return [Feature(name, as_text, is_number=False, distinct=distinct)]
    if kind in NUMBERS:
        number = source if kind in WHOLE else f"CAST({source} AS FLOAT64)"
        if unfinite:
            number = filled = f"IF(IS_NAN({source}) OR IS_INF({source}), NULL, {source})"
        found = [Feature(name, f"IFNULL({number}, 0)", is_number=True)]
        if kind in WHOLE and _may_be_code(values):  # nothing but its name tells a department from an amount, whose order counts
            found.append(Feature(f"{name}_code", as_text, is_number=False, distinct=distinct))
    elif kind in ("BOOLEAN", "BOOL"):
        found = [Feature(name, f"IF({source}, 1, 0)", is_number=True)]
    elif kind == "STRING" and _are_amounts(values):
        filled = f"SAFE_CAST(REGEXP_REPLACE({source}, r'[^-+.0-9]', '') AS FLOAT64)"
        found = [Feature(name, f"IFNULL({filled}, 0)", is_number=True)]
    elif kind == "STRING":
        return [Feature(name, f"IFNULL({source}, 'missing')", is_number=False, distinct=distinct)]
    elif kind == "DATE":
        found = [Feature(f"{name}_days_ago", f"IFNULL(DATE_DIFF(as_of, {source}, DAY), 0)", is_number=True)]
    else:  # a point in time, or a time of day
        found = [Feature(f"{name}_hour", f"IFNULL(EXTRACT(HOUR FROM {source}), 0)", is_number=True)]
    if values.null_count + unfinite > (1 - NEVER_EMPTY) * len(values):
        found.append(Feature(f"{name}_is_missing", f"IF({filled} IS NULL, 1, 0)", is_number=True))
    return found


def _may_be_code(values: pa.Array) -> bool:
    distinct = pc.count_distinct(values).as_py()
    if not LEAST_CODES <= distinct <= FEW_VALUES:
        return False
    ends = pc.min_max(values).as_py()
    return bool(ends["max"] - ends["min"] >= FAR_APART * distinct and len(values) >= ROWS_PER_CODE * distinct)


def feature_name(column: str) -> str:
    """The name of a column as a name that SQL, Python and TensorFlow take alike."""
    letters = (letter for letter in unicodedata.normalize("NFKD", column.casefold()) if not unicodedata.combining(letter))
    name = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in letters).strip("_")
    return name if name and not name[0].isdigit() else f"column_{name}"
