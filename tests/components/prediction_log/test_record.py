"""Records of the spool: numbers come back to the bit, and what is cut off or damaged is no record."""

import numpy as np
import pytest

from components.prediction_log.record import LogRecord, RecordHeader, decode, encode

NUMBERS: dict[str, np.ndarray] = {
    "int64": np.array([[2**53 + 1, -(2**63)], [0, 1]], np.int64),
    "float32": np.array([[np.nan, -0.0, 1 / 3], [np.inf, 1e-45, 0.1]], np.float32),
    "present": np.array([[True], [False]]),
}
HEADER = RecordHeader("r1", 1_700_000_000_000_000, 3, "live", 45, 1.0, None, 2, ["k", None], [None, "2013-01-02"], [["ä\u0000"], [""]])
RECORD = LogRecord(HEADER, NUMBERS, np.array([[0.1], [np.nan]], np.float32))


def test_a_record_comes_back_to_the_bit() -> None:
    data = encode(RECORD)
    ((first, after), (second, end)) = decode(data + data)
    assert (after, end) == (len(data), 2 * len(data))
    for found in (first, second):
        assert found.header == HEADER
        assert {name: array.tobytes() for name, array in found.numbers.items()} == {n: a.tobytes() for n, a in NUMBERS.items()}
        assert found.scores.tobytes() == RECORD.scores.tobytes()


@pytest.mark.parametrize("cut", [1, 11, 12, 40, 200])
def test_what_is_cut_off_is_no_record(cut: int) -> None:
    data = encode(RECORD)
    assert [after for _, after in decode(data + data[:cut])] == [len(data)]


def test_a_damaged_record_ends_the_segment() -> None:
    data = bytearray(encode(RECORD) * 3)
    data[len(data) // 2] ^= 1
    assert len(list(decode(bytes(data)))) == 1
