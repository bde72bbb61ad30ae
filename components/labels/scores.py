"""The scores that a log has."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def logged_scores(rows: pa.RecordBatch, count: int) -> np.ndarray:
    """What was answered, float32 [rows, count]; NaN where a row has no score, or not so many, as after another model of the same name."""
    if count == 1:
        return np.asarray(rows.column("score").cast(pa.float32()).fill_null(np.nan)).reshape(-1, 1)
    every = rows.column("class_scores")
    is_whole = pc.equal(every.value_lengths().fill_null(0), count)
    scores = np.full((rows.num_rows, count), np.nan, np.float32)
    scores[np.asarray(is_whole)] = np.asarray(every.filter(is_whole).flatten().cast(pa.float32()).fill_null(np.nan)).reshape(-1, count)
    return scores
