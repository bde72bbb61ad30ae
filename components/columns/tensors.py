"""Columns as tensors, as tf.io.parse_example gives them of examples."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import tensorflow as tf

TYPES = {"int64": pa.int64(), "float32": pa.float32(), "string": pa.binary()}
"""By TensorFlow's names of them."""


def parsed(batch: pa.RecordBatch, features: Mapping[str, object]) -> "dict[str, tf.Tensor | tf.SparseTensor] | None":
    """What tf.io.parse_example makes of rows.

    Args:
        batch: their columns.
        features: what it would be given, by name.

    Returns:
        None where only that knows: it refuses rows, fills in a default value, or makes other shapes.
    """
    found = {}
    for name, feature in features.items():
        column = column_of(batch, name, feature.dtype.name)  # type: ignore[attr-defined]
        tensor = None if column is None else _tensor(column, feature)
        if tensor is None:
            return None
        found[name] = tensor
    return found


def column_of(batch: pa.RecordBatch, name: str, dtype: str) -> pa.Array | None:
    """A column, or nulls where there is none of its name; None if it is of another type than TensorFlow's."""
    kind = TYPES.get(dtype)
    if kind is None or name not in batch.schema.names:
        return kind and pa.nulls(batch.num_rows, kind)
    column = batch.column(name)
    return column if column.type == kind else None


def matrix(column: pa.Array) -> np.ndarray:
    """The values of a column without nulls, [rows, 1]."""
    return column.to_numpy(zero_copy_only=False).reshape(-1, 1)  # type: ignore[no-any-return]


def _tensor(column: pa.Array, feature: Any) -> "tf.Tensor | tf.SparseTensor | None":
    import tensorflow as tf

    if isinstance(feature, tf.io.VarLenFeature):
        places = np.flatnonzero(np.asarray(column.is_valid()))
        indices = np.stack([places, np.zeros_like(places)], axis=1)
        return tf.SparseTensor(indices, _constant(column.drop_null()), [len(column), min(len(places), 1)])
    is_plain = isinstance(feature, tf.io.FixedLenFeature) and tuple(feature.shape) in ((), (1,))
    if not is_plain or column.null_count:
        return None
    return tf.reshape(_constant(column), [-1, *feature.shape])


def _constant(column: pa.Array) -> "tf.Tensor":
    """Text by the place of each among the different ones, which are few."""
    import tensorflow as tf

    if not pa.types.is_binary(column.type):
        return tf.constant(np.asarray(column))
    encoded = column.dictionary_encode()
    return tf.gather(tf.constant(encoded.dictionary.to_pylist(), tf.string), np.asarray(encoded.indices))
