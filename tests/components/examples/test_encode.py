"""Arrow to tf.train.Example: the same bytes as Protocol Buffers writes, for every value that a column can hold."""

import gzip
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.errors import SourceError
from components.examples.encode import COMPRESSED_BYTES, TFRecordFile, _tfrecord_frames, encode_examples
from tests.components.examples.records import Features, parse, serialized

INTEGERS = [0, 1, -1, 127, 128, 129, 2**14 - 1, 2**14, 2**31, 2**32 + 1, 2**62, 2**63 - 1, -(2**63), -128, 300]
FLOATS = [0.0, -0.0, 1.0, -1.5, 0.1, 1 / 3, 1e-45, 1.1754942e-38, 3.4028235e38, -3.4028235e38]
TEXTS = [
    "",
    "a",
    "naïve café",
    "日本語",
    "😀👩‍👩‍👧",
    "a\0b",
    "\0",
    "'\"`\\",
    "line\nbreak\r\t",
    "x" * 127,
    "x" * 128,
    "é" * 10_000,
    "\ufffe\U0010ffff",
]
ONE_ROW = """
import pyarrow as pa
from components.examples.encode import encode_examples
print(encode_examples(pa.RecordBatch.from_pydict({name: [1] for name in ("b", "a", "d", "c")}))[0].as_py().hex())
"""


def encode(column: pa.Array) -> list[bytes]:
    return [bytes(record) for record in encode_examples(pa.RecordBatch.from_arrays([column], ["value"])).to_pylist()]


def decode(column: pa.Array) -> list[int | float | bytes | None]:
    return [parse(record).get("value") for record in encode(column)]


def by_protocol_buffers(features: Features) -> bytes:
    from tensorflow.core.example.example_pb2 import Example

    example = Example()
    for name, value in features.items():
        match value:
            case int():
                example.features.feature[name].int64_list.value.append(value)
            case float():
                example.features.feature[name].float_list.value.append(value)
            case bytes():
                example.features.feature[name].bytes_list.value.append(value)
    serialized: bytes = example.SerializeToString(deterministic=True)
    return serialized


def test_integers_keep_their_value() -> None:
    assert decode(pa.array(INTEGERS, pa.int64())) == INTEGERS


def test_booleans_are_zero_and_one() -> None:
    assert decode(pa.array([True, False, None])) == [1, 0, None]


def test_floats_are_rounded_to_float32() -> None:
    decoded = decode(pa.array(FLOATS, pa.float64()))
    np.testing.assert_array_equal(np.array(decoded, np.float32).view(np.int32), np.array(FLOATS, np.float32).view(np.int32))


@pytest.mark.parametrize("kind", [pa.decimal128(38, 9), pa.decimal256(76, 38)])
def test_decimals_become_float32(kind: pa.DataType) -> None:
    decoded = decode(pa.array([Decimal("19.99"), Decimal("-0.000000001"), None, Decimal(0)], kind))
    assert decoded == [pytest.approx(19.99), pytest.approx(-1e-9), None, 0.0]


def test_decimals_are_rounded_to_the_nearest_float32_as_where_they_are_scored() -> None:
    texts = ["-67098546.705179730", *(f"{number * 7919 - 50_000_000}.{number:09}" for number in range(20_000))]
    decoded = decode(pa.array([Decimal(text) for text in texts], pa.decimal128(38, 9)))
    np.testing.assert_array_equal(np.array(decoded, np.float32), np.array([float(text) for text in texts], np.float32))


def test_text_becomes_its_utf_8_bytes() -> None:
    assert decode(pa.array(TEXTS)) == [text.encode() for text in TEXTS]


def test_bytes_are_kept() -> None:
    values = [b"", b"\xff\x00\xfe", bytes(range(256))]
    assert decode(pa.array(values, pa.binary())) == values


@pytest.mark.parametrize("kind", [pa.int64(), pa.bool_(), pa.float64(), pa.string(), pa.binary(), pa.decimal128(38, 9)])
def test_a_null_is_a_feature_that_is_not_there(kind: pa.DataType) -> None:
    assert decode(pa.nulls(3, kind)) == [None, None, None]


