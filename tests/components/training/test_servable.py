"""What teams build networks of runs in a session as it does in Python, by every signature, wherever its folder goes."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from components.errors import ModelFolderError
from components.examples.encode import encode_examples
from components.training.network import fed
from components.training.servable import Tensors, columns_of, parse_columns, save_servable
from components.training.signatures import Column, Signatures, read_signatures
from components.training.smoke import Recorded, SmokeError, _signature_inputs, try_servable

DEVICES = ["phone", "desk", "tv", "watch"]
COLUMNS = (Column("device", "string"), Column("pages", "int64"), Column("seconds", "float32"))
RANDOM = np.random.default_rng(7)
ROWS = encode_examples(
    pa.RecordBatch.from_pydict(
        {"device": (DEVICES * 16)[:64], "pages": RANDOM.integers(0, 9, 64), "seconds": RANDOM.normal(5, 2, 64).astype(np.float32)}
    )
).to_pylist()
Features = dict[str, Any]


def inputs(*names: str) -> Features:
    return {column.name: keras.Input((1,), name=column.name, dtype=column.dtype) for column in COLUMNS if column.name in names}


def functional(given: Features, *parts: Any) -> keras.Model:
    joined = keras.layers.Concatenate()(list(parts)) if len(parts) > 1 else parts[0]
    return keras.Model(given, keras.layers.Dense(1, activation="sigmoid")(joined))


def several_inputs_and_a_shared_layer() -> keras.Model:
    given = inputs("seconds", "pages")
    shared = keras.layers.Dense(4, activation="relu")
    return functional(given, shared(given["seconds"]), shared(keras.ops.cast(given["pages"], "float32")))


class Subclassed(keras.Model):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.hidden = [keras.layers.Dense(3, activation="tanh"), keras.layers.Dense(1, activation="sigmoid")]

    def call(self, features: Features) -> Any:
        found = tf.concat([features["seconds"], tf.cast(features["pages"], tf.float32)], axis=1)
        for layer in self.hidden:
            found = layer(found)
        return found


class States(keras.layers.Layer):  # type: ignore[misc]
    """Variables of each kind: Keras's own, whole numbers and texts, in a list and a dict, and one that nothing reads."""

    def build(self, _: Any) -> None:
        self.scale = self.add_weight(shape=(1,), initializer="ones")
        self.shift = self.add_weight(shape=(1,), initializer=keras.initializers.Constant(2), dtype="int64", trainable=False)
        self.unread = self.add_weight(shape=(100,), initializer="ones", trainable=False)
        self.listed = [tf.Variable([0.25]), tf.Variable([0.5])]
        self.named = {"words": tf.Variable(["none", "some"], trainable=False)}

    def call(self, values: Any) -> Any:
        numbers = values * self.scale + tf.cast(self.shift.value, tf.float32) * self.listed[0] + self.listed[1]
        return numbers + tf.cast(tf.strings.length(self.named["words"][1]), tf.float32)


def variables_of_every_kind() -> keras.Model:
    given = inputs("seconds")
    return functional(given, States()(given["seconds"]))


def embedded(index: Any, given: Features) -> keras.Model:
    return functional(given, keras.layers.Flatten()(keras.layers.Embedding(8, 2)(index)))


def string_lookup() -> keras.Model:
    given = inputs("device")
    return embedded(keras.layers.StringLookup(vocabulary=DEVICES[:3])(given["device"]), given)


def string_lookup_in_a_file(folder: Path) -> keras.Model:
    (folder / "devices.txt").write_text("\n".join(DEVICES))
    given = inputs("device")
    return embedded(keras.layers.StringLookup(vocabulary=str(folder / "devices.txt"))(given["device"]), given)


def integer_lookup() -> keras.Model:
    given = inputs("pages")
    return functional(given, keras.layers.IntegerLookup(vocabulary=[1, 2, 5], output_mode="one_hot")(given["pages"]))


def hashing() -> keras.Model:
    given = inputs("device")
    return embedded(keras.layers.Hashing(8)(given["device"]), given)


def text_vectorization() -> keras.Model:
    given = inputs("device")
    words = keras.layers.TextVectorization(output_mode="multi_hot", vocabulary=DEVICES[:2])
    return functional(given, words(given["device"]))


def adapted() -> keras.Model:
    given = inputs("seconds", "pages")
    normal, bins = keras.layers.Normalization(), keras.layers.Discretization(num_bins=4, output_mode="one_hot")
    features = parse_columns(tf.constant(ROWS), COLUMNS)
    normal.adapt(features["seconds"].numpy())
    bins.adapt(features["pages"].numpy().astype(np.float32))
    return functional(given, normal(given["seconds"]), bins(keras.ops.cast(given["pages"], "float32")))


