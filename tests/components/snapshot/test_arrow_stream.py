"""Batches of rows: split by day, whatever their order."""

from datetime import date

import pyarrow as pa
import pytest

from components.snapshot.arrow_stream import split_by_day

FIRST, SECOND, NO_DATE = date(2026, 3, 1), date(2026, 3, 2), date(1970, 1, 1)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([FIRST, FIRST, SECOND], [(FIRST, [0, 1]), (SECOND, [2])]),
        ([SECOND, FIRST, SECOND, FIRST], [(FIRST, [1, 3]), (SECOND, [0, 2])]),
        ([FIRST, None, FIRST], [(NO_DATE, [1]), (FIRST, [0, 2])]),
        ([], []),
    ],
    ids=["ordered", "unordered", "without a date", "empty"],
)
def test_a_batch_is_split_by_day_and_the_rows_of_a_day_keep_their_order(
    days: list[date | None], expected: list[tuple[date, list[int]]]
) -> None:
    batch = pa.RecordBatch.from_pydict({"day": pa.array(days, pa.date32()), "number": pa.array(range(len(days)), pa.int64())})
    assert [(day, rows.column("number").to_pylist()) for day, rows in split_by_day(batch, "day")] == expected