def test_examples_are_those_of_protocol_buffers_byte_for_byte() -> None:
    random = np.random.default_rng(1)
    rows: list[Features] = []
    for number in range(500):
        row: Features = {
            "pages": int(random.choice(INTEGERS)),
            "Zeit": int(random.integers(-(2**63), 2**63 - 1)),
            "seconds": float(np.float32(random.normal())),
            "device": str(random.choice(TEXTS)).encode(),
            "größe": number,
        }
        rows.append({name: value for name, value in row.items() if random.random() < 0.8})
    columns = {name: [row.get(name) for row in rows] for name in ("pages", "Zeit", "seconds", "device", "größe")}
    batch = pa.RecordBatch.from_pydict(columns)
    assert encode_examples(batch).to_pylist() == [by_protocol_buffers(row) for row in rows]


def test_a_slice_of_a_batch_is_encoded_as_the_whole_is() -> None:
    whole = pa.RecordBatch.from_pydict({"a": [1, None, 3, 4], "b": ["x", "y", None, "z"], "c": [0.5, 1.5, 2.5, None]})
    assert encode_examples(whole.slice(1, 2)).to_pylist() == encode_examples(whole).to_pylist()[1:3]


def test_the_order_of_the_columns_does_not_matter() -> None:
    one = pa.RecordBatch.from_pydict({"a": [1], "b": ["x"]})
    assert encode_examples(one).equals(encode_examples(one.select(["b", "a"])))


def test_no_rows_are_no_examples() -> None:
    assert encode(pa.array([], pa.int64())) == encode(pa.array([], pa.string())) == encode(pa.array([], pa.float64())) == []


def test_every_process_writes_the_same_bytes() -> None:
    seeds = ("0", "1")
    written = {
        subprocess.run([sys.executable, "-c", ONE_ROW], env={"PYTHONHASHSEED": s}, check=True, capture_output=True).stdout for s in seeds
    }
    assert len(written) == 1


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([[1, 2]]), "list<item: int64>"),
        (pa.array([{"a": 1}]), "struct<a: int64>"),
        (pa.array([0], pa.date32()), "date32[day]"),
        (pa.array([0], pa.timestamp("us", "UTC")), "timestamp[us, tz=UTC]"),
    ],
)
def test_a_type_that_an_example_cannot_hold_is_refused(column: pa.Array, kind: str) -> None:
    with pytest.raises(SourceError) as error:
        encode(column)
    assert str(error.value) == (
        f"column 'value' of source.sql is {kind}, which tf.train.Example cannot hold: cast it to INT64, FLOAT64 or STRING"
    )


def test_a_file_holds_what_was_written_in_order(tmp_path: Path) -> None:
    records = [b"", b"\0", b"x" * 100_000, *(str(number).encode() for number in range(1000))]
    with TFRecordFile(tmp_path / "file.gz") as file:
        file.write(records[:3])
        file.write([])
        file.write(records[3:])
    assert list(serialized(tmp_path / "file.gz")) == records


def test_a_file_without_records_can_be_read(tmp_path: Path) -> None:
    with TFRecordFile(tmp_path / "file.gz"):
        pass
    assert list(serialized(tmp_path / "file.gz")) == []


def test_the_same_records_give_the_same_file_in_however_many_parts(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    records = [random.bytes(int(size)) for size in random.integers(0, 5000, 2000)]
    for name, parts in (("one.gz", 1), ("two.gz", 1), ("seven.gz", 7), ("all.gz", 2000)):
        with TFRecordFile(tmp_path / name) as file:
            for numbers in np.array_split(np.arange(2000), parts):
                file.write(records[number] for number in numbers)
    one, *others = ((tmp_path / name).read_bytes() for name in ("one.gz", "two.gz", "seven.gz", "all.gz"))
    assert all(other == one for other in others)
    assert gzip.decompress(one) == _tfrecord_frames(pa.array(records, pa.binary()))
    assert len(one) > 2 * COMPRESSED_BYTES
