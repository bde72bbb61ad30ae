"""What is pushed: a servable, as TensorFlow Serving calls what it loads. It has what its signatures use, and no more.

A Keras model that is saved as it is has each variable twice: Keras's own, which is restored, and TensorFlow's, which the signatures read.
Python's loader takes both for one; a session, and so TensorFlow Serving, answers "Could not find variable".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from components.errors import ModelFolderError
from components.training.signatures import INPUT, OUTPUT, PACKED, PRESENT, RAW, SIGNATURE, Column, Signatures

if TYPE_CHECKING:
    import tensorflow as tf

Tensors: TypeAlias = "dict[str, tf.Tensor | tf.SparseTensor]"
"""By column: [batch, *shape], sparse [batch, 1] of an optional one."""
Score = Callable[[Tensors], "tf.Tensor"]
"""float [batch, scores] of rows."""
Answer = Callable[..., Mapping[str, "tf.Tensor"]]
"""A signature: its inputs by name, to its outputs by name."""


def columns_of(specification: Mapping[str, object]) -> tuple[Column, ...]:
    """The columns of what tf.io.parse_example is given, by name.

    Raises:
        ModelFolderError: one of them is of a kind that only Examples can hold.
    """
    return tuple(_column(name, feature) for name, feature in sorted(specification.items()))


def _column(name: str, feature: object) -> Column:
    import tensorflow as tf

    if isinstance(feature, tf.io.FixedLenFeature) and feature.default_value is None:
        return Column(name, feature.dtype.name, tuple(feature.shape))
    if isinstance(feature, tf.io.VarLenFeature):
        return Column(name, feature.dtype.name, optional=True)
    kind = type(feature).__name__ + (" with a default value" if isinstance(feature, tf.io.FixedLenFeature) else "")
    raise ModelFolderError(
        f"schema.pbtxt makes {name!r} a {kind}, which is no column: give it a shape, or leave shape and representation out"
    )


def parse_columns(examples: "tf.Tensor", columns: Sequence[Column]) -> Tensors:
    """The columns of serialised tf.train.Examples [batch]."""
    import tensorflow as tf

    features = {
        column.name: tf.io.VarLenFeature(column.dtype) if column.optional else tf.io.FixedLenFeature(column.shape, column.dtype)
        for column in columns
    }
    return dict(tf.io.parse_example(examples, features))


def save_servable(score: Score, signatures: Signatures, roots: Sequence[object], folder: Path) -> Answer:
    """Write a SavedModel with its signatures, and the file that describes them. Returns what `serving_default` answers in this process.

    Args:
        score: what all signatures call.
        signatures: what the servable is asked.
        roots: Keras models and TensorFlow modules that have the variables and tables which `score` uses. Other variables are left out.
        folder: where to.

    Raises:
        ModelFolderError: `score` uses a table that none of the roots has.
    """
    import tensorflow as tf

    functions = {name: _signature(name, score, signatures) for name in signatures.names}
    used = {id(variable): variable for function in functions.values() for variable in function.get_concrete_function().variables}
    held = {id(item): item for root in roots for item in _resources(root)}
    others = sorted((variable for place, variable in used.items() if place not in held), key=lambda variable: variable.name)
    module = tf.Module()
    module.weights = [item for place, item in held.items() if place in used] + others
    module.tables = [item for item in held.values() if not isinstance(item, tf.Variable)]
    try:
        tf.saved_model.save(module, str(folder), signatures=functions)
    except AssertionError as error:
        if "'untracked' resource" not in str(error):
            raise
        raise ModelFolderError("network.py uses a table that no layer has: make it an attribute of the layer that uses it") from error
    signatures.write(folder)
    return functions[SIGNATURE]  # type: ignore[no-any-return]


def _resources(root: object) -> list[Any]:
    """The variables and tables that something has, wherever its layers keep them, each once and always in the same order.

    TensorFlow does not see those in the lists and dicts of a Keras layer.
    """
    import tensorflow as tf

    kinds = (tf.Variable, tf.saved_model.experimental.TrackableResource)
    found = chain(_held(root, set()), tf.train.TrackableView(root).descendants())
    return list({id(item): item for item in found if isinstance(item, kinds)}.values())


def _held(item: object, seen: set[int]) -> Iterator[Any]:
    import keras
    import tensorflow as tf

    if id(item) in seen:
        return
    seen.add(id(item))
    yield item
    inside: Iterable[Any] = ()
    if isinstance(item, keras.Variable):
        inside = [item.value]
    elif isinstance(item, Mapping):
        inside = item.values()
    elif isinstance(item, list | tuple):
        inside = item
    elif isinstance(item, keras.layers.Layer | tf.Module):
        inside = vars(item).values()
    for one in inside:
        yield from _held(one, seen)


def _signature(name: str, score: Score, signatures: Signatures) -> Any:
    import tensorflow as tf

    columns = signatures.columns
    values = [tf.TensorSpec([None, *column.shape], column.dtype, name=column.name) for column in columns]
    present = [tf.TensorSpec([None, len(signatures.optional)], tf.bool, name=PRESENT)] if signatures.optional else []
    matrices = [
        tf.TensorSpec([None, sum(column.width for column in group)], dtype, name=dtype) for dtype, group in signatures.packed.items()
    ]

    def answer(features: Tensors) -> dict[str, tf.Tensor]:
        return {OUTPUT: tf.cast(score(features), tf.float32)}

    def from_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer(parse_columns(examples, columns))

    def from_tensors(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        named = dict(zip((column.name for column in columns), inputs, strict=False))
        return answer(_with_absent(named, signatures, inputs[-1]))

    def from_matrices(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer(_with_absent(_unpacked(dict(zip(signatures.packed, inputs, strict=False)), signatures), signatures, inputs[-1]))

    function, specification = {
        SIGNATURE: (from_examples, [tf.TensorSpec([None], tf.string, name=INPUT)]),
        RAW: (from_tensors, values + present),
        PACKED: (from_matrices, matrices + present),
    }[name]
    return tf.function(function, input_signature=specification, autograph=False)


def _unpacked(matrices: Mapping[str, "tf.Tensor"], signatures: Signatures) -> dict[str, "tf.Tensor"]:
    import tensorflow as tf

    found = {}
    for dtype, columns in signatures.packed.items():
        parts = tf.split(matrices[dtype], [column.width for column in columns], axis=1)
        for column, part in zip(columns, parts, strict=True):
            found[column.name] = part if column.shape == (1,) else tf.reshape(part, [-1, *column.shape])
    return found


def _with_absent(values: Mapping[str, "tf.Tensor"], signatures: Signatures, present: "tf.Tensor") -> Tensors:
    """As tf.io.parse_example gives it: an optional column is sparse, and has what `present` [batch, optional] says."""
    import tensorflow as tf

    found: Tensors = dict(values)
    for place, column in enumerate(signatures.optional):
        is_there = present[:, place : place + 1]
        shape = tf.stack([tf.shape(is_there, tf.int64)[0], tf.cast(tf.reduce_any(is_there), tf.int64)])
        found[column.name] = tf.SparseTensor(tf.where(is_there), tf.boolean_mask(values[column.name], is_there), shape)
    return found
