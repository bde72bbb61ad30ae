"""A segment is read to its end, whatever the length of its records, and what cannot be read is never deleted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from components.prediction_log.record import RECORD_BYTES, LogRecord, decode, encode, encoded_parts
from components.prediction_log.segment import READ_BYTES, Segment
from tests.components.prediction_log.test_record import HEADER, RECORD


def wide(rows: int, width: int) -> LogRecord:
    lists = {"keys": ["k"] * rows, "spans": [None] * rows, "texts": [[str(row)] for row in range(rows)]}
    numbers = {"int64": np.arange(rows * width).reshape(rows, width)}
    return LogRecord(replace(HEADER, rows=rows, **lists), numbers, np.zeros((rows, 1), np.float32))  # type: ignore[arg-type]


def segment(folder: Path, *records: bytes) -> Segment:
    path = folder / "1.segment"
    path.write_bytes(b"".join(records))
    return Segment(path)


def frames(found: Segment) -> list[int]:
    """The rows of each."""
    rows = []
    while frame := found.next_frame():
        rows.append(frame[0].rows)
        found.taken()
    return rows


def next_rows(found: Segment) -> tuple[int, int]:
    """Offset and rows of the next frame."""
    frame = found.next_frame()
    assert frame is not None
    return frame[0].offset, frame[0].rows


def test_a_record_may_be_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    large = encode(wide(4_096, 300))
    assert len(large) > READ_BYTES
    found = segment(tmp_path, large, encode(RECORD))
    assert frames(found) == [4_096, 2]
    assert not found.put_aside()


def test_a_large_request_is_written_in_parts_that_have_its_rows_in_their_order() -> None:
    record = wide(4_096, 300)
    parts = [part for data in encoded_parts(record) for part, _ in decode(data)]
    assert max(len(encode(part)) for part in parts) <= RECORD_BYTES
    assert [part.header.instance for part in parts] == np.cumsum([0, *(part.header.rows for part in parts)])[:-1].tolist()
    assert np.array_equal(np.concatenate([part.numbers["int64"] for part in parts]), record.numbers["int64"])
    assert [text for part in parts for text in part.header.texts] == record.header.texts
    assert encoded_parts(RECORD) == [encode(RECORD)]


@pytest.mark.parametrize("is_sent", [False, True])
def test_what_is_damaged_is_put_aside_and_what_is_cut_off_is_not(tmp_path: Path, is_sent: bool) -> None:
    damaged = bytearray(encode(RECORD))
    damaged[-1] ^= 1
    found = segment(tmp_path, encode(RECORD), encode(RECORD))
    if is_sent:
        assert found.next_frame()
        found.path.write_bytes(encode(RECORD) + damaged)
        found = Segment(found.path)
    else:
        found = segment(tmp_path, encode(RECORD), bytes(damaged), encode(RECORD))
        assert frames(found) == [2]
    assert found.next_frame() is None, "a frame that was noted has the rows that it had"
    assert found.put_aside()
    found.delete()
    assert [path.name for path in tmp_path.iterdir()] == ["1.damaged"]
    for cut in (5, 100):
        killed = segment(tmp_path, encode(RECORD), encode(RECORD)[:cut])
        assert frames(killed) == [2]
        assert not killed.put_aside()
        killed.delete()


def test_a_frame_that_is_too_large_is_halved_and_another_stream_begins_at_its_first_row(tmp_path: Path) -> None:
    found = segment(tmp_path, *[encode(RECORD)] * 8)
    assert next_rows(found) == (0, 16)
    found.halve(8)
    assert next_rows(found) == (0, 8)
    found.taken()
    found.name_stream("a")
    found.forget_stream()
    for again in (found, Segment(found.path)):
        assert again.stream is None
        assert next_rows(again) == (0, 8)
