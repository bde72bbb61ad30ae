"""Which slices a row is in, by number: slices are met as rows come, so nobody has to know them beforehand."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.measurement.sums import StockOnlyError

SliceKey = tuple[tuple[str, str | int | float], ...]
"""As TFMA writes it: a value for each feature, by the feature's name; () is all rows."""
MOST_SLICES = 1_000
"""More would need too much memory: a histogram has a quarter of a megabyte."""


class Slices:
    """The slices met so far."""

    def __init__(self, specs: Sequence[Sequence[str]]) -> None:
        """Each slicing specification is the names of its features; none is all rows.

        Raises:
            StockOnlyError: two have the same features, so that they share slices.
        """
        self._specs = [tuple(sorted(names)) for names in specs] or [()]
        if any(one == other for one, other in pairwise(sorted(self._specs))):
            raise StockOnlyError("two slicing specifications with the same features")
        self._numbers: dict[SliceKey, int] = {}

    @property
    def features(self) -> list[str]:
        """The names of all features that are sliced by."""
        return sorted({name for names in self._specs for name in names})

    @property
    def keys(self) -> list[SliceKey]:
        """Of each slice, by its number."""
        return list(self._numbers)

    def number(self, features: Mapping[str, pa.Array], rows: int) -> list[np.ndarray]:
        """The number of each row's slice, int64 [rows], for each specification; -1 where a feature has no value.

        Raises:
            StockOnlyError: there are too many slices, or a value is no text.
        """
        encoded = {name: _encode(name, features[name]) for name in self.features}
        found = [self._number(names, encoded, rows) for names in self._specs]
        if len(self._numbers) > MOST_SLICES:
            raise StockOnlyError(f"more than {MOST_SLICES:,} slices")
        return found

    def _number(self, names: tuple[str, ...], encoded: Mapping[str, tuple[np.ndarray, list[str | int | float]]], rows: int) -> np.ndarray:
        has_all = np.ones(rows, bool)
        place = np.zeros(rows, np.int64)
        for name in names:
            codes, values = encoded[name]
            has_all &= codes >= 0
            place = place * max(len(values), 1) + codes
        numbers = np.full(rows, -1)
        present, which = np.unique(place[has_all], return_inverse=True)
        known = [self._numbers.setdefault(self._key(names, encoded, one), len(self._numbers)) for one in present.tolist()]
        numbers[has_all] = np.array(known, np.int64)[which]
        return numbers

    @staticmethod
    def _key(names: tuple[str, ...], encoded: Mapping[str, tuple[np.ndarray, list[str | int | float]]], place: int) -> SliceKey:
        pairs: list[tuple[str, str | int | float]] = []
        for name in reversed(names):
            place, code = divmod(place, len(encoded[name][1]))
            pairs.append((name, encoded[name][1][code]))
        return tuple(reversed(pairs))


def _encode(name: str, column: pa.Array) -> tuple[np.ndarray, list[str | int | float]]:
    """The place of each row's value among the values, int64 [rows], -1 where it has none; and the values."""
    encoded = _as_in_examples(column).dictionary_encode()
    values = encoded.dictionary.to_pylist()
    if pa.types.is_floating(encoded.dictionary.type) and pc.any(pc.is_nan(encoded.dictionary)).as_py():
        raise StockOnlyError(f"NaN in {name}, which is sliced by")
    try:
        texts = [value.decode() if isinstance(value, bytes) else value for value in values]
    except UnicodeDecodeError as error:
        raise StockOnlyError(f"a value of {name} that is no UTF-8") from error
    return np.asarray(encoded.indices.fill_null(-1)).astype(np.int64), texts


def _as_in_examples(column: pa.Array) -> pa.Array:
    """With the type that the column has in an example, so that slices have the same names wherever rows come from."""
    kind, types = column.type, pa.types
    if types.is_integer(kind) or types.is_boolean(kind):
        return column.cast(pa.int64())
    return column.cast(pa.float32()) if types.is_floating(kind) or types.is_decimal(kind) else column
