"""Rows that are kept in memory come in the same order as rows that are read anew in every epoch, and so give the same weights."""

import os
import shutil
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from components.training import trainer
from components.training.trainer import TransformedRows
from tests.components.columns.written import write_file

ROWS, BATCH = 1_500, 64


class Transform:
    """What of a transform graph is used."""

    def raw_feature_spec(self) -> dict[str, Any]:
        return {
            "seconds": tf.io.FixedLenFeature([1], tf.float32),
            "heat": tf.io.VarLenFeature(tf.float32),
            "returned": tf.io.FixedLenFeature([1], tf.int64),
        }

    def transform_features_layer(self) -> Any:
        return lambda raw: {"seconds": tf.math.log1p(raw["seconds"]), "returned": tf.cast(raw["returned"], tf.float32)}


class Sparse(Transform):
    """With a feature that not all rows have."""

    def transform_features_layer(self) -> Any:
        return lambda raw: {"heat": raw["heat"], "returned": raw["returned"]}


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of files of examples."""
    folder, chance = tmp_path_factory.mktemp("examples"), np.random.default_rng(5)
    for span in range(3):
        rows = {"seconds": chance.exponential(9, ROWS // 3).astype(np.float32), "returned": chance.integers(0, 2, ROWS // 3)}
        write_file(folder / "Split-train" / f"{span}.gz", [pa.RecordBatch.from_pydict({**rows, "heat": pa.nulls(ROWS // 3, pa.float32())})])
    return str(folder / "Split-train" / "*.gz")


def fitted(pattern: str, monkeypatch: pytest.MonkeyPatch, kept_bytes: int) -> tuple[bool, list[np.ndarray]]:
    """Whether rows were kept, and the weights after two epochs."""
    monkeypatch.setattr(trainer, "KEPT_BYTES", kept_bytes)
    monkeypatch.setattr(trainer, "SHUFFLE_ROWS", 200)
    keras.utils.set_random_seed(3)
    rows = TransformedRows(Transform(), "returned", BATCH)
    given = keras.Input((1,), name="seconds")
    network = keras.Model({"seconds": given}, keras.layers.Dense(1, activation="sigmoid")(keras.layers.Dense(8)(given)))
    network.compile("adam", "binary_crossentropy")
    network.fit(rows.read([pattern], shuffle_seed=3), validation_data=rows.read([pattern]), epochs=2, verbose=0)
    return any(rows.kept.values()), [np.asarray(weight) for weight in network.weights]


def test_weights_are_the_same_whether_rows_were_kept_or_read_anew(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (was_kept, kept), (was_not, anew) = (fitted(pattern, monkeypatch, most) for most in (1 << 20, 1 << 10))
    assert (was_kept, was_not) == (True, False)
    for left, right in zip(kept, anew, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-6)  # the last rows of a batch may be transformed by another kernel


def test_rows_from_their_columns_are_those_of_the_examples(pattern: str, tmp_path: Path) -> None:
    shutil.copytree(Path(pattern).parent, tmp_path / "Split-train")
    kept, decoded = (TransformedRows(Transform(), "returned", BATCH) for _ in range(2))
    for rows, files in ((kept, pattern), (decoded, str(tmp_path / "Split-train" / "*.gz"))):
        assert len(list(rows.read([files]))) == -(-ROWS // BATCH)
    (one,), (other,) = (list(rows.kept.values()) for rows in (kept, decoded))
    assert one is not None
    assert other is not None
    for name, column in other.items():
        assert one[name].numpy().tobytes() == column.numpy().tobytes()


def test_a_row_that_lacks_a_column_is_refused_from_columns_as_from_examples(tmp_path: Path) -> None:
    batch = pa.RecordBatch.from_pydict({"seconds": pa.array([1.5, None]), "returned": [0, 1]})
    write_file(tmp_path / "Split-train" / "1.gz", [batch])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Feature: seconds .* is required but could not be found"):
        TransformedRows(Transform(), "returned", BATCH).read([str(tmp_path / "Split-train" / "1.gz")])


def test_sparse_features_are_read_anew(pattern: str) -> None:
    rows = TransformedRows(Sparse(), "returned", BATCH)
    features, labels = next(iter(rows.read([pattern])))
    assert isinstance(features["heat"], tf.SparseTensor)
    assert labels.shape == (BATCH, 1)
