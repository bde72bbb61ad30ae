"""Encode Arrow rows as tf.train.Example in TFRecords: whole columns at a time, the same rows always as the same bytes.

tfx_bsl's encoder is as fast, but writes an example's features in the order of a hash that differs from process to process.
"""

import gzip
import struct
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import google_crc32c
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.errors import SourceError

FIELD_1, FIELD_2, FIELD_3 = b"\x0a", b"\x12", b"\x1a"
"""Tags of length-delimited fields in Protocol Buffers' wire format."""
COMPRESSED_BYTES = 1 << 20
"""How many bytes are compressed at a time."""
BYTES_LIST, FLOAT_LIST, INT64_LIST = FIELD_1, FIELD_2, FIELD_3


def as_in_examples(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The columns with the types that tf.train.Example has, by name: int64, float32, and bytes, which are UTF-8 for text.

    Raises:
        SourceError: a column's type has no counterpart there.
    """
    names = sorted(batch.schema.names)
    return pa.RecordBatch.from_arrays([_as_in_example(name, batch.column(name)) for name in names], names)


def _as_in_example(name: str, column: pa.Array) -> pa.Array:
    kind, types = column.type, pa.types
    if types.is_integer(kind) or types.is_boolean(kind):
        return column.cast(pa.int64())
    if types.is_floating(kind):
        return column.cast(pa.float32())
    if types.is_decimal(kind):  # Arrow itself may round to the number beside, which no request in JSON would give
        return column.cast(pa.string()).cast(pa.float64()).cast(pa.float32())
    if types.is_string(kind) or types.is_binary(kind):
        return column.cast(pa.binary())
    raise SourceError(f"column {name!r} of source.sql is {kind}, which tf.train.Example cannot hold: cast it to INT64, FLOAT64 or STRING")


def encode_examples(batch: pa.RecordBatch) -> pa.BinaryArray:
    """One serialised tf.train.Example for each row, as Protocol Buffers' deterministic mode writes it. A NULL has no feature.

    Raises:
        SourceError: a column's type has no counterpart in tf.train.Example.
    """
    columns = as_in_examples(batch)
    features = [_map_entries(name, columns.column(name)) for name in columns.schema.names]
    return _with_header(_joined(features), lambda size: FIELD_1 + _varint(size))


def _map_entries(name: str, column: pa.Array) -> pa.BinaryArray:
    """The entries of one feature in `Features.feature`; null where the value is NULL."""
    kind, values = _values(column)
    key = FIELD_1 + _varint(len(name.encode())) + name.encode()

    def header(size: int) -> bytes:
        value_list = FIELD_1 + _varint(size)
        feature = kind + _varint(len(value_list) + size) + value_list
        entry = key + FIELD_2 + _varint(len(feature) + size) + feature
        return FIELD_1 + _varint(len(entry) + size) + entry

    return _with_header(values, header)


def _values(column: pa.Array) -> tuple[bytes, pa.BinaryArray]:
    """The tag of the list that the values of a column go into, and their bytes in it."""
    if pa.types.is_binary(column.type):
        return BYTES_LIST, column
    numbers = np.asarray(column.fill_null(0))
    if pa.types.is_integer(column.type):
        return INT64_LIST, _where_valid(column, _varints(numbers))
    data = pa.py_buffer(numbers.astype("<f4").tobytes())
    return FLOAT_LIST, _where_valid(column, pa.Array.from_buffers(pa.binary(4), len(column), [None, data]).cast(pa.binary()))


def _where_valid(column: pa.Array, values: pa.BinaryArray) -> pa.BinaryArray:
    return pc.if_else(column.is_valid(), values, None) if column.null_count else values


def _varints(numbers: np.ndarray) -> pa.BinaryArray:
    """Each int64 as Protocol Buffers writes it: groups of seven bits, the lowest first."""
    unsigned = numbers.view(np.uint64)
    width = max(1, -(-int(unsigned.max(initial=0)).bit_length() // 7))
    rest = unsigned[:, None] >> np.arange(0, 7 * width, 7, dtype=np.uint64)
    follows = np.zeros(rest.shape, bool)
    follows[:, :-1] = rest[:, 1:] != 0
    groups = (rest & np.uint64(0x7F)).astype(np.uint8) | (follows.astype(np.uint8) << 7)
    is_used = np.ones(rest.shape, bool)
    is_used[:, 1:] = follows[:, :-1]
    ends = np.concatenate([[0], np.cumsum(is_used.sum(axis=1))]).astype(np.int32)
    return pa.Array.from_buffers(pa.binary(), len(numbers), [None, pa.py_buffer(ends), pa.py_buffer(groups[is_used])])


def _varint(number: int) -> bytes:
    return bytes(_varints(np.array([number]))[0].as_py())


def _with_header(payloads: pa.BinaryArray, header: Callable[[int], bytes]) -> pa.BinaryArray:
    """Put a header in front of every payload. It depends only on the payload's size, so few distinct ones are made."""
    sizes = pc.binary_length(payloads)
    extremes = pc.min_max(sizes)
    if not payloads.null_count and extremes["min"] == extremes["max"] and len(payloads):  # as of a column of floats
        headers = pa.scalar(header(extremes["min"].as_py()), pa.binary())
    else:
        found = sizes.dictionary_encode()
        headers = pa.array([header(size) for size in found.dictionary.to_pylist()], pa.binary()).take(found.indices)
    return pc.binary_join_element_wise(headers, payloads, pa.scalar(b"", pa.binary()))


def _joined(columns: list[pa.BinaryArray]) -> pa.BinaryArray:
    # With "skip", PyArrow leaves out the rows in which every value is null.
    return pc.binary_join_element_wise(*columns, pa.scalar(b"", pa.binary()), null_handling="replace", null_replacement="")


def _tfrecord_frames(records: pa.BinaryArray) -> memoryview:
    """The records in TFRecord framing, one after the other: length, its masked CRC32C, bytes, their masked CRC32C.

    Source: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
    """
    checksums = np.fromiter(map(google_crc32c.value, records.to_pylist()), np.uint32, len(records))
    ends = pa.Array.from_buffers(pa.binary(4), len(records), [None, pa.py_buffer(_masked(checksums).astype("<u4"))]).cast(pa.binary())
    framed = pc.binary_join_element_wise(_with_header(records, _length_header), ends, pa.scalar(b"", pa.binary()))
    _, offsets, data = framed.buffers()
    first, last = np.frombuffer(offsets, np.int32)[[framed.offset, framed.offset + len(framed)]].tolist()
    return memoryview(data).cast("B")[first:last]


def _length_header(size: int) -> bytes:
    length = struct.pack("<Q", size)
    return length + _masked(np.array([google_crc32c.value(length)], np.uint32)).astype("<u4").tobytes()


def _masked(checksums: np.ndarray) -> np.ndarray:
    """CRCs as TFRecord masks them; uint32."""
    rotated: np.ndarray = (checksums >> np.uint32(15)) | (checksums << np.uint32(17))
    return rotated + np.uint32(0xA282EAD8)


class TFRecordFile:
    """Writes a gzipped TFRecord file, compressing in a thread of its own. The same records give the same bytes, in whatever parts."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("wb")
        self._gzip = gzip.GzipFile(filename="", fileobj=self._raw, mode="wb", compresslevel=1, mtime=0)
        self._thread = ThreadPoolExecutor(1, "compress")
        self._compressing: Future[None] | None = None
        self._waiting = bytearray()
        """Less than a block: blocks of one size are compressed, so that the bytes do not depend on the parts."""

    def write(self, records: pa.BinaryArray | Iterable[bytes]) -> None:
        """Append records.

        Raises:
            OSError: what was written before could not be.
        """
        self._waiting += _tfrecord_frames(records if isinstance(records, pa.Array) else pa.array(records, pa.binary()))
        whole = len(self._waiting) // COMPRESSED_BYTES * COMPRESSED_BYTES
        if whole:
            blocks, self._waiting = self._waiting, self._waiting[whole:]
            self._wait()
            self._compressing = self._thread.submit(self._compress, memoryview(blocks)[:whole])

    def _wait(self) -> None:
        """Let one part be compressed at a time: memory does not grow with the file."""
        if self._compressing is not None:
            self._compressing.result()

    def _compress(self, blocks: memoryview) -> None:
        for start in range(0, len(blocks), COMPRESSED_BYTES):
            self._gzip.write(blocks[start : start + COMPRESSED_BYTES])

    def __enter__(self) -> "TFRecordFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._wait()
            self._gzip.write(self._waiting)
            self._gzip.close()
        finally:
            self._thread.shutdown()
            self._raw.close()