class Tables(keras.layers.Layer):  # type: ignore[misc]
    """Looks words up in the tables of TensorFlow's that it has, in an attribute and in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.others = static_table(), {"mutable": mutable_table()}

    def call(self, words: Any) -> Any:
        found = self.one.lookup(words) + self.others["mutable"].lookup(words)
        return tf.cast(tf.ensure_shape(found, [None, 1]), tf.float32)


def static_table() -> Any:
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(DEVICES, tf.range(4, dtype=tf.int64)), default_value=-1)


def mutable_table() -> Any:
    table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, default_value=-1)
    table.insert(DEVICES, tf.range(4, dtype=tf.int64))
    return table


def tables() -> keras.Model:
    given = inputs("device")
    return functional(given, Tables()(given["device"]))


def batch_normalization_and_dropout() -> keras.Model:
    given = inputs("seconds")
    normal = keras.layers.BatchNormalization()(keras.layers.Dense(8)(given["seconds"]))
    return functional(given, keras.layers.GaussianNoise(1.0)(keras.layers.Dropout(0.5)(normal)))


def recurrent() -> keras.Model:
    given = inputs("seconds")
    sequence = keras.layers.RepeatVector(3)(given["seconds"])
    return functional(given, keras.layers.LSTM(3)(sequence), keras.layers.Bidirectional(keras.layers.GRU(2))(sequence))


def attention() -> keras.Model:
    given = inputs("seconds")
    sequence = keras.layers.RepeatVector(3)(given["seconds"])
    return functional(given, keras.layers.Flatten()(keras.layers.MultiHeadAttention(2, 2)(sequence, sequence)))


def any_code() -> keras.Model:
    given = inputs("seconds", "device")
    length = keras.layers.Lambda(lambda words: tf.cast(tf.strings.length(words), tf.float32), output_shape=(1,))
    return functional(given, length(given["device"]), keras.ops.sin(given["seconds"]))


def half_precision() -> keras.Model:
    given = inputs("seconds")
    return keras.Model(given, keras.layers.Dense(1, activation="sigmoid", dtype="mixed_float16")(given["seconds"]))


NETWORKS: dict[str, Callable[[], keras.Model]] = {
    "several inputs and a shared layer": several_inputs_and_a_shared_layer,
    "a subclassed model": Subclassed,
    "variables of every kind": variables_of_every_kind,
    "StringLookup": string_lookup,
    "IntegerLookup": integer_lookup,
    "Hashing": hashing,
    "TextVectorization": text_vectorization,
    "Normalization and Discretization, adapted": adapted,
    "tables of TensorFlow's": tables,
    "BatchNormalization, Dropout and noise": batch_normalization_and_dropout,
    "LSTM and GRU": recurrent,
    "MultiHeadAttention": attention,
    "Lambda and keras.ops": any_code,
    "half precision": half_precision,
}


def saved(network: keras.Model, folder: Path, signatures: Signatures | None = None) -> Recorded:
    """Train the network a little and save it; what it answers beside Keras."""
    signatures = signatures or Signatures(COLUMNS, 1)
    features = fed(network, parse_columns(tf.constant(ROWS), COLUMNS))
    labels = RANDOM.integers(0, 2, (len(ROWS), 1)).astype(np.float32)
    network.compile("adam", "binary_crossentropy")
    network.fit(tf.data.Dataset.from_tensors((features, labels)).repeat(3), verbose=0)

    def score(columns: Tensors) -> tf.Tensor:
        return network(fed(network, columns), training=False)

    answer = save_servable(score, signatures, [network], folder)
    values = network(features, training=False).numpy().astype(np.float32)
    assert np.allclose(answer(examples=tf.constant(ROWS))["score"], values, rtol=1e-5)
    return Recorded(ROWS, values.tolist())


def try_moved(folder: Path, recorded: Recorded) -> float:
    """In another folder than the one it was saved in, which is gone."""
    moved = folder.with_name("moved")
    shutil.move(folder, moved)
    return try_servable(moved, tf.saved_model.load(str(moved)).signatures, read_signatures(moved, "it"), recorded)


@pytest.fixture(autouse=True)
def same_weights() -> None:
    """The weights that a network begins with are the same each time: some would give the same answer to all rows."""
    keras.utils.set_random_seed(7)


@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
def test_a_network_answers_alike_by_every_signature_in_python_and_in_a_session(build: Callable[[], keras.Model], tmp_path: Path) -> None:
    recorded = saved(build(), tmp_path / "model")
    assert np.std(recorded.values) > 0
    assert try_moved(tmp_path / "model", recorded) < 1e-6


def test_a_vocabulary_in_a_file_travels_along(tmp_path: Path) -> None:
    recorded = saved(string_lookup_in_a_file(tmp_path), tmp_path / "model")
    (tmp_path / "devices.txt").unlink()
    assert try_moved(tmp_path / "model", recorded) < 1e-6


def test_only_what_the_signatures_use_is_saved_each_once_and_in_the_same_order(tmp_path: Path) -> None:
    saved(variables_of_every_kind(), tmp_path / "model")
    shapes = dict(tf.train.list_variables(str(tmp_path / "model" / "variables" / "variables")))
    del shapes["_CHECKPOINTABLE_OBJECT_GRAPH"]
    assert [shape for _, shape in sorted(shapes.items())] == [[1], [1], [1], [1], [2], [1, 1], [1]]


def test_a_table_that_no_layer_has_is_refused(tmp_path: Path) -> None:
    table = static_table()

    class Hidden(keras.layers.Layer):  # type: ignore[misc]
        def call(self, words: Any) -> Any:
            return tf.cast(table.lookup(words), tf.float32)

    given = inputs("device")
    with pytest.raises(ModelFolderError) as error:
        saved(functional(given, Hidden()(given["device"])), tmp_path / "model")
    assert str(error.value) == "network.py uses a table that no layer has: make it an attribute of the layer that uses it"


def test_a_call_of_python_cannot_be_served(tmp_path: Path) -> None:
    given = inputs("seconds")
    twice = keras.layers.Lambda(
        lambda x: tf.ensure_shape(tf.numpy_function(lambda y: 2 * y, [x], tf.float32), [None, 1]), output_shape=(1,)
    )
    recorded = saved(functional(given, twice(given["seconds"])), tmp_path / "model")
    with pytest.raises(SmokeError) as error:
        try_moved(tmp_path / "model", recorded)
    assert str(error.value) == (
        "does not run in a session, as TensorFlow Serving runs it (it calls a function of Python, by PyFunc, which no file can hold)"
    )


def test_columns_of_any_shape_and_columns_that_a_row_may_lack(tmp_path: Path) -> None:
    specification = {
        "device": tf.io.VarLenFeature(tf.string),
        "seconds": tf.io.FixedLenFeature([2, 2], tf.float32),
        "pages": tf.io.VarLenFeature(tf.int64),
        "visits": tf.io.FixedLenFeature([], tf.int64),
    }
    signatures = Signatures(columns_of(specification), 1)
    rows = [
        tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
        for feature in (
            example(seconds=[1.0, 2.0, 3.0, 4.0], visits=[3], pages=[7], device=[b"tv"]),
            example(seconds=[5.0, 6.0, 7.0, 8.0], visits=[0], pages=[0]),
            example(seconds=[0.0, 0.0, 0.0, 9.0], visits=[-2]),
        )
    ]

    def score(columns: Tensors) -> tf.Tensor:
        pages = tf.sparse.to_dense(tf.sparse.reset_shape(columns["pages"], [columns["pages"].dense_shape[0], 1]), default_value=100)
        texts = tf.sparse.reset_shape(columns["device"], [columns["device"].dense_shape[0], 1])
        length = tf.strings.length(tf.sparse.to_dense(texts, default_value="nothing"))
        whole = tf.reduce_sum(columns["seconds"], axis=[1, 2])[:, None] + tf.cast(columns["visits"], tf.float32)[:, None]
        return whole + tf.cast(pages, tf.float32) + tf.cast(length, tf.float32)

    answer = save_servable(score, signatures, [tf.Module()], tmp_path)
    values = answer(examples=tf.constant(rows))["score"].numpy().tolist()
    assert values == [[22.0], [33.0], [114.0]]
    assert try_servable(tmp_path, tf.saved_model.load(str(tmp_path)).signatures, signatures, Recorded(rows, values)) == 0
    packed = _signature_inputs(rows, signatures)["packed"]
    assert packed["present"].tolist() == [[True, True], [False, True], [False, False]]
    assert packed["int64"].tolist() == [[7, 3], [0, 0], [0, -2]]
    assert packed["float32"].shape == (3, 4)
    assert read_signatures(tmp_path, "it") == signatures


def example(**values: list[Any]) -> dict[str, tf.train.Feature]:
    kinds = {
        bytes: lambda found: tf.train.Feature(bytes_list=tf.train.BytesList(value=found)),
        float: lambda found: tf.train.Feature(float_list=tf.train.FloatList(value=found)),
        int: lambda found: tf.train.Feature(int64_list=tf.train.Int64List(value=found)),
    }
    return {name: kinds[type(found[0])](found) for name, found in values.items()}


@pytest.mark.parametrize(
    ("feature", "kind"),
    [
        (tf.io.FixedLenFeature([1], tf.int64, 0), "FixedLenFeature with a default value"),
        (tf.io.RaggedFeature(tf.int64), "RaggedFeature"),
    ],
)
def test_a_feature_that_is_no_column_is_refused(feature: Any, kind: str) -> None:
    with pytest.raises(ModelFolderError) as error:
        columns_of({"pages": feature})
    assert str(error.value) == (
        f"schema.pbtxt makes 'pages' a {kind}, which is no column: give it a shape, or leave shape and representation out"
    )
