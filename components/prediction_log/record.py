"""A request's rows in the spool: what was asked, what was answered, and all that the log's rows are made of."""

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson

HEAD = struct.Struct("<III")
"""Bytes that follow, their CRC32, and how many of them are JSON. A record that is cut off or damaged was never answered."""
RECORD_BYTES, RECORD_ROWS = 1 << 20, 500
"""A record of more is written as several: a request to BigQuery takes whole ones."""
NUMBERS: dict[str, np.dtype[Any]] = {"int64": np.dtype(np.int64), "float32": np.dtype(np.float32), "present": np.dtype(np.bool_)}


@dataclass(frozen=True)
class RecordHeader:
    """What is said of a request once."""

    request_id: str
    event_microseconds: int
    """Since 1970, when the request had come."""
    version: int
    role: str
    latency_microseconds: int
    """From then until its rows were scored."""
    weight: float
    """How many requests this one stands for where only some are logged."""
    trace_id: str | None
    rows: int
    keys: Sequence[str | None]
    spans: Sequence[str | None]
    texts: Sequence[Sequence[str]]
    """Of each row, the values of `string`."""
    instance: int = 0
    """Of the first row: its place in the request."""


@dataclass(frozen=True, eq=False)
class LogRecord:
    """A request with its rows: packed [rows, width] by type, and float32 scores [rows, scores]."""

    header: RecordHeader
    numbers: Mapping[str, np.ndarray]
    scores: np.ndarray


def encode(record: LogRecord) -> bytes:
    """The record's bytes. Numbers stay as they are, so that they are the same to the bit when they are read."""
    widths = {name: array.shape[1] for name, array in record.numbers.items()}
    header = orjson.dumps([vars(record.header), widths, record.scores.shape[1]])
    body = b"".join([header, *(array.tobytes() for array in record.numbers.values()), record.scores.tobytes()])
    return HEAD.pack(len(body), zlib.crc32(body), len(header)) + body


def encoded_parts(record: LogRecord) -> list[bytes]:
    """A request as one record, or as several where that would be large. A single row is one record, however long."""
    rows = record.header.rows
    if rows <= RECORD_ROWS and (len(data := encode(record)) <= RECORD_BYTES or rows == 1):
        return [data]
    return [data for part in (slice(0, rows // 2), slice(rows // 2, rows)) for data in encoded_parts(_part(record, part))]


def _part(record: LogRecord, part: slice) -> LogRecord:
    header, start = record.header, record.header.instance + part.start
    numbers = {name: array[part] for name, array in record.numbers.items()}
    keys, spans, texts = header.keys[part], header.spans[part], header.texts[part]
    own = replace(header, rows=part.stop - part.start, instance=start, keys=keys, spans=spans, texts=texts)
    return LogRecord(own, numbers, record.scores[part])


def is_cut(data: bytes) -> bool:
    """Whether some bytes are only the beginning of a record, as a writer leaves them that is killed: it was never answered."""
    return len(data) < HEAD.size or HEAD.unpack_from(data)[0] > len(data) - HEAD.size


def decode(data: bytes) -> Iterator[tuple[LogRecord, int]]:
    """The whole records at the beginning of some bytes, each with the place after it."""
    at = 0
    while at + HEAD.size <= len(data):
        size, checksum, header_size = HEAD.unpack_from(data, at)
        at += HEAD.size
        body = data[at : at + size]
        if not size or len(body) < size or zlib.crc32(body) != checksum:
            return
        at += size
        yield _decoded(body, header_size), at


def _decoded(body: bytes, header_size: int) -> LogRecord:
    fields, widths, score_count = orjson.loads(body[:header_size])
    header, at = RecordHeader(**fields), header_size
    numbers = {}
    for name, width in widths.items():
        dtype = NUMBERS[name]
        numbers[name] = np.frombuffer(body, dtype, header.rows * width, at).reshape(header.rows, width)
        at += header.rows * width * dtype.itemsize
    scores = np.frombuffer(body, np.float32, header.rows * score_count, at).reshape(header.rows, score_count)
    return LogRecord(header, numbers, scores)
