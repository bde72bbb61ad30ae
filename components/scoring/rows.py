"""Rows of raw features to packed, held against the pinned schema: an error names the field, the value and what is allowed."""

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from components.protocol.refusal import Refusal
from components.scoring.allowed import Bounds, Features, listed_values
from components.scoring.scorer import PackedRows, padded
from components.training.signatures import PRESENT, Column
from components.wording import legible

SHOWN_CHARACTERS = 80
MOST_DIMENSIONS = 32
INT64 = range(-(2**63), 2**63)
FLOAT32_END = 2.0**128 - 2.0**103
"""From here on a number becomes infinite as float32."""

Row = Mapping[str, object]
"""A row's values by name: numbers, texts, lists of them, or None."""


@dataclass(frozen=True, eq=False)
class FeatureRows:
    """Rows that may be scored, with what tells them apart."""

    packed: PackedRows
    keys: Sequence[str | None]
    spans: Sequence[str | None]
    """Dates, YYYY-MM-DD."""


class RowReader:
    """Reads the rows of a version."""

    def __init__(self, features: Features, what: str) -> None:
        """`what` is the version, as errors name it."""
        self.features, self.what = features, what
        packed = features.signatures.packed
        self._names = {dtype: [column.name for column in packed.get(dtype, ())] for dtype in ("int64", "float32", "string")}
        self._count = len(features.signatures.columns)
        self._is_plain = all(column.shape == (1,) and not column.optional for column in features.signatures.columns)
        self._bounds = {dtype: Bounds.of(features, packed[dtype]) for dtype in packed if dtype != "string"}
        self._listed = listed_values(features)

    def read(self, instances: Sequence[Row]) -> FeatureRows:
        """The rows as packed.

        Raises:
            Refusal: a field is missing, unknown, of another type, or not what the schema allows; the text names row, field and value.
        """
        packed = self._plain(instances) if self._is_plain else None
        return self._checked(packed or self._exact(instances), self._identities(instances))

    def from_tensors(self, tensors: Mapping[str, np.ndarray]) -> FeatureRows:
        """The rows of a tensor [rows, …] for each column, with `present` bool [rows, optional] if the version has optional columns.

        Raises:
            Refusal: as for `read`.
        """
        lists = {name: array.tolist() for name, array in tensors.items() if name != PRESENT}
        if not lists:
            raise Refusal(f"the inputs have no rows: give {', '.join(column.name for column in self.features.signatures.columns)}")
        if len({len(values) for values in lists.values()}) > 1:
            sizes = ", ".join(f"{name} {len(values)}" for name, values in sorted(lists.items()))
            raise Refusal(f"the inputs have not the same number of rows: {sizes}")
        rows = [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
        optional = [column.name for column in self.features.signatures.optional]
        present = self._present(tensors, len(rows), len(optional))
        for index, row in enumerate(rows):
            for place, name in enumerate(optional):
                if present is not None and not present[index, place]:
                    row.pop(name, None)
        return self.read(rows)

    def _present(self, tensors: Mapping[str, np.ndarray], rows: int, width: int) -> np.ndarray | None:
        present = tensors.get(PRESENT) if width else None
        if present is not None and (present.shape != (rows, width) or present.dtype != bool):
            raise Refusal(f"{PRESENT} is {present.dtype} of the shape {list(present.shape)}: expected true and false, [{rows}, {width}]")
        return present

    def from_matrices(self, tensors: Mapping[str, np.ndarray]) -> FeatureRows:
        """The rows of the signature `packed`'s own inputs.

        Raises:
            Refusal: as for `read`, or a matrix has another width.
        """
        columns = self.features.signatures
        widths = {dtype: sum(column.width for column in group) for dtype, group in columns.packed.items()}
        widths |= {PRESENT: len(columns.optional)} if columns.optional else {}
        rows = len(next(iter(tensors.values())))
        for name, width in widths.items():
            if tensors[name].shape != (rows, width):
                raise Refusal(f"{name} has the shape {list(tensors[name].shape)}: signature packed of {self.what} takes [{rows}, {width}]")
        self._require_texts(tensors)
        inputs = {name: np.resize(tensors[name], (padded(rows), width)) for name, width in widths.items()}
        return self._checked(PackedRows(inputs, rows), ([None] * rows, [None] * rows))

    def _require_texts(self, tensors: Mapping[str, np.ndarray]) -> None:
        columns = [column for column in self.features.signatures.packed.get("string", ()) for _ in range(column.width)]
        for index, texts in enumerate(tensors["string"].tolist() if columns else ()):
            for column, text in zip(columns, texts, strict=True):
                if _utf8(text) is None:
                    raise self._wrong(index, column, text)

    def from_examples(self, examples: Sequence[bytes]) -> FeatureRows:
        """The rows of serialised tf.train.Examples. Features that are no columns, such as the label, are not looked at, as in TensorFlow.

        Raises:
            Refusal: as for `read`, or one is no Example.
        """
        columns = {column.name for column in self.features.signatures.columns}
        rows = (_example_row(index, example) for index, example in enumerate(examples))
        return self.read([{name: values for name, values in row.items() if name in columns} for row in rows])

    def values_of(self, packed: PackedRows) -> list[dict[str, object]]:
        """What `read` read: each row's values by name, None where a row lacks an optional column."""
        rows: list[dict[str, object]] = [{} for _ in range(packed.rows)]
        optional = [column.name for column in self.features.signatures.optional]
        for dtype, columns in self.features.signatures.packed.items():
            for row, values in zip(rows, packed.inputs[dtype][: packed.rows].tolist(), strict=True):
                start = 0
                for column in columns:
                    part = [value.decode() if isinstance(value, bytes) else value for value in values[start : start + column.width]]
                    row[column.name] = part[0] if column.shape == (1,) else part
                    start += column.width
        for index, row in enumerate(rows):
            row |= {name: None for place, name in enumerate(optional) if not packed.inputs[PRESENT][index, place]}
        return rows

    def _plain(self, instances: Sequence[Row]) -> PackedRows | None:
        """The common case, five times as fast; None if anything is odd."""
        rows, names = len(instances), self._names
        arrays = _empty(padded(rows), {dtype: len(columns) for dtype, columns in names.items()})
        own = {name for name in (self.features.key, self.features.span) if name}
        whole, single, texts = arrays["int64"], arrays["float32"], arrays["string"]
        try:
            for index, row in enumerate(instances):
                if len(row) != self._count and len(row) != self._count + len(own & row.keys()):
                    return None
                numbers, reals = [row[name] for name in names["int64"]], [row[name] for name in names["float32"]]
                if set(map(type, numbers)) - {int} or set(map(type, reals)) - {float, int}:
                    return None
                if reals and not -FLOAT32_END < min(reals) <= max(reals) < FLOAT32_END:  # type: ignore[operator,type-var] # numbers
                    return None
                whole[index], single[index] = numbers, reals
                texts[index] = [row[name].encode() for name in names["string"]]  # type: ignore[attr-defined] # else AttributeError
        except (KeyError, TypeError, AttributeError, OverflowError, UnicodeEncodeError):
            return None
        return PackedRows({dtype: array for dtype, array in arrays.items() if names[dtype]}, rows)

    def _exact(self, instances: Sequence[Row]) -> PackedRows:
        rows, columns = len(instances), self.features.signatures
        arrays = _empty(padded(rows), {dtype: sum(column.width for column in group) for dtype, group in columns.packed.items()})
        present = np.zeros((padded(rows), len(columns.optional)), bool)
        places = {column.name: place for place, column in enumerate(columns.optional)}
        for index, row in enumerate(instances):
            self._require_known(index, row)
            for dtype, group in columns.packed.items():
                start = 0
                for column in group:
                    if (value := row.get(column.name)) is not None:
                        arrays[dtype][index, start : start + column.width] = self._values(index, column, value)
                        if column.optional:
                            present[index, places[column.name]] = True
                    elif not column.optional:
                        raise self._lacks(index, column, is_null=column.name in row)
                    start += column.width
        return PackedRows(arrays | ({PRESENT: present} if places else {}), rows)

    def _require_known(self, index: int, row: Row) -> None:
        known = self.features.names
        for name in row:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                remedy = f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}"
                raise Refusal(f"instances[{index}] has the field {legible(name, SHOWN_CHARACTERS)}, which is none of {self.what}: {remedy}")

    def _lacks(self, index: int, column: Column, *, is_null: bool) -> Refusal:
        problem = f"instances[{index}].{column.name} is null" if is_null else f"instances[{index}] lacks the field {column.name}"
        return Refusal(f"{problem}: expected {self.features.expected(column)}")

    def _values(self, index: int, column: Column, value: object) -> list[object]:
        leaves = list(_leaves(value))
        if len(leaves) != column.width:
            raise self._wrong(index, column, value)
        return [self._value(index, column, leaf) for leaf in leaves]

    def _value(self, index: int, column: Column, value: object) -> object:
        if column.dtype == "string":
            if isinstance(value, str | bytes) and (text := _utf8(value)) is not None:
                return text
        elif isinstance(value, bool):
            pass
        elif column.dtype == "int64":
            if isinstance(value, int) and value in INT64:
                return value
        elif (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, int | float) and abs(value) < FLOAT32_END):
            return float(value)
        raise self._wrong(index, column, value)

    def _wrong(self, index: int, column: Column, value: object) -> Refusal:
        text = legible(repr(value.decode(errors="replace") if isinstance(value, bytes) else value), SHOWN_CHARACTERS)
        return Refusal(f"instances[{index}].{column.name} is {text}: expected {self.features.expected(column)}")

    def _identities(self, instances: Sequence[Row]) -> tuple[list[str | None], list[str | None]]:
        """Key and date of each row; the key may be a text or a whole number."""
        key, span = self.features.key, self.features.span
        keys = [
            None if key is None or (value := row.get(key)) is None else self._key(index, key, value) for index, row in enumerate(instances)
        ]
        spans = [
            None if span is None or (value := row.get(span)) is None else self._span(index, span, value)
            for index, row in enumerate(instances)
        ]
        return keys, spans

    def _key(self, index: int, name: str, value: object) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).isprintable():
            raise Refusal(
                f"instances[{index}].{name} is {legible(repr(value), SHOWN_CHARACTERS)}: expected a text or a whole number, the row's key"
            )
        return str(value)

    def _span(self, index: int, name: str, value: object) -> str:
        text = str(value)
        try:
            is_date = date.fromisoformat(text).isoformat() == text
        except ValueError:
            is_date = False
        if not is_date:
            raise Refusal(f"instances[{index}].{name} is {legible(repr(value), SHOWN_CHARACTERS)}: expected a date, YYYY-MM-DD")
        return text

    def _checked(self, packed: PackedRows, identities: tuple[list[str | None], list[str | None]]) -> FeatureRows:
        for dtype, bounds in self._bounds.items():
            if (place := bounds.first_outside(packed.inputs[dtype][: packed.rows])) is not None:
                row, column = place
                raise self._wrong(row, bounds.columns[column], packed.inputs[dtype][row, column].item())
        for place_in_row, column_of_text, values in self._listed:
            for index, text in enumerate(packed.inputs["string"][: packed.rows, place_in_row].tolist()):
                if text not in values and self._is_present(packed, index, column_of_text):
                    raise self._wrong(index, column_of_text, text)
        return FeatureRows(packed, *identities)

    def _is_present(self, packed: PackedRows, index: int, column: Column) -> bool:
        return not column.optional or bool(packed.inputs[PRESENT][index, self.features.signatures.optional.index(column)])


def _empty(rows: int, widths: Mapping[str, int]) -> dict[str, np.ndarray]:
    return {
        dtype: np.full((rows, width), b"", object) if dtype == "string" else np.zeros((rows, width), dtype)
        for dtype, width in widths.items()
    }


def _leaves(value: object, depth: int = 0) -> Iterable[object]:
    if isinstance(value, list) and depth < MOST_DIMENSIONS:
        for item in value:
            yield from _leaves(item, depth + 1)
    else:
        yield value


def _utf8(value: str | bytes) -> bytes | None:
    try:
        return value.encode() if isinstance(value, str) else value.decode().encode()
    except UnicodeError:
        return None


def _example_row(index: int, example: bytes) -> dict[str, object]:
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        features = tf.train.Example.FromString(example).features.feature
    except DecodeError:
        raise Refusal(f"instances[{index}] is no serialised tf.train.Example") from None
    lists = {name: (feature, feature.WhichOneof("kind")) for name, feature in features.items()}
    return {name: list(getattr(feature, kind).value) for name, (feature, kind) in lists.items() if kind and getattr(feature, kind).value}
