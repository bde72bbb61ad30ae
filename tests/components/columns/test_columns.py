"""Columns beside examples say what the examples say, as each of their readers wants it: to the bit, or not at all."""

import os
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0.schema_pb2 import Schema
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from components.columns.column_file import columns_file, kept_schema, read_kept
from components.columns.decoded import read_decoded
from components.columns.tensors import parsed
from components.errors import SourceError
from components.examples.encode import as_in_examples, encode_examples
from tests.components.columns.written import write_files

ROWS = 1_000
SCHEMA = """
feature { name: "device" type: BYTES }
feature { name: "pages" type: INT }
feature { name: "unseen" type: FLOAT }
feature { name: "seconds" type: FLOAT }
"""


def visits(seed: int) -> pa.RecordBatch:
    chance = np.random.default_rng(seed)
    return pa.RecordBatch.from_pydict(
        {
            "seconds": chance.exponential(9, ROWS),
            "pages": pa.array(chance.integers(-5, 5, ROWS), mask=chance.random(ROWS) < 0.5),
            "price": pa.array([Decimal(f"{value:.2f}") for value in chance.random(ROWS)]),
            "device": pa.array(
                np.array(["phone", "", "naïve 日本語"])[chance.integers(0, 3, ROWS)].tolist(), mask=chance.random(ROWS) < 0.3
            ),
            "is_new": chance.random(ROWS) < 0.5,
            "heat": pa.array([None] * (ROWS - 1) + [1.5]),
            "nothing": pa.nulls(ROWS, pa.string()),
        }
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Rows in batches of several sizes, and a file without rows."""
    first, second = visits(1), visits(2)
    return write_files(tmp_path_factory.mktemp("examples"), [first[:1], first[1:700], first[700:]], [second[:0]], [second])


def decoded_by_tfx(files: list[Path], rows: int, schema: Schema | None = None) -> list[pa.RecordBatch]:
    records = tf.data.TFRecordDataset([str(file) for file in files], compression_type="GZIP")
    decoder = ExamplesToRecordBatchDecoder(schema.SerializeToString()) if schema else ExamplesToRecordBatchDecoder()
    return [decoder.DecodeBatch(batch.tolist()) for batch in records.batch(rows).as_numpy_iterator()]


@pytest.mark.parametrize("rows", [1, 64, 700, 1_500, 10_000])
@pytest.mark.parametrize("schema", [None, text_format.Parse(SCHEMA, Schema())], ids=["any columns", "those of a schema"])
def test_columns_are_what_the_examples_are_decoded_to(
    files: list[Path], rows: int, schema: Schema | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = decoded_by_tfx(files, rows, schema)
    monkeypatch.setattr(tf.data, "TFRecordDataset", None)  # the examples themselves are not read
    found = list(read_decoded(files, rows, schema))
    assert sum(batch.num_rows for batch in found) == 2 * ROWS
    assert [batch.schema for batch in found] == [batch.schema for batch in wanted]
    assert found == wanted
    for batch in found:
        for column in batch.columns:
            assert (column.offset, column.values.offset) == (0, 0)


def test_columns_of_another_type_than_the_schemas_are_left_to_the_decoder(files: list[Path]) -> None:
    schema = text_format.Parse(SCHEMA.replace("INT", "FLOAT"), Schema())
    with pytest.raises(RuntimeError, match="pages"):
        list(read_decoded(files, 100, schema))


def test_nothing_is_kept_where_a_file_lacks_its_columns_or_has_others(tmp_path: Path) -> None:
    first, second = write_files(tmp_path, [visits(1)], [visits(2).drop_columns(["pages"])])
    assert kept_schema([first]) == as_in_examples(visits(1)).schema
    assert kept_schema([first, second]) is None
    columns_file(first).unlink()
    assert kept_schema([first]) is None
    assert kept_schema([]) is None
    assert [batch.num_rows for batch in read_kept([second], 600)] == [600, 400]


def test_tensors_are_those_that_tensorflow_parses(files: list[Path]) -> None:
    features: dict[str, Any] = {
        "seconds": tf.io.FixedLenFeature([1], tf.float32),
        "price": tf.io.FixedLenFeature([], tf.float32),
        "is_new": tf.io.FixedLenFeature([1], tf.int64, default_value=[1]),
        **{name: tf.io.VarLenFeature(tf.string) for name in ("device", "nothing", "not there")},
        "pages": tf.io.VarLenFeature(tf.int64),
    }
    for batch in read_kept(files, 300):
        found, wanted = parsed(batch, features), tf.io.parse_example(encode_examples(batch).to_pylist(), features)
        assert found is not None
        assert found.keys() == wanted.keys()
        for name, tensor in wanted.items():
            for part in ("indices", "values", "dense_shape") if isinstance(tensor, tf.SparseTensor) else ("_id",):
                left, right = (one if part == "_id" else getattr(one, part) for one in (found[name], tensor))
                assert left.dtype == right.dtype
                np.testing.assert_array_equal(left.numpy(), right.numpy(), err_msg=name)


@pytest.mark.parametrize(
    ("name", "feature"),
    [
        ("pages", tf.io.FixedLenFeature([1], tf.int64)),
        ("pages", tf.io.FixedLenFeature([1], tf.int64, default_value=[7])),
        ("seconds", tf.io.FixedLenFeature([2], tf.float32)),
        ("seconds", tf.io.FixedLenFeature([1], tf.int64)),
        ("not there", tf.io.FixedLenFeature([1], tf.float32)),
        ("device", tf.io.RaggedFeature(tf.string)),
    ],
    ids=["no value", "a default", "another shape", "another type", "no column", "another kind"],
)
def test_what_only_tensorflow_knows_is_left_to_it(name: str, feature: object) -> None:
    assert parsed(as_in_examples(visits(1)), {name: feature}) is None


def test_a_type_that_no_example_holds_is_refused() -> None:
    batch = pa.RecordBatch.from_pydict({"day": [date(2026, 3, 4)]})
    with pytest.raises(SourceError, match=r"^column 'day' of source.sql is date32\[day\], which tf.train.Example cannot hold"):
        as_in_examples(batch)
